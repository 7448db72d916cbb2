package update

import (
	"context"
	"fmt"
	"strings"
	"time"

	"holdfast/appliance/verdict"
)

// Status is what "holdfast update status --json" prints.
type Status struct {
	Running string    `json:"running"`
	OnTrial bool      `json:"trial"`            // what runs is tried
	Broken  string    `json:"broken,omitempty"` // what of the root that runs is; it can't be read
	Loader  string    `json:"loader,omitempty"` // what keeps it from being put right
	Slots   []Entry   `json:"slots,omitempty"`
	Update  *Progress `json:"update,omitempty"` // that is under way
	History []Outcome `json:"history"`          // the last one first
}

// Progress is an update that is under way.
type Progress struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Stage string `json:"stage"` // "installing", "installed" or "judged"
	// Missing is what it waits for; nothing: for the time that all has to be well.
	Missing []string `json:"missing,omitempty"`
	Left    float64  `json:"left,omitempty"` // seconds until the deadline; less than 0: it is over
	Boots   int      `json:"boots"`          // that came as far as being judged
	Unknown bool     `json:"unknown,omitempty"`
}

// Judged is the stage after the reboot.
const Judged = "judged"

// Status is how the box stands now.
func (u *Updater) Status(ctx context.Context) (Status, error) {
	running, trial, err := u.Backend.Current()
	if err != nil {
		return Status{}, fmt.Errorf("boot loader: %w", err)
	}
	slots, err := u.Backend.Entries()
	if err != nil {
		return Status{}, fmt.Errorf("boot loader: %w", err)
	}
	t, err := u.load()
	s := u.status(ctx, t, running, trial || OnTrial(t, running))
	s.Slots = slots
	return s, err
}

// Written is the status as far as it is written down, for those who may not read
// what the boot loader has: there are no slots.
func (u *Updater) Written(ctx context.Context, running string) (Status, error) {
	t, err := Load(u.Folder)
	return u.status(ctx, t, running, OnTrial(t, running)), err
}

// OnTrial says whether a version that runs is the one that is tried, until its
// outcome is written down: the loader has it as good a moment before that, when a
// power cut may still have another version be started.
func OnTrial(t *Trial, running string) bool { return t != nil && t.To == running }

func (u *Updater) status(ctx context.Context, t *Trial, running string, trial bool) Status {
	s := Status{Running: running, OnTrial: trial, Broken: u.Broken, Loader: loaderTrouble(u.Folder), History: append([]Outcome{}, History(u.Folder)...)}
	if t == nil {
		return s
	}
	s.Update = &Progress{From: t.From, To: t.To, Stage: t.Stage, Boots: len(t.Attempts), Unknown: t.Unknown}
	if t.To == s.Running && s.OnTrial {
		s.Update.Stage, s.Update.Missing = Judged, u.missing(ctx, t)
		s.Update.Left = (t.deadline() - u.Clock().Uptime).Round(time.Second).Seconds()
	}
	return s
}

// String is the status for people.
func (s *Status) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "running: %s", s.Running)
	if s.OnTrial {
		b.WriteString(", on trial")
	}
	b.WriteString("\n")
	if s.Broken != "" {
		fmt.Fprintf(&b, "broken: %s\n", s.Broken)
	}
	if s.Loader != "" {
		fmt.Fprintf(&b, "boot loader: %s\n", s.Loader)
	}
	for _, e := range s.Slots {
		fmt.Fprintf(&b, "slot: %s\n", e)
	}
	if s.Update != nil {
		b.WriteString(s.Update.String())
	}
	for _, o := range s.History {
		fmt.Fprintf(&b, "%s: %s\n", o.At.Format("2006-01-02 15:04"), o)
	}
	return b.String()
}

// Brief is what who stands in front of the box has to know of its versions, in a
// line: what is broken, what is on trial and lacks what, or how the last update
// failed. "": nothing.
func (s *Status) Brief() string {
	switch {
	case s.Broken != "":
		return s.Broken
	case s.OnTrial && s.Update != nil && len(s.Update.Missing) > 0:
		return fmt.Sprintf("%s is on trial, and lacks: %s", s.Running, strings.Join(s.Update.Missing, "; "))
	case s.OnTrial:
		return fmt.Sprintf("%s is on trial, and lacks nothing", s.Running)
	case s.Loader != "":
		return "boot loader: " + s.Loader
	case len(s.History) > 0 && s.History[0].State == Failed:
		return s.History[0].String()
	}
	return ""
}

func (e Entry) String() string {
	s := fmt.Sprintf("%s %s", e.Version, e.State)
	if e.Slot != "" {
		s = e.Slot + " " + s
	}
	if e.State == "trying" {
		s += fmt.Sprintf(", tries left: %d", e.TriesLeft)
	}
	if e.Primary {
		s += ", primary"
	}
	if e.Why != "" {
		s += ": " + e.Why
	}
	return s
}

func (p *Progress) String() string {
	var b strings.Builder
	switch {
	case p.Stage == Installing:
		fmt.Fprintf(&b, "update to %s: it is being installed\n", p.To)
	case p.Stage == Installed:
		fmt.Fprintf(&b, "update to %s: installed, the next boot tries it\n", p.To)
	case p.Left < 0:
		fmt.Fprintf(&b, "update to %s: the deadline is over\n", p.To)
	default:
		fmt.Fprintf(&b, "update to %s: being judged, %s left\n", p.To, time.Duration(p.Left*float64(time.Second)))
	}
	if p.Stage != Judged {
		return b.String()
	}
	for _, m := range p.Missing {
		fmt.Fprintf(&b, "  missing: %s\n", m)
	}
	if len(p.Missing) == 0 {
		fmt.Fprintf(&b, "  nothing is missing; that has to stay so for %s\n", verdict.Steadily)
	}
	if p.Unknown {
		b.WriteString("  nothing is known of how the box stood before\n")
	}
	return b.String()
}

func (o Outcome) String() string {
	s := fmt.Sprintf("%s %s", o.To, o.State)
	if o.From != "" {
		s = fmt.Sprintf("%s to %s", o.From, s)
	}
	if o.Cause != "" {
		s += " (" + o.Cause + ")"
	}
	if o.After > 0 {
		s += fmt.Sprintf(", %s after the boot", time.Duration(o.After*float64(time.Second)))
	}
	if o.Why != "" {
		s += ": " + o.Why
	}
	return s
}

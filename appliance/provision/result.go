package provision

import (
	"fmt"
	"strings"
)

// What a result is called, beside what it is about.
const (
	resultSuffix   = ".result.txt"
	rejectedSuffix = ".rejected"
)

// isResult says whether a file is one that says how something went, or was
// refused already.
func isResult(name string) bool {
	return strings.HasSuffix(name, resultSuffix) || strings.HasSuffix(name, rejectedSuffix) || strings.HasSuffix(name, rejectedSuffix+".txt")
}

// Result is how it went with one file or folder that was dropped.
type Result struct {
	Name   string // of what was dropped
	Chosen string // what of it was taken, if it held many; "" is Name
	Digest string // "": it could not be read
	Taken  bool   // the box runs it
	Waits  bool   // nothing was decided yet
	Why    string // what happened, in one line
	Places []string
	Others int      // bundles in it that are for other boxes
	Refuse []string // why the rest of it was not taken
	Box    Identity // whose result it is
	Uptime string   // since the box started: it may have no clock
}

// Text is the result for an operator.
func (r Result) Text() string {
	var t strings.Builder
	state := "rejected"
	switch {
	case r.Taken:
		state = "taken"
	case r.Waits:
		state = "waits"
	}
	fmt.Fprintf(&t, "%s: %s\n%s\n", r.Name, state, r.Why)
	for _, p := range r.Places {
		fmt.Fprintf(&t, "  %s\n", p)
	}
	if r.Chosen != "" && r.Chosen != r.Name {
		fmt.Fprintf(&t, "bundle: %s\n", r.Chosen)
	}
	if r.Digest != "" {
		fmt.Fprintf(&t, "digest: sha256 %s\n", r.Digest)
	}
	fmt.Fprintf(&t, "box: %s\nafter: %s since the box started\n", r.Box, r.Uptime)
	for _, why := range r.Refuse {
		fmt.Fprintf(&t, "not taken: %s\n", strings.ReplaceAll(why, "\n", "\n  "))
	}
	if r.Others > 0 {
		fmt.Fprintf(&t, "for other boxes: %d\n", r.Others)
	}
	return t.String()
}

// refuse notes a candidate that was not taken.
func (r *Result) refuse(c Candidate, why error) {
	if c.Bundle != nil && r.Digest == "" && c.Name == r.Name {
		r.Digest = c.Digest
	}
	if IsOther(why) && c.Name != r.Name {
		r.Others++
		return
	}
	line := why.Error()
	if c.Name != r.Name {
		line = c.Name + ": " + line
	}
	r.Refuse = append(r.Refuse, line)
}

// sum is what happened, of something of which the box has nothing to say.
func (r *Result) sum() string {
	switch {
	case r.Taken:
		return "this box runs it"
	case len(r.Refuse) == 0:
		return "nothing in it is for this box"
	case len(r.Refuse) > 1:
		return "none of it can be taken"
	}
	first, rest, _ := strings.Cut(r.Refuse[0], "\n")
	r.Refuse = nil
	if rest != "" {
		r.Places = strings.Split(rest, "\n")
	}
	return first
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast/appliance/control"
	"holdfast/appliance/drain"
	"holdfast/appliance/environ"
	"holdfast/appliance/update"
	"holdfast/image"
	"holdfast/systemd"
)

var updateVerb = &verb{word: "update", args: "BUNDLE|status|mark-good|mark-bad [VERSION]|abort …",
	help: "a new version, kept only if all is as well as before",
	long: `
  BUNDLE [--fraction F] [--allow-downgrade] [--now] [--deadline TIME]
                       install it into the slot that does not run, take the box out of
                       service, and reboot into it. BUNDLE is a file, a URL, or "-"
  status [--json]      what runs, what is tried and what it waits for, what became of
                       earlier updates
  mark-good            keep what runs, whatever is missing
  mark-bad [VERSION]   do not start it again: what is tried, or the one that is named
  abort                do not try what is installed

  --fraction F         only if this box is of that part of all boxes, from 0 to 1, that
                       begin with this version: those of 0.1 are those of 0.5, too
  --allow-downgrade    an older version than the one that runs
  --now                without draining first, and without a daemon that answers: then
                       nothing is known that the new version could be held to
  --deadline TIME      after the kernel's start, instead of 10m; an hour at most` + hostHelp + socketHelp + `

It is for root. How the box stands is remembered: its sessions, its gates, what
neighbors have been told, and whether the hardware watchdog is fed. After the
reboot the same has to be so, for 30s, within the deadline. A version that fails is
marked bad, and the box reboots into the old one; one that hangs is reset by the
hardware. With --host, a file is sent to the other box.
Exit code: 0 when the reboot has begun, or if the box is not of the fraction; or 1.`}

// updates are the words of "update" that are no bundles.
var updates map[string]func(*call) error

func init() {
	updateVerb.run = runUpdate
	updates = map[string]func(*call) error{"status": updateStatus, "mark-good": markGood, "mark-bad": markBad, "abort": abortUpdate, "settle": settleUpdate, "scrub": scrubUpdate}
}

func runUpdate(c *call) error {
	if len(c.args) > 0 {
		if f := updates[c.args[0]]; f != nil {
			return f(c)
		}
	}
	return updateTo(c)
}

// onMachine has a word of "update" be done: on this box, or on another one.
func (c *call) onMachine(min, max int, do func(m *machine, args []string) error) error {
	socket, host := c.String("socket", control.DefaultSocket, ""), c.String("host", "", "")
	words := c.args
	args, err := c.parse(min, max)
	if err != nil {
		return err
	}
	if *host != "" {
		return c.updateOn(*host, words, args)
	}
	m, err := newMachine("/", *socket, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return do(m, args)
}

// updateOn is an update of another box, to which a file is sent.
func (c *call) updateOn(host string, words, args []string) error {
	words = without(words, "host")
	if name := args[0]; updates[name] == nil && isFile(name) {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		defer func(was *os.File) { stdin = was }(stdin)
		stdin = f
		for i := range words {
			if words[i] == name {
				words[i] = "-"
			}
		}
	}
	return c.onBox("update", host, words)
}

// alone has f be done by root, and while nobody else changes a version.
func alone(m *machine, f func() error) error {
	if os.Geteuid() != 0 {
		return errors.New("it writes to disks and to the boot loader: want root")
	}
	unlock, err := update.Lock(m.Folder)
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}

func updateTo(c *call) error {
	downgrade, now := c.Bool("allow-downgrade", false, ""), c.Bool("now", false, "")
	part, deadline := 1.0, update.DefaultDeadline
	c.Func("fraction", "", func(s string) (err error) {
		if part, err = strconv.ParseFloat(s, 64); err != nil || !(part >= 0 && part <= 1) {
			return errors.New("want a number from 0 to 1")
		}
		return nil
	})
	c.Func("deadline", "", func(s string) (err error) {
		if deadline, err = time.ParseDuration(s); err != nil || deadline < time.Minute || deadline > update.LongestDeadline {
			return errors.New("want a time from 1m to 1h")
		}
		return nil
	})
	return c.onMachine(1, 1, func(m *machine, args []string) error {
		return alone(m, func() error {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			b, from, err := m.open(ctx, args[0])
			if err != nil {
				return err
			}
			defer from.Close()
			if !update.Takes(boxID(), b.Version(), part) {
				fmt.Fprintf(c.out, "this box is not of the %g of all boxes that begin with %s: nothing is done\n", part, b.Version())
				return nil
			}
			b.downgrade, b.tell = *downgrade, c.progress(m.Folder)
			return m.Update(ctx, b, c.updateOptions(deadline, *now))
		})
	})
}

// updateOptions are those of an update whose drain and reboot are this box's.
func (c *call) updateOptions(deadline time.Duration, now bool) update.Options {
	o := update.Options{Deadline: deadline, Blind: now, Say: func(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }}
	if !now {
		o.Drain = func(reason string) (func(), error) {
			return c.drainForReboot(c.Lookup("socket").Value.String(), reason)
		}
	}
	o.Reboot = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), busLimit)
		defer cancel()
		if err := systemd.Reboot(ctx); err != nil {
			return err
		}
		fmt.Fprintln(c.out, "rebooting")
		return nil
	}
	return o
}

// progress says each step of an installation, and keeps the last one for
// whoever asks.
func (c *call) progress(folder string) func(image.Progress) {
	var last image.Step
	return func(p image.Progress) {
		_ = image.Record(folder, p) // for people; the installation goes on
		if p.Step != last && p.Error == "" {
			fmt.Fprintf(c.out, "%s: %s\n", p.Slot, p.Step)
		}
		last = p.Step
	}
}

func updateStatus(c *call) error {
	asJSON := c.Bool("json", false, "")
	return c.onMachine(1, 1, func(m *machine, _ []string) error {
		s, err := m.Status(context.Background())
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c.out, s)
		}
		fmt.Fprint(c.out, s.String())
		if p, err := image.Recorded(m.Folder); err == nil && s.Update != nil && s.Update.Stage == update.Installing {
			fmt.Fprintf(c.out, "  %s: %s, %d of %d octets\n", p.Slot, p.Step, p.Written, p.Total)
		}
		return nil
	})
}

func markGood(c *call) error {
	return c.onMachine(1, 1, func(m *machine, _ []string) error {
		return alone(m, func() error {
			version, err := m.Good()
			if err == nil {
				fmt.Fprintf(c.out, "%s is kept\n", version)
			}
			return err
		})
	})
}

func markBad(c *call) error {
	return c.onMachine(1, 2, func(m *machine, args []string) error {
		return alone(m, func() error {
			version, err := m.Bad(strings.Join(args[1:], ""))
			if err == nil {
				c.marked(m, version)
			}
			return err
		})
	})
}

func abortUpdate(c *call) error {
	return c.onMachine(1, 1, func(m *machine, _ []string) error {
		return alone(m, func() error {
			t, err := m.Abort("")
			if err == nil {
				c.marked(m, t.To)
			}
			return err
		})
	})
}

// marked says what is left to do with a version that is not started again.
func (c *call) marked(m *machine, version string) {
	fmt.Fprintf(c.out, "%s is not started again\n", version)
	if running, _, err := m.Current(); err == nil && running == version {
		fmt.Fprintln(c.out, "it still runs: holdfast reboot ends that")
	}
}

// scrubUpdate is what a timer of the image does each day. Who else is at work
// looks after the version that runs.
func scrubUpdate(c *call) error {
	return c.onMachine(1, 1, func(m *machine, _ []string) error {
		if err := alone(m, m.Scrub); !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		return nil
	})
}

// settleUpdate is what the unit of the image does in each boot. It fails if the
// box has to be rebooted, and for no other reason.
func settleUpdate(c *call) error {
	socket := c.String("socket", control.DefaultSocket, "")
	if _, err := c.parse(1, 1); err != nil {
		return err
	}
	log, lines := logger(&environ.Environment{}, false)
	defer lines.Close(logPatience)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	m, err := newMachine("/", *socket, log)
	if err != nil {
		log.Error("update", "error", err)
		return strand(ctx, log)
	}
	if e, ok := m.loader.Backend.(interface{ Enroll() error }); ok {
		if err := e.Enroll(); err != nil {
			log.Warn("boot loader", "error", err)
		}
	}
	switch err = m.Settle(ctx); {
	case err == nil:
		return nil
	case errors.Is(err, update.ErrFailed):
		log.Error("update", "error", err)
		return exitStatus(exitFailed)
	}
	log.Error("update", "error", err)
	if ctx.Err() != nil {
		return nil // the box goes down, or the unit is stopped
	}
	return strand(ctx, log)
}

// strand waits for the deadline of a version that can't ask the boot loader, and so
// can't be kept, and fails then: without a hardware watchdog, nobody else would end
// this boot.
func strand(ctx context.Context, log *slog.Logger) error {
	release, _ := os.ReadFile(osRelease)
	u := update.Updater{Folder: update.Folder, Log: log, Clock: func() drain.Now { return drain.Clock("") }}
	why := u.Strand(ctx, update.Running(string(release)))
	if why == "" {
		return nil
	}
	log.Error("update", "error", why)
	return exitStatus(exitFailed)
}

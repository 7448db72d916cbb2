package main

import (
	"fmt"
	"strings"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/control"
	"holdfast/watchdog"
)

var watchdogVerb = &verb{word: "watchdog", args: "[--json] [--host USER@BOX] [--socket PATH]",
	help: "who holds which, and what caused the last boot",
	long: askedHelp + `

The kernel is asked, without a device being opened, and the daemon, if it answers:
what it feeds and by whose progress. Root sees who holds a device.
Exit code: 0, or 1 if the kernel's list can't be read.`,
	run: func(c *call) error {
		socket, asJSON, host := c.String("socket", control.DefaultSocket, ""), c.Bool("json", false, ""), c.String("host", "", "")
		args := c.args
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		if *host != "" {
			return c.onBox("watchdog", *host, without(args, "host"))
		}
		list, err := watchdog.List()
		if err != nil {
			return err
		}
		d := newDogs(list)
		var s appliance.Status
		if err := control.Ask(*socket, control.Request{Do: "status"}, &s); err != nil {
			d.Error = err.Error()
		} else {
			d.Daemon = &s.Watchdog
		}
		if *asJSON {
			return printJSON(c.out, d)
		}
		d.print(newPrinter(c.out), time.Now())
		return nil
	}}

// dogs is what "holdfast watchdog --json" prints.
type dogs struct {
	Devices []dog                     `json:"devices"`
	ResetBy string                    `json:"reset-by,omitempty"` // the identity of the device that caused the last boot
	Daemon  *appliance.WatchdogStatus `json:"daemon,omitempty"`
	Error   string                    `json:"error,omitempty"` // why the daemon says nothing
}

// dog is one device. Times are seconds.
type dog struct {
	Device     string   `json:"device"`
	Identity   string   `json:"identity"`
	Timeout    float64  `json:"timeout"`
	Pretimeout float64  `json:"pretimeout,omitempty"`
	Active     bool     `json:"active"` // it counts down
	HeldBy     string   `json:"held-by,omitempty"`
	NoWayOut   bool     `json:"nowayout"`
	Software   bool     `json:"software"` // the kernel's own: no hardware
	BootStatus []string `json:"boot-status,omitempty"`
}

func newDogs(list []watchdog.Info) *dogs {
	d := &dogs{Devices: []dog{}}
	for _, i := range list {
		d.Devices = append(d.Devices, dog{i.Path, i.Identity, i.Timeout.Seconds(), i.Pretimeout.Seconds(), i.Active, i.InUse, i.NoWayOut,
			i.Identity == watchdog.Software, i.BootStatus})
		if i.CausedReset {
			d.ResetBy = i.Identity
		}
	}
	return d
}

func (d *dogs) print(p *printer, now time.Time) {
	if len(d.Devices) == 0 {
		p.line("the kernel knows of no watchdog: is its driver loaded?")
	} else {
		rows := [][]string{{"DEVICE", "IDENTITY", "TIMEOUT", "STATE", "HELD BY", "LAST BOOT"}}
		for _, w := range d.Devices {
			state := "stopped"
			if w.Active {
				state = "counts down"
			}
			if w.NoWayOut {
				state += ", nowayout"
			}
			rows = append(rows, []string{w.Device, w.Identity, fmt.Sprintf("%gs", w.Timeout), p.good(w.Active, state, state), w.HeldBy, strings.Join(w.BootStatus, " ")})
		}
		p.table(rows)
	}
	if d.ResetBy != "" {
		p.line("last boot: %s", p.good(false, "", "the watchdog \""+d.ResetBy+"\" has reset the box"))
	} else {
		p.line("last boot: no watchdog says that it was its doing")
	}
	if d.Daemon == nil {
		p.line("daemon: %s", p.good(false, "", d.Error))
		return
	}
	d.printKeeper(p, now)
}

// printKeeper is what the daemon feeds, and by whose progress.
func (d *dogs) printKeeper(p *printer, now time.Time) {
	w := d.Daemon
	switch {
	case w.Armed:
		p.line("daemon: %s, %s, last fed %s ago", p.good(true, "armed and fed", ""), w.Device, age(w.LastFed, now))
	case w.Why != "":
		p.line("daemon: %s", p.good(false, "", "not fed: "+w.Why))
	default:
		p.line("daemon: its configuration has no hardware watchdog")
	}
	if len(w.FedWitness) > 0 {
		p.line("fed while these go on: %s", strings.Join(w.FedWitness, ", "))
	}
	if len(w.StalledBy) > 0 {
		p.line("%s", p.good(false, "", "without progress: "+strings.Join(w.StalledBy, ", ")))
	}
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/control"
	"holdfast/appliance/settings"
	"holdfast/systemd"
)

var rebootVerb = &verb{word: "reboot", args: "[--reason TEXT] [--now] [--socket PATH] [--host USER@BOX]",
	help: "take the box out of service, and reboot it",
	long: socketHelp + hostHelp + `
  --reason TEXT    what others are told who ask why
  --now            reboot at once: the stop of the daemon withdraws

Everything is drained as holdfast drain does it; when the neighbors have
acknowledged the withdraw, the login manager is asked to reboot. The box comes
back into service: a drain of its own is over with the reboot, others go on.
Exit code: 0 when the reboot has begun, or 1.`,
	run: func(c *call) error {
		socket, host := c.String("socket", control.DefaultSocket, ""), c.String("host", "", "")
		reason, now := c.String("reason", "", ""), c.Bool("now", false, "")
		args := c.args
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		if *host != "" {
			return c.onBox("reboot", *host, without(args, "host"))
		}
		undo := func() {}
		if !*now {
			var err error
			if undo, err = c.drainForReboot(*socket, cmp.Or(*reason, "reboot")); err != nil {
				return err
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), busLimit)
		defer cancel()
		if err := systemd.Reboot(ctx); err != nil {
			undo()
			return err
		}
		fmt.Fprintln(c.out, "rebooting")
		return nil
	}}

// rebootPatience is how long, beside the longest wait before a withdraw, a box is
// out of service for a reboot that does not come.
const rebootPatience = 10 * time.Minute

// drainForReboot takes everything out of service; undo is for a reboot that does
// not come. Who was drained for longer stays so.
func (c *call) drainForReboot(socket, reason string) (undo func(), err error) {
	var s appliance.Status
	if err := control.Ask(socket, control.Request{Do: "status"}, &s); err != nil {
		return nil, fmt.Errorf("%w\n--now reboots all the same", err)
	}
	before := false
	for _, x := range s.Drains {
		before = before || x.Gate == ""
	}
	// An end, for a reboot that never comes; longer than the longest wait.
	o := appliance.DrainOrder{Reason: reason, Passing: true, Seconds: (settings.LongestDrainWait + rebootPatience).Seconds()}
	d, err := order(socket, "drain", o)
	if err != nil {
		return nil, err
	}
	wait := time.Duration(d.Wait * float64(time.Second))
	fmt.Fprintf(c.out, "draining; the withdraw comes within %s\n", wait)
	undo = func() {
		if !before {
			_, _ = order(socket, "undrain", appliance.DrainOrder{Gates: []string{""}}) // or it ends by itself
		}
	}
	if err := c.gone(socket, nil, wait+withdrawPatience); err != nil {
		fmt.Fprintf(c.err, "holdfast: warning: %v\n", err) // the daemon's stop does what is left
	}
	return undo, nil
}

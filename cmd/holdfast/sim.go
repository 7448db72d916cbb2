package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"holdfast/appliance/environ"
	"holdfast/watchdog/sim"
)

var simVerb = &verb{word: "watchdog-sim", args: "--socket PATH [--timeout TIME] [--nowayout] -- COMMAND…",
	help: "run a command on a machine with a simulated watchdog",
	long: `
  --socket PATH    where the device is: watchdog { device sim:PATH; }
  --timeout TIME   of the device, until somebody sets one (10s)
  --nowayout       the device can't be stopped

When the watchdog is not fed in time, the command's process group is killed and
the command started again, as a reset would do. For demonstrations and tests.
Exit code: that of the command, when it ends with the watchdog stopped.`,
	run: func(c *call) error {
		log, lines := logger(&environ.Environment{}, false)
		defer lines.Close(logPatience)
		o := sim.Options{Stdout: os.Stdout, Stderr: os.Stderr, Log: log}
		c.StringVar(&o.Socket, "socket", "", "")
		c.DurationVar(&o.Timeout, "timeout", 10*time.Second, "")
		c.BoolVar(&o.NoWayOut, "nowayout", false, "")
		if i := slices.Index(c.args, "--"); i >= 0 {
			c.args, o.Command = c.args[:i], c.args[i+1:]
		}
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		if o.Socket == "" || len(o.Command) == 0 {
			return usagef("want --socket PATH and a command")
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		code, err := sim.Supervise(ctx, o)
		if err == nil && code != 0 {
			return exitStatus(code)
		}
		return err
	}}

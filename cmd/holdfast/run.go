package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"holdfast/appliance"
	"holdfast/appliance/helper"
)

var runVerb = &verb{word: "run", args: "FILE [--socket PATH] [--debug]",
	help: "be the daemon, with the configuration in FILE",
	long: `
  --socket PATH   control socket, in place of the configuration's
  --debug         log every state that a session goes through

SIGHUP and SIGUSR1 read FILE again: the difference is applied, and nothing if
it has an error. SIGTERM withdraws everything, waits until the neighbors have
acknowledged that, and ends.

Environment: exabgp_tcp_port (the port of BGP, 179), exabgp_api_ack (false:
helpers are not answered), each also as exabgp.tcp.port. HOLDFAST_LOG=json logs JSON.
Exit code: 0 after a stop, 1 if the configuration is wrong or a socket is held.`,
	run: func(c *call) error {
		socket := c.String("socket", "", "")
		verbose := c.Bool("debug", false, "")
		args, err := c.parse(1, 1)
		if err != nil {
			return err
		}
		port, err := exabgpPort()
		if err != nil {
			return err
		}
		memory()
		return appliance.Run(context.Background(), appliance.Options{Path: args[0], Socket: *socket, Version: version, Port: port,
			NoAck: !helper.Acks(os.Getenv), Log: logger(*verbose), Getenv: os.Getenv})
	}}

// memory has the collector run a little more often than Go's default: an edge
// box has better uses for memory. GOGC and GOMEMLIMIT go before it.
func memory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// exabgpPort is ExaBGP's setting tcp.port.
func exabgpPort() (uint16, error) {
	for _, name := range []string{"exabgp.tcp.port", "exabgp_tcp_port"} {
		s := os.Getenv(name)
		if s == "" {
			continue
		}
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil || n == 0 {
			return 0, fmt.Errorf("%s: want 1-65535, got %q", name, s)
		}
		return uint16(n), nil
	}
	return 0, nil
}

// logger writes to standard error: text for people, and for the journal, which
// adds the time itself.
func logger(verbose bool) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	if verbose {
		o.Level = slog.LevelDebug
	}
	if os.Getenv("JOURNAL_STREAM") != "" {
		o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}
	}
	if strings.EqualFold(os.Getenv("HOLDFAST_LOG"), "json") {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}

var validateVerb = &verb{word: "validate", args: "FILE…",
	help: "say all that is wrong with configuration files",
	long: `
All errors of all files are printed to standard error, one a line, as
FILE:LINE:COLUMN: WORD: what was wanted and what is there. Warnings too.
Exit code: 0 if all files are valid, 1 if not.`,
	run: func(c *call) error {
		files, err := c.parse(1, -1)
		if err != nil {
			return err
		}
		bad := 0
		for _, f := range files {
			bad += c.validate(f)
		}
		if bad > 0 {
			return exitStatus(exitFailed)
		}
		return nil
	}}

// validate prints what is wrong with a file, and counts it.
func (c *call) validate(file string) int {
	l, err := appliance.Load(file)
	lines := 0
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(c.err, line)
			lines++
		}
		fmt.Fprintf(c.err, "%s: %d %s\n", file, lines, plural(lines, "error"))
		return lines
	}
	for _, w := range l.Warnings {
		fmt.Fprintf(c.err, "%s (warning)\n", w)
	}
	routes := 0
	for _, n := range l.Config.Neighbors {
		routes += len(n.Routes)
	}
	fmt.Fprintf(c.out, "%s is valid: %d %s, %d %s, %d %s\n", file, len(l.Config.Neighbors), plural(len(l.Config.Neighbors), "neighbor"),
		routes, plural(routes, "route"), len(l.Settings.Gates), plural(len(l.Settings.Gates), "gate"))
	return 0
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

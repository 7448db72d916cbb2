package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/term"
)

var logsVerb = &verb{word: "logs", args: "[-u UNIT] [-n N] [-f] [--since TIME] [--host USER@BOX]",
	help: "what the daemon, or another unit, has logged",
	long: hostHelp + `
  -u UNIT          of this unit (holdfast.service)
  -n N             the last N lines (100, or all of --since)
  -f               and what comes, until Ctrl-C
  --since TIME     from then on: 2h ago is 2h, or a time as journalctl takes it

It is journalctl that reads the journal.
Exit code: journalctl's.`,
	run: func(c *call) error {
		unit, lines, follow := c.String("u", "holdfast.service", ""), c.Int("n", -1, ""), c.Bool("f", false, "")
		since, host := c.String("since", "", ""), c.String("host", "", "")
		args := c.args
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		if *host != "" {
			return c.onBox("logs", *host, without(args, "host"))
		}
		cmd := exec.Command("journalctl", journal(*unit, *lines, *follow, *since, c.onTerminal())...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, c.out, c.err
		err := cmd.Run()
		if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() > 0 {
			return exitStatus(exit.ExitCode())
		}
		return err
	}}

func (c *call) onTerminal() bool {
	out, ok := c.out.(*os.File)
	return ok && term.IsTerminal(int(out.Fd()))
}

// journal is journalctl's arguments.
func journal(unit string, lines int, follow bool, since string, terminal bool) []string {
	args := []string{"--output=short-iso", "--unit=" + unitName(unit)}
	if lines < 0 && since == "" {
		lines = 100
	}
	if lines >= 0 {
		args = append(args, "--lines="+strconv.Itoa(lines))
	}
	if d, err := time.ParseDuration(since); err == nil {
		since = "-" + strconv.FormatFloat(d.Abs().Seconds(), 'f', -1, 64) + "s"
	}
	if since != "" {
		args = append(args, "--since="+since)
	}
	if follow {
		args = append(args, "--follow")
	}
	if !terminal {
		args = append(args, "--no-pager")
	}
	return args
}

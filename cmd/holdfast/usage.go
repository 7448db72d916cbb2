package main

import (
	"fmt"
	"io"
)

// groups are the verbs as "holdfast --help" lists them.
var groups = []struct {
	title string
	words []string
}{
	{"the daemon", []string{"run", "reload", "rollback", "diff", "generations", "drain", "undrain", "cli"}},
	{"what it does, and why", []string{"status", "top", "explain", "neighbors", "routes", "history"}},
	{"the box", []string{"update", "watchdog", "units", "restart-unit", "logs", "reboot"}},
	{"on a desk", []string{"validate", "config", "decode", "encode", "provision", "bundle", "env"}},
	{"beside the daemon", []string{"healthcheck", "watchdog-sim", "install-units", "completion", "version"}},
}

func usage(out io.Writer) {
	fmt.Fprint(out, `Holdfast announces prefixes only while this box can prove that it is alive.

usage: holdfast COMMAND …        holdfast FILE is holdfast run FILE
`)
	for _, g := range groups {
		fmt.Fprintf(out, "\n%s\n", g.title)
		for _, word := range g.words {
			fmt.Fprintf(out, "  %-13s  %s\n", word, find(word).help)
		}
	}
	fmt.Fprint(out, `
holdfast COMMAND --help tells more. What asks the daemon, or systemd, can ask
that of another box: --host USER@BOX, over ssh.
`)
}

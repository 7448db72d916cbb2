package main

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/term"

	"holdfast/appliance/client"
	"holdfast/appliance/control"
	"holdfast/appliance/remote"
)

const hostHelp = `
  --host USER@BOX  on another box, over ssh`

// place are the flags that say which daemon is meant; what is pointed to is its
// control socket's address once they have been read.
func (c *call) place() *string {
	host, path, address := "", "", control.DefaultSocket
	take := func(to *string) func(string) error {
		return func(s string) error {
			if *to = s; s == "" {
				return errors.New("want something")
			}
			if address = remote.Address(host, path); host == "" {
				address = path
			}
			return nil
		}
	}
	c.Func("socket", "", take(&path))
	c.Func("host", "", take(&host))
	return &address
}

// bridgeVerb is what ssh runs on a box for --host on another one.
var bridgeVerb = &verb{word: "bridge", args: "control|api [PATH]", hidden: true,
	help: "join standard input and output with a socket of the daemon",
	long: `
Without PATH it is the socket where holdfast status or holdfast cli look for it.
Exit code: 0 when the daemon has closed it, or 1 if no daemon answers.`,
	run: func(c *call) error {
		args, err := c.parse(1, 2)
		if err != nil {
			return err
		}
		path := ""
		if len(args) > 1 {
			path = args[1]
		}
		switch args[0] {
		case "control":
			return remote.Bridge(cmp.Or(path, control.DefaultSocket), stdin, c.out)
		case "api":
			e, err := environment("")
			if err != nil {
				return err
			}
			return remote.Bridge(cmp.Or(path, apiSocket(e), client.Socket), stdin, c.out)
		}
		return usagef("want control or api, got %q", args[0])
	}}

// onBox runs a verb of this box's systemd on another one, by holdfast there: it
// knows its own daemon and its own bus, and needs nobody's leave but that of
// whoever logs in. (D-Bus over ssh would do, for the half of them that speaks
// D-Bus only.)
func (c *call) onBox(verb, host string, args []string) error {
	options := []string{"-T"}
	if out, ok := c.out.(*os.File); ok && term.IsTerminal(int(out.Fd())) {
		options = []string{"-t"} // Ctrl-C ends the other end, too
	}
	cmd := remote.Command(host, options, append([]string{verb}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, c.out, c.err
	err := cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exitStatus(exit.ExitCode()) // it has said why
	}
	return err
}

// without is arguments without a flag and its value.
func without(args []string, flag string) (out []string) {
	args = slices.Clone(args)
	for i := 0; i < len(args); i++ {
		switch name, _, whole := strings.Cut(strings.TrimLeft(args[i], "-"), "="); {
		case args[i] == "--":
			return append(out, args[i:]...)
		case args[i] == "" || args[i][0] != '-' || name != flag:
			out = append(out, args[i])
		case !whole:
			i++
		}
	}
	return out
}

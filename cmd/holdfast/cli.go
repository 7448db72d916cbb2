package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"holdfast/appliance/client"
	"holdfast/appliance/remote"
)

// stdin is where commands come from that are no arguments.
var stdin = os.Stdin

var cliVerb = &verb{word: "cli", args: "[COMMAND…] [--batch FILE] [--json] [--socket PATH] [--host USER@BOX]",
	help: "say commands of the text API to the daemon",
	long: `
  --batch FILE     the commands are the lines of FILE
  --json           JSON, for programs, where a command is a question
  --socket PATH    of the API (` + client.Socket + `, or exabgp_api_socketname);
                   beside a control socket at PATH it is PATH.api
  --host USER@BOX  on another box, over ssh

COMMAND is one command, in as many words as it has. Without one, the commands are
the lines of standard input; on a terminal there is a prompt, with completion
(Tab) and a history, which ~/.local/state/holdfast/history keeps.

ExaBGP's options are accepted: --pipename NAME is /run/holdfast/NAME.sock; no
effect have --pipe, --socket without a path, --no-color, --env and --root.

Exit code: 0, or 1 if no daemon answers or a command is refused: the error says why.`,
	run: runCLI}

func runCLI(c *call) error {
	c.args = barePlaces(c.args)
	socket := c.String("socket", "", "")
	host := c.String("host", "", "")
	name := c.String("pipename", "", "")
	batch := c.String("batch", "", "")
	json := c.Bool("json", false, "")
	for _, flag := range []string{"pipe", "no-color"} {
		c.Bool(flag, false, "")
	}
	file := ""
	for _, flag := range []string{"env-file", "env", "e"} {
		c.StringVar(&file, flag, "", "")
	}
	for _, flag := range []string{"root", "f"} {
		c.String(flag, "", "")
	}
	words, err := c.parse(0, -1)
	if err != nil {
		return err
	}
	e, err := environment(file)
	if err != nil {
		return err
	}
	path := cmp.Or(*socket, socketNamed(*name))
	if *host == "" {
		path = cmp.Or(path, apiSocket(e), client.Socket)
	}
	s := &speech{path: remote.Address(*host, path), json: *json, out: c.out, err: c.err}
	defer s.close()
	switch {
	case *batch != "" && len(words) > 0:
		return usagef("want a command or --batch, not both")
	case *batch != "":
		return s.file(*batch)
	case len(words) > 0:
		return s.one(strings.Join(words, " "))
	case term.IsTerminal(int(stdin.Fd())):
		return s.converse(stdin)
	}
	return s.lines("standard input", stdin)
}

// barePlaces takes away "--socket" where it is ExaBGP's, which has no path
// behind it.
func barePlaces(args []string) (out []string) {
	for i, a := range args {
		if a == "--" {
			return append(out, args[i:]...)
		}
		if strings.TrimLeft(a, "-") != "socket" || a[0] != '-' || i+1 < len(args) && strings.Contains(args[i+1], "/") && !strings.Contains(args[i+1], " ") {
			out = append(out, a)
		}
	}
	return out
}

// speech is what is said to the daemon, and what of its answers is shown.
type speech struct {
	path     string
	json     bool
	out, err io.Writer
	client   *client.Client
}

// dial connects, if there is no connection.
func (s *speech) dial() (err error) {
	if s.client == nil {
		s.client, err = client.Dial(s.path)
	}
	return err
}

func (s *speech) close() {
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

func (s *speech) show(line string) { fmt.Fprintln(s.out, line) }

// one says a command. After an error that is not the daemon's answer, the next
// one has a new connection.
func (s *speech) one(command string) error {
	if err := s.dial(); err != nil {
		return err
	}
	if s.json && asks(command) {
		command += " json"
	}
	err := s.client.Do(command, s.show)
	if refused := client.Refused(""); err != nil && !errors.As(err, &refused) {
		s.close()
	}
	return err
}

// file says the lines of a file.
func (s *speech) file(path string) error {
	if path == "-" {
		return s.lines("standard input", stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.lines(path, f)
}

// lines says lines, all of them although one is refused.
func (s *speech) lines(name string, in io.Reader) error {
	if err := s.dial(); err != nil {
		return err
	}
	var failed error
	err := s.client.Batch(in, s.show, func(number int, _ string, err error) {
		if err != nil {
			failed = exitStatus(exitFailed)
			fmt.Fprintf(s.err, "%s:%d: %v\n", name, number, err)
		}
	})
	return cmp.Or(err, failed)
}

// asks says whether a command is a question that can be answered in JSON.
func asks(command string) bool {
	words := strings.Fields(command)
	return len(words) > 0 && !slices.Contains([]string{"json", "text"}, words[len(words)-1]) &&
		slices.ContainsFunc(words, func(w string) bool { return w == "show" || w == "status" || w == "list" })
}

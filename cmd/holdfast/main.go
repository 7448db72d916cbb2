// Command holdfast is the anycast edge daemon and the tools that talk to it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// version is stamped by the build.
var version = "development"

// Exit codes: 0 done, 1 it did not work, 2 the command line is wrong.
const (
	exitFailed = 1
	exitUsage  = 2
)

// verb is a word of the command line.
type verb struct {
	word, args, help string
	long             string // what --help adds
	hidden           bool
	run              func(c *call) error
}

// call is one run of a verb.
type call struct {
	*flag.FlagSet
	out, err io.Writer
	args     []string
}

func newCall(args ...string) *call {
	c := &call{FlagSet: flag.NewFlagSet(args[0], flag.ContinueOnError), args: args[1:]}
	c.SetOutput(io.Discard)
	return c
}

// errUsage marks an error in how a command was called.
var errUsage = errors.New("")

func usagef(format string, args ...any) error {
	return fmt.Errorf("%w%s", errUsage, fmt.Sprintf(format, args...))
}

// verbs is filled by init: "completion" walks it.
var verbs []*verb

func init() {
	verbs = []*verb{runVerb, serverVerb, statusVerb, neighborsVerb, routesVerb, explainVerb, topVerb, historyVerb, reloadVerb, drainVerb, undrainVerb, rollbackVerb, diffVerb, generationsVerb, cliVerb, updateVerb, watchdogVerb, unitsVerb, restartUnitVerb, logsVerb, rebootVerb, bridgeVerb, validateVerb, configVerb, configurationVerb, decodeVerb, encodeVerb, healthcheckVerb, provisionVerb, bundleVerb, envVerb, versionVerb, completionVerb, simVerb, installUnitsVerb, helperHostVerb, imageDataVerb, imageKeepVerb, imageKeysVerb, imageConsoleVerb}
}

func main() {
	if _, err := os.Stat("/etc/resolv.conf"); os.IsNotExist(err) {
		net.DefaultResolver = networkd("/run/systemd/netif/state")
	}
	os.Exit(run(called(os.Args), os.Stdout, os.Stderr))
}

// called is the arguments, for a link with the name of ExaBGP 4's command line
// too.
func called(args []string) []string {
	if filepath.Base(args[0]) == "exabgpcli" {
		return slices.Concat([]string{"cli"}, args[1:])
	}
	return args[1:]
}

func run(args []string, out, err io.Writer) int {
	if len(args) == 0 || slices.Contains([]string{"-h", "--help", "help"}, args[0]) {
		usage(out)
		return 0
	}
	args = asExaBGP(args)
	v := find(args[0])
	if v == nil {
		fmt.Fprintf(err, "holdfast: unknown command, and no file: %q; see holdfast --help\n", args[0])
		return exitUsage
	}
	c := newCall(args...)
	c.out, c.err = out, err
	return exitCode(v, v.run(c), out, err)
}

// asExaBGP gives a command line of ExaBGP's a verb, if it has none: "exabgp FILE",
// "exabgp --test FILE", "exabgp --env-file FILE server FILE", "exabgp --fi".
func asExaBGP(args []string) []string {
	switch first := args[0]; {
	case find(first) != nil:
		return args
	case first == "-v" && len(args) == 1:
		return []string{"version"}
	case slices.Contains([]string{"--env-file", "--env", "-e"}, first) && len(args) > 2 && find(args[2]) != nil:
		return slices.Concat(args[2:3], args[:2], args[3:])
	case oldEnv[first] != nil:
		return slices.Concat([]string{"env"}, oldEnv[first], args[1:])
	case first == "--decode" || first == "-x":
		return slices.Concat([]string{"decode"}, args[1:])
	case first != "" && first[0] == '-' || isFile(first):
		return slices.Concat([]string{"server"}, args)
	}
	return args
}

// oldEnv is how version 4 asks for what "env" prints.
var oldEnv = map[string][]string{
	"--fi": {"-f"}, "--full-ini": {"-f"}, "--di": {"-d", "-f"}, "--diff-ini": {"-d", "-f"},
	"--fe": {"-e"}, "--full-env": {"-e"}, "--de": {"-d", "-e"}, "--diff-env": {"-d", "-e"},
}

func exitCode(v *verb, e error, out, err io.Writer) int {
	switch {
	case e == nil:
		return 0
	case errors.Is(e, flag.ErrHelp):
		verbUsage(out, v)
		return 0
	case errors.Is(e, errUsage):
		fmt.Fprintf(err, "holdfast %s: %s\nusage: holdfast %s %s\n", v.word, e, v.word, v.args)
		return exitUsage
	}
	var status exitStatus
	if errors.As(e, &status) {
		return int(status)
	}
	for _, line := range strings.Split(e.Error(), "\n") {
		fmt.Fprintf(err, "holdfast: %s\n", line)
	}
	return exitFailed
}

// sub runs the verb's own verb that is named first; want lists them.
func (c *call) sub(want string, subs map[string]func(*call) error) error {
	if len(c.args) == 0 {
		return usagef("want %s", want)
	}
	f := subs[c.args[0]]
	if f == nil {
		if strings.HasPrefix(c.args[0], "-") {
			_, err := c.parse(1, 1)
			return err
		}
		return usagef("want %s, got %q", want, c.args[0])
	}
	c.args = c.args[1:]
	return f(c)
}

// exitStatus is an exit code that another program chose, or whose message has
// been printed.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// parse reads the flags, which may stand before, between and after the other
// arguments, and gives those.
func (c *call) parse(min, max int) ([]string, error) {
	var rest, behind []string // behind "--" nothing is a flag
	if i := slices.Index(c.args, "--"); i >= 0 {
		c.args, behind = c.args[:i], c.args[i+1:]
	}
	for args := c.apart(c.args); ; {
		if err := c.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, usagef("%s", err)
		}
		if args = c.Args(); len(args) == 0 {
			break
		}
		rest, args = append(rest, args[0]), args[1:]
	}
	rest = append(rest, behind...)
	if len(rest) < min {
		return nil, usagef("an argument is missing")
	}
	if max >= 0 && len(rest) > max {
		return nil, usagef("unexpected argument %q", rest[max])
	}
	return rest, nil
}

// apart has "-nv" be "-n -v" where these are flags, as Python's argparse reads
// it; the last of them may have a value.
func (c *call) apart(args []string) (out []string) {
	for _, a := range args {
		letters, short := strings.CutPrefix(a, "-")
		if !short || len(letters) < 2 || c.Lookup(letters) != nil || strings.Trim(letters, c.letters()) != "" {
			out = append(out, a)
			continue
		}
		for _, l := range letters {
			out = append(out, "-"+string(l))
		}
	}
	return out
}

// letters are the flags that have one.
func (c *call) letters() (s string) {
	c.VisitAll(func(f *flag.Flag) {
		if len(f.Name) == 1 {
			s += f.Name
		}
	})
	return s
}

func find(word string) *verb {
	for _, v := range verbs {
		if v.word == word || strings.TrimLeft(word, "-") == v.word && v.word == "version" {
			return v
		}
	}
	return nil
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && !st.IsDir()
}

func verbUsage(out io.Writer, v *verb) {
	fmt.Fprintf(out, "usage: holdfast %s\n\n%s.\n", strings.TrimSpace(v.word+" "+v.args), strings.ToUpper(v.help[:1])+v.help[1:])
	if v.long != "" {
		fmt.Fprintf(out, "\n%s\n", strings.Trim(v.long, "\n"))
	}
}

var versionVerb = &verb{word: "version", help: "print the version", run: func(c *call) error {
	if _, err := c.parse(0, 0); err != nil {
		return err
	}
	fmt.Fprintln(c.out, "holdfast", version)
	return nil
}}

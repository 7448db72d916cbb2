package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"holdfast/appliance"
	"holdfast/appliance/client"
	"holdfast/appliance/environ"
	"holdfast/appliance/provision"
	"holdfast/appliance/update"
	"holdfast/bgp/api"
	"holdfast/image/slot"
)

var runVerb = &verb{word: "run", args: "FILE [--socket PATH] [--env-file FILE] [--debug]",
	help: "be the daemon, with the configuration in FILE",
	long: `
  --socket PATH    control socket, in place of the configuration's
  --env-file FILE  ExaBGP's settings, /etc/exabgp/exabgp.env if it is there
  --debug          log every state that a session goes through

SIGHUP and SIGUSR1 read FILE again: the difference is applied, and nothing if
it has an error. SIGUSR2 then starts the helpers anew, SIGALRM the sessions. SIGTERM
withdraws everything, waits until the neighbors have acknowledged that, and ends.
SIGRTMIN+1 ends without a word to neighbors that keep routes over a restart
(RFC 4724), for somebody starts it again at once: systemctl restart does.

Where there is a state directory, bundles that are dropped into /etc/holdfast/drop
are taken: holdfast provision makes them. If FILE is missing, the box waits for one.

holdfast run COMMAND is holdfast cli COMMAND where there is no such file and
COMMAND begins as one: ExaBGP has it so.

Environment: ExaBGP's, which holdfast env lists. HOLDFAST_LOG=json logs JSON.
Exit code: 0 after a stop, 1 if the configuration is wrong or a socket is held.`,
	run: func(c *call) error {
		if c.isCommand() {
			return runCLI(c)
		}
		socket := c.String("socket", "", "")
		verbose := c.Bool("debug", false, "")
		file := c.String("env-file", "", "")
		args, err := c.parse(1, 1)
		if err != nil {
			return err
		}
		return c.daemon(args[0], *socket, *file, *verbose)
	}}

// isCommand says whether "run" is meant as ExaBGP has it, where it says a
// command to the daemon: there is no such file, and it has several words or is
// one of the API's.
func (c *call) isCommand() bool {
	var words []string
	for _, a := range c.args {
		if !strings.HasPrefix(a, "-") {
			words = append(words, strings.Fields(a)...)
		}
	}
	if len(words) == 0 || isFile(c.args[0]) || strings.ContainsAny(words[0], "/.") {
		return false
	}
	return slices.Contains(api.Complete(words[0], nil), words[0])
}

var serverVerb = &verb{word: "server", args: "FILE", hidden: true,
	help: "be the daemon, as exabgp server is called: the same as run, with ExaBGP's options",
	long: `
  --env-file, --env, -e FILE  ExaBGP's settings
  -t, --test, --validate      only say what is wrong with FILE
  -P, --passive               wait for every neighbor to connect
  -d, --debug, -v, --verbose  log every state that a session goes through

FILE may be -, standard input. ExaBGP's other options are accepted and have no
effect: -1 --once -p --pdb -m -s --signal --memory --profile -f --root.`,
	run: func(c *call) error {
		var verbose, test bool
		var file string
		for _, name := range []string{"d", "debug", "v", "verbose"} {
			c.BoolVar(&verbose, name, false, "")
		}
		for _, name := range []string{"t", "test", "validate"} {
			c.BoolVar(&test, name, false, "")
		}
		for _, name := range []string{"1", "once", "p", "pdb", "P", "passive", "m", "memory"} {
			c.Bool(name, false, "")
		}
		for _, name := range []string{"s", "signal", "profile", "f", "root"} {
			c.String(name, "", "")
		}
		for _, name := range []string{"e", "env", "env-file"} {
			c.StringVar(&file, name, "", "")
		}
		args, err := c.parse(1, -1)
		switch {
		case err != nil:
			return err
		case test:
			return c.validateAll(args, false)
		case len(args) > 1:
			return usagef("one process has one configuration: start one for %s as well", args[1])
		}
		return c.daemon(args[0], "", file, verbose)
	}}

// daemon runs until it is told to stop.
func (c *call) daemon(path, socket, envFile string, verbose bool) error {
	e, err := environment(envFile)
	if err != nil {
		return err
	}
	log, lines := logger(e, verbose)
	defer lines.Close(logPatience)
	slog.SetDefault(log)
	for _, w := range e.Warnings {
		log.Warn("environment", "warning", w)
	}
	passive := e.Bool("bgp.passive")
	if f := c.Lookup("passive"); f != nil {
		passive = passive || f.Value.String() == "true" || c.Lookup("P").Value.String() == "true"
	}
	memory()
	release, _ := os.ReadFile(osRelease)
	return appliance.Run(context.Background(), appliance.Options{Image: update.Running(string(release)), Broken: slot.ReadBroken("/"), Updates: update.Folder, Armed: armedBefore, Path: path, Socket: socket, NoControl: !e.Bool("api.cli"),
		APISocket: apiSocket(e), Pipes: e.Get("api.pipename"), Version: version, API: apiVersion(e), Port: e.Port(), Bind: e.Addrs("tcp.bind"), Passive: passive, Drop: provision.DefaultDrop,
		NoAck: !e.Bool("api.ack"), NoRespawn: !e.Bool("api.respawn"), Encoder: e.Get("api.encoder"), Compact: e.Bool("api.compact"), Log: log, LogDropped: lines.Dropped, Getenv: os.Getenv})
}

// osRelease says which image runs, if one does. armedBefore is where its first
// program (package image/early) names the device that it has armed.
const (
	osRelease   = "/etc/os-release"
	armedBefore = "/run/holdfast-watchdog"
)

// apiSocket is the path of the API socket that the environment says, "" for the
// default.
func apiSocket(e *environ.Environment) string {
	if e.From("api.socketname") == "" {
		return ""
	}
	return socketNamed(e.Get("api.socketname"))
}

// socketNamed is the path of a socket: ExaBGP has names for them, and a path is
// one too.
func socketNamed(name string) string {
	if name == "" || strings.Contains(name, "/") {
		return name
	}
	return filepath.Join(filepath.Dir(client.Socket), name+".sock")
}

// apiVersion is the version of the API if somebody asked for one: without that,
// helpers of both find their words.
func apiVersion(e *environ.Environment) int {
	if e.From("api.version") == "" {
		return 0
	}
	return e.Int("api.version")
}

// memory has the collector run a little more often than Go's default: an edge
// box has better uses for memory. GOGC and GOMEMLIMIT go before it.
func memory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

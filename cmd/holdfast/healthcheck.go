package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"os/signal"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"holdfast/appliance/checker"
	"holdfast/appliance/health"
)

var healthcheckVerb = &verb{word: "healthcheck", args: "[OPTION…]",
	help: "check a service, as a helper: ExaBGP's healthcheck",
	long: `
Options are those of exabgp healthcheck:

  -c, --command, --cmd CMD        says whether the service is well
  -i, --interval N                seconds between checks (5); 0 ends after the first announcement
  -f, --fast-interval N           while the state is about to change (1)
  -t, --timeout N                 of the command, in seconds (5)
  --rise N, --fall N              how often in a row, for up and for down (3)
  --disable FILE                  while FILE is there, the service is disabled

  --ip IP                         announce this address or network; without it, those of lo
  --ip-ifname IP%LINK             the same, on another link
  --label LABEL                   addresses of lo whose label begins so; the label of those that are added
  --label-exact-match             … whose label is this
  --no-ip-setup                   do not add addresses that are missing
  --dynamic-ip-setup              add them when the service is up, remove them when it is not
  --deaggregate-networks          announce each address of a network
  --start-ip N                    the first address is number N (0)
  -N, --next-hop IP               (self)
  --up-metric M, --down-metric M, --disabled-metric M
                                  of the first address (100, 1000, 500)
  --increase M                    for each further one (1)
  --local-preference P, --path-id N
  --community C, --extended-community C, --large-community C
  --disabled-community C          in place of --community while the service is not up
  --as-path P                     also --up-as-path, --down-as-path, --disabled-as-path
  --withdraw-on-down              withdraw while the service is not up
  --neighbor IP                   announce to this neighbor; may be repeated
  --debounce                      say a route when it changes, not with every check

  --execute CMD                   run when the state changes, with STATE in its environment
  --up-execute CMD, --down-execute CMD, --disabled-execute CMD
                                  run when it becomes that one

  -F, --config FILE               options, one a line: "interval = 10"
  -a, --no-ack                    do not wait for answers
  -n, --name NAME, -p, --pid FILE, --user USER, --group GROUP
  -s, --silent, -d, --debug, -sF, --syslog-facility [FACILITY], --no-syslog
  --sudo                          accepted: addresses are added without a program

  --api 4|6                       ours: whose words are said, 4 unless exabgp_api_version is 6.
                                  ExaBGP 4 and 5 and Holdfast know those of 4, main in its own mode those of 6

SIGTERM withdraws the routes, removes addresses with the label, and ends.`,
	run: func(c *call) error {
		o, err := c.healthcheck()
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		signal.Ignore(syscall.SIGPIPE) // a daemon that is gone is an error, and addresses have to go
		daemon := os.Getppid()
		p := checker.NewProgram(o)
		p.In, p.Out, p.Log = os.Stdin, c.out, healthLog(o, c.err)
		p.Ready = func() error { return become(o) }
		p.Orphaned = func() bool { return os.Getppid() != daemon }
		return p.Run(ctx)
	}}

// healthcheck reads the options. Those of files count as if they stood before
// the command line, which has to be read to know the files.
func (c *call) healthcheck() (*health.Options, error) {
	o, dry := health.New(), health.New()
	if os.Getenv("exabgp_api_version") == "6" || os.Getenv("exabgp.api.version") == "6" {
		o.API = 6
	}
	o.Define(c.FlagSet)
	c.args = health.Arguments(c.FlagSet, c.args)
	look := newCall(append([]string{c.Name()}, c.args...)...)
	dry.Define(look.FlagSet)
	if _, err := look.parse(0, 1); err != nil {
		return nil, err
	}
	for _, path := range dry.Files {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := health.Read(c.FlagSet, path, string(text)); err != nil {
			return nil, err
		}
	}
	rest, err := c.parse(0, 1)
	if err != nil {
		return nil, err
	}
	if len(rest) == 1 {
		if !o.FacilityAsked {
			return nil, usagef("unexpected argument %q", rest[0])
		}
		o.Facility = rest[0]
	}
	if o.Facility == "-" || !slices.Contains(facilities, o.Facility) {
		return nil, usagef("syslog-facility: there is no %q", o.Facility)
	}
	if err := o.Validate(); err != nil {
		return nil, usagef("%s", err)
	}
	return o, nil
}

// become writes the process's number and gives up its rights, as far as it was
// asked to.
func become(o *health.Options) error {
	if o.PID != "" {
		if err := os.WriteFile(o.PID, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
			return err
		}
	}
	if o.Group != "" {
		g, err := user.LookupGroup(o.Group)
		if err != nil {
			return err
		}
		if err := setID(g.Gid, func(id int) error { return errors.Join(syscall.Setgroups([]int{id}), syscall.Setgid(id)) }); err != nil {
			return fmt.Errorf("group %s: %w", o.Group, err)
		}
	}
	if o.User != "" {
		u, err := user.Lookup(o.User)
		if err != nil {
			return err
		}
		if o.Group == "" {
			err = syscall.Setgroups(nil) // those of root
		}
		if err := errors.Join(err, setID(u.Uid, syscall.Setuid)); err != nil {
			return fmt.Errorf("user %s: %w", o.User, err)
		}
	}
	return nil
}

func setID(text string, set func(int) error) error {
	id, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	return set(id)
}

// facilities are syslog's, in the order of their numbers.
var facilities = strings.Fields("kern user mail daemon auth syslog lpr news uucp cron authpriv ftp - - - - local0 local1 local2 local3 local4 local5 local6 local7")

// healthLog writes to standard error what goes wrong, and to syslog, if there is
// one, what happens, too.
func healthLog(o *health.Options, err io.Writer) *slog.Logger {
	level := slog.LevelInfo
	if o.Debug {
		level = slog.LevelDebug
	}
	var to []slog.Handler
	if !o.Silent {
		to = append(to, healthText(err, max(level, slog.LevelWarn)))
		if o.Debug {
			to[0] = healthText(err, level)
		}
	}
	if !o.NoSyslog {
		tag := "healthcheck"
		if o.Name != "" {
			tag += "-" + o.Name
		}
		facility := syslog.Priority(slices.Index(facilities, o.Facility) << 3)
		if w, e := syslog.New(facility|syslog.LOG_INFO, tag); e == nil {
			to = append(to, healthText(w, level))
		}
	}
	return slog.New(slog.NewMultiHandler(to...))
}

func healthText(w io.Writer, level slog.Level) slog.Handler {
	return slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{} // whoever keeps it has a clock
		}
		return a
	}})
}

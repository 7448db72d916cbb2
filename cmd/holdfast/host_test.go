package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/control"
	"holdfast/appliance/desired"
	"holdfast/systemd/systemdtest"
)

// TestAsHoldfast is the program, for tests that need it as a process.
func TestAsHoldfast(*testing.T) {
	if args := os.Getenv("HOLDFAST_ARGS"); args != "" {
		os.Exit(run(strings.Split(args, "\n"), os.Stdout, os.Stderr))
	}
}

// programs puts scripts into PATH: an ssh to this machine, and holdfast.
func programs(t *testing.T, more map[string]string) {
	t.Helper()
	folder := t.TempDir()
	all := map[string]string{
		"ssh":      `while [ "$1" != -- ]; do shift; done; shift; [ "$1" = root@box ] || { echo "ssh: Could not resolve hostname $1" >&2; exit 255; }; shift; exec sh -c "$*"`,
		"holdfast": fmt.Sprintf(`args=$(printf '%%s\n' "$@"); HOLDFAST_ARGS="$args" exec %s -test.run='^TestAsHoldfast$'`, os.Args[0]),
	}
	for name, script := range more {
		all[name] = script
	}
	for name, script := range all {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}

// serve is a control socket with answers of a test's own.
func serve(t *testing.T, handlers map[string]control.Handler) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "control.sock")
	s, err := control.Listen(path, handlers)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return path
}

// says is what a command line prints, its errors behind that, and its exit code.
func says(line ...string) string {
	var out, errs bytes.Buffer
	if len(line) == 1 {
		line = strings.Fields(line[0])
	}
	code := run(line, &out, &errs)
	return fmt.Sprintf("%d %s%s", code, &out, &errs)
}

func answer(v any) control.Handler {
	return func(context.Context, string) (any, error) { return v, nil }
}

// TestHost: a daemon is asked over ssh as it is here, and ssh's errors are shown.
func TestHost(t *testing.T) {
	programs(t, nil)
	path := serve(t, map[string]control.Handler{"reload": answer(appliance.Applied{Text: "reloaded /etc/x"}), "explain": func(_ context.Context, p string) (any, error) {
		return nil, errors.New("nobody wants " + p + " announced")
	}})
	api := talker(t)
	for _, c := range [][2]string{
		{"reload --host root@box --socket " + path, "0 reloaded /etc/x\n"},
		{"reload --socket " + path + " --host root@box", "0 reloaded /etc/x\n"},
		{"explain 192.0.2.1 --host root@box --socket " + path, "1 holdfast: nobody wants 192.0.2.1 announced\n"},
		{"reload --host root@other --socket " + path, "1 holdfast: ssh: root@other: ssh: Could not resolve hostname root@other\n"},
		{"reload --host root@box --socket /nowhere/x", "1 holdfast: ssh: root@box: holdfast: no daemon answers on /nowhere/x: connect: no such file or directory\n"},
		{"cli --host root@box --socket " + api + " version", "0 " + version1},
		{"bridge dance", "2 holdfast bridge: want control or api, got \"dance\"\nusage: holdfast bridge control|api [PATH]\n"},
	} {
		if got := says(c[0]); got != c[1] {
			t.Errorf("%s:\n%s, want\n%s", c[0], got, c[1])
		}
	}
}

func TestWithout(t *testing.T) {
	for in, want := range map[string]string{
		"--host a -n 3": "-n 3", "-n 3 --host=a": "-n 3", "-host a": "", "nginx --host a --now": "nginx --now", "-- --host a": "-- --host a",
	} {
		if got := strings.Join(without(strings.Fields(in), "host"), " "); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestUnits(t *testing.T) {
	programs(t, map[string]string{"journalctl": `echo "$*"; exit 3`})
	b := systemdtest.NewBus(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	m := systemdtest.NewManager(b, map[string]systemdtest.Unit{"holdfast.service": systemdtest.Active, "nginx.service": systemdtest.Failed, "other.service": systemdtest.Active})
	m.Hook(systemdtest.Hooks{Restart: func(name string) error {
		m.Set(name, systemdtest.Active)
		return nil
	}})
	path := serve(t, map[string]control.Handler{"units": answer([]string{"nginx.service"})})
	const head = "UNIT\tSTATE\tSINCE\tRESULT\tDESCRIPTION\nholdfast.service\tactive (running)\t-\tsuccess\tholdfast.service\n"
	const nginx = "nginx.service\tfailed (failed)\t-\texit-code\tnginx.service\n"
	for _, c := range [][2]string{
		{"units --socket /nowhere/x", "0 " + head},
		{"units --socket " + path, "0 " + head + nginx},
		{"units --host root@box --socket " + path, "0 " + head + nginx},
		{"restart-unit absent", "1 holdfast: restart absent.service: Unit absent.service not loaded.\n"},
		{"restart-unit --host root@box nginx", "0 restarted nginx.service\n"},
		{"logs", "3 --output=short-iso --unit=holdfast.service --lines=100 --no-pager\n"},
		{"logs -u nginx -n 5 -f --since 90m", "3 --output=short-iso --unit=nginx.service --lines=5 --since=-5400s --follow --no-pager\n"},
		{"logs --host root@box -u foo.mount --since yesterday", "3 --output=short-iso --unit=foo.mount --since=yesterday --no-pager\n"},
	} {
		if got := says(c[0]); got != c[1] {
			t.Errorf("%s:\n%s, want\n%s", c[0], got, c[1])
		}
	}
}

// drainable is a daemon that drains: what it was asked for, and how often it
// still has to say that something is announced.
type drainable struct {
	asked   []string
	still   atomic.Int64
	drained appliance.Drained
}

func (d *drainable) serve(t *testing.T) string {
	t.Helper()
	note := func(what string) control.Handler {
		return func(_ context.Context, arg string) (any, error) {
			d.asked = append(d.asked, what+" "+arg)
			return d.drained, nil
		}
	}
	return serve(t, map[string]control.Handler{"drain": note("drain"), "undrain": note("undrain"), "status": answer(appliance.Status{Drains: d.drained.Drains}),
		"leaving": func(context.Context, string) (any, error) {
			if d.still.Add(-1) >= 0 {
				return appliance.Leaving{Announced: []string{"dns"}}, nil
			}
			return appliance.Leaving{}, nil
		}})
}

func TestDrainVerbs(t *testing.T) {
	askAgain = 0
	t.Cleanup(func() { askAgain = 500 * time.Millisecond })
	d := &drainable{drained: appliance.Drained{Drains: []desired.Drain{{Gate: "dns", Reason: "disks"}}, Wait: 30, Warning: "it does not survive a restart"}}
	path := d.serve(t)
	d.still.Store(3)
	for _, c := range [][2]string{
		{"drain dns --for 30m --reason disks", "0 drained: gate dns: disks\nannounced with GRACEFUL_SHUTDOWN, withdrawn within 30s\nholdfast: warning: it does not survive a restart\n"},
		{"drain --wait", "0 drained: gate dns: disks\nwithdrawn\nholdfast: warning: it does not survive a restart\n"},
		{"drain --for soon", "2 holdfast drain: --for: want a time like 30m, got \"soon\"\nusage: "},
		{"undrain dns web", "0 drained: gate dns: disks\n"},
	} {
		if got := says(c[0] + " --socket " + path); !strings.HasPrefix(got, c[1]) {
			t.Errorf("%s:\n%s, want\n%s", c[0], got, c[1])
		}
	}
	if got := strings.Join(d.asked, "\n"); got != `drain {"gates":["dns"],"seconds":1800,"reason":"disks"}
drain {}
undrain {"gates":["dns","web"]}` {
		t.Error(got)
	}
	if d.still.Load() >= 0 {
		t.Error("nobody has waited")
	}
	if err := stillThere(appliance.Leaving{Announced: []string{""}, Neighbors: []string{"10.0.0.2"}}); err.Error() != "still announced: routes without a gate\nnot acknowledged by 10.0.0.2" {
		t.Error(err)
	}
}

// TestReboot: first nothing is announced any more, and then comes the reboot; one
// that does not come is undone.
func TestReboot(t *testing.T) {
	askAgain = 0
	t.Cleanup(func() { askAgain = 500 * time.Millisecond })
	b := systemdtest.NewBus(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	d := &drainable{}
	path := d.serve(t)
	d.still.Store(3)
	if got := says("reboot --reason kernel --socket " + path); !strings.HasPrefix(got, "1 draining; the withdraw comes within 0s\nholdfast: reboot: ") {
		t.Error(got)
	}
	if got := strings.Join(d.asked, "\n"); got != `drain {"seconds":4200,"reason":"kernel","passing":true}
undrain {"gates":[""]}` {
		t.Error(got)
	}
	l := systemdtest.NewLogin(b)
	if got := says("reboot --socket " + path); got != "0 draining; the withdraw comes within 0s\nrebooting\n" || l.Reboots() != 1 || d.still.Load() >= 0 {
		t.Error(got)
	}
	if got := says("reboot --socket /nowhere/x"); !strings.HasPrefix(got, "1 holdfast: no daemon answers on /nowhere/x: ") || !strings.HasSuffix(got, "holdfast: --now reboots all the same\n") || l.Reboots() != 1 {
		t.Error(got)
	}
	if got := says("reboot --now --socket /nowhere/x"); got != "0 rebooting\n" || l.Reboots() != 2 {
		t.Error(got)
	}
}

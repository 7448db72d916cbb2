package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/appliance/drain"
	"holdfast/appliance/update"
	"holdfast/image"
	"holdfast/image/boot"
	"holdfast/image/imagetest"
	"holdfast/image/signature"
	"holdfast/image/slot"
)

// entries is a boot loader on no disk, which runs the first of its versions.
type entries struct {
	boot.Backend
	all []boot.Entry
}

func (e *entries) Current() (string, bool, error) { return e.all[0].Version, false, nil }

func (e *entries) State() ([]boot.Entry, error) { return e.all, nil }

func (e *entries) Check(string, []byte) error { return nil }

func (e *entries) Install(version string, kernel []byte, tries int) error {
	if len(kernel) == 0 {
		return errors.New("no kernel")
	}
	e.all = append(e.all, boot.Entry{Version: version, State: boot.Trying, TriesLeft: tries, Primary: true})
	e.all[0].Primary = false
	return nil
}

func (e *entries) Remove(version string) error {
	e.all = slices.DeleteFunc(e.all, func(x boot.Entry) bool { return x.Version == version })
	return nil
}

func (e *entries) MarkBad(version string) error {
	for i := range e.all {
		if e.all[i].Version == version {
			e.all[i] = boot.Entry{Version: version, State: boot.Bad}
		}
	}
	return nil
}

// imaged is a machine of folders and files, which runs 1.1, and bundles for it.
func imaged(t *testing.T) (m *machine, dir string) {
	t.Helper()
	dir = t.TempDir()
	key, err := signature.Generate()
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("keys/a.pub", []byte(key.Public().String()+"\n"))
	write("1.2.bundle", imagetest.Bundle(t, "1.2", key))
	write("1.0.bundle", imagetest.Bundle(t, "1.0", key))
	write("unsigned.bundle", imagetest.Bundle(t, "1.3"))
	write("a", nil)
	write("b", make([]byte, 8<<20))
	l := loader{&entries{all: []boot.Entry{{Version: "1.1", State: boot.Good, Primary: true}}},
		[]slot.Slot{{Name: "rootfs.0", Partition: slot.Partition{Device: filepath.Join(dir, "a")}, Booted: true}, {Name: "rootfs.1", Partition: slot.Partition{Device: filepath.Join(dir, "b")}}}}
	release := imagetest.For
	release.Version = "1.1"
	m = &machine{loader: l, release: release, keys: filepath.Join(dir, "keys")}
	m.Updater = update.Updater{Folder: filepath.Join(dir, "update"), Backend: l, Log: slog.New(slog.DiscardHandler), Reset: resetByWatchdog,
		Clock: func() drain.Now { return drain.Clock("") }, Facts: func(context.Context) (update.Box, error) { return update.Box{}, nil }}
	return m, dir
}

// to installs a bundle, and gives what is said of that.
func to(t *testing.T, m *machine, name string) string {
	t.Helper()
	b, from, err := m.open(t.Context(), name)
	if err != nil {
		return err.Error()
	}
	defer from.Close()
	var out bytes.Buffer
	c := &call{out: &out, err: io.Discard}
	b.tell = c.progress(m.Folder)
	o := c.updateOptions(update.DefaultDeadline, true)
	o.Reboot = func() error { return nil }
	if err := m.Update(t.Context(), b, o); err != nil {
		return out.String() + err.Error()
	}
	return out.String()
}

// TestUpdate is a bundle's way into the slot that does not run, and to the boot
// loader.
func TestUpdate(t *testing.T) {
	m, dir := imaged(t)
	for _, c := range []struct{ bundle, want string }{
		{"unsigned.bundle", dir + "/unsigned.bundle: nobody signed it: this box takes what a key in /usr/share/holdfast/keys has signed"},
		{"1.0.bundle", "rootfs.1: verify\nverify: "},
		{"1.2.bundle", "rootfs.1: verify\nrootfs.1: erase\nrootfs.1: write\nrootfs.1: read back\nrootfs.1: kernel\nrootfs.1: done\n1.2 is installed; it has until 10m0s after its boot to prove itself\n"},
		{"1.2.bundle", "1.2 is installed and has no verdict yet: reboot, or holdfast update abort"},
	} {
		if got := to(t, m, filepath.Join(dir, c.bundle)); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s", c.bundle, got)
		}
	}
	root, _ := imagetest.Root(t, "1.2", imagetest.Blocks)
	if f, err := os.Open(filepath.Join(dir, "b")); err != nil || !root.Holds(f) {
		t.Errorf("the slot does not hold it: %v", err)
	}
	s, err := m.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := s.String(); !strings.HasPrefix(got, "running: 1.1\nslot: rootfs.0 1.1 good\nslot: rootfs.1 1.2 trying, tries left: 3, primary\nupdate to 1.2: installed, the next boot tries it\n") {
		t.Error(got)
	}
	if _, err := m.Abort(""); err != nil {
		t.Error(err)
	}
	if p, err := image.Recorded(m.Folder); err != nil || p.Step != image.Done {
		t.Error(p, err)
	}
}

func TestUpdateVerb(t *testing.T) {
	for args, want := range map[string]struct {
		code int
		err  string
	}{
		"update":                      {2, "holdfast update: an argument is missing"},
		"update a b":                  {2, `holdfast update: unexpected argument "b"`},
		"update --fraction 2 a":       {2, `holdfast update: invalid value "2" for flag -fraction: want a number from 0 to 1`},
		"update --deadline 2h a":      {2, `holdfast update: invalid value "2h" for flag -deadline: want a time from 1m to 1h`},
		"update status --host":        {2, "holdfast update: flag needs an argument: -host"},
		"update /nowhere/x.bundle":    {1, "holdfast: this box runs no image of Holdfast: "},
		"update status":               {1, "holdfast: this box runs no image of Holdfast: "},
		"update mark-bad 1.2":         {1, "holdfast: this box runs no image of Holdfast: "},
		"update settle --socket /x/y": {0, ""},
	} {
		var out, errs bytes.Buffer
		if code := run(strings.Fields(args), &out, &errs); code != want.code || !strings.HasPrefix(errs.String(), want.err) {
			t.Errorf("%s: exit code %d, %q, %q", args, code, &out, &errs)
		}
	}
}

// TestUpdateOfAnotherBox: a file is sent, a word or a URL is not.
func TestUpdateOfAnotherBox(t *testing.T) {
	programs(t, map[string]string{"holdfast": `echo "$@"; cat`})
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{"1.2.bundle": "octets\n", "status": "a file of that name\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := stdin
	t.Cleanup(func() { stdin = old })
	var err error
	if stdin, err = os.Open(os.DevNull); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"update 1.2.bundle --host root@box --fraction 0.5": "0 update - --fraction 0.5\noctets\n",
		"update --host root@box http://example/1.2.bundle": "0 update http://example/1.2.bundle\n",
		"update status --host root@box":                    "0 update status\n",
	} {
		if got := says(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

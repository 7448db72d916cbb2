package appliance

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/appliance/desired"
	"holdfast/appliance/generation"
	"holdfast/appliance/provision"
	"holdfast/appliance/settings"
)

// TestBundleThatCantListen is rolled back, and told so once: whoever waits for the
// outcome and does not read in between must not stop everything else.
func TestBundleThatCantListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for _, confirm := range []string{"60s", "0s"} {
		c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
		c.pass(6)
		conf := strings.Replace(neighborWith("127.0.0.3", "10.0.0.0/24"), "family", fmt.Sprintf("listen %d; family", port), 1)
		done := c.d.Change(c.bundle("dropped edge.conf", map[string]string{"edge.conf": "appliance { confirm " + confirm + "; }\n" + conf}))
		got := c.outcome(done)
		if confirm == "0s" {
			if got != "kept" {
				t.Error(got)
			}
			continue
		}
		if !strings.HasPrefix(got, "rolled back: ") || !strings.Contains(got, "address already in use") {
			t.Error(got)
		}
		c.is("what was before", "127.0.0.2", generation.Good)
	}
}

// TestSameFilesInANewerBundle: the box has that one then, and does not refuse it
// when it is found again.
func TestSameFilesInANewerBundle(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	bundle := func(version uint64) *provision.Bundle {
		return &provision.Bundle{Name: fmt.Sprintf("v%d.tar", version), Digest: fmt.Sprint("digest of ", version), Manifest: &provision.Manifest{Version: version},
			Files: map[string]provision.File{"edge.conf": {Data: []byte("appliance { confirm 0s; }\n" + neighborWith("127.0.0.3", "10.0.0.0/24"))}}}
	}
	for _, version := range []uint64{1, 2} {
		if o := (*dropBox)(c.d).Take(context.Background(), bundle(version)); o.State != provision.Kept {
			t.Fatalf("%+v", o)
		}
	}
	want := provision.Taken{Digest: "digest of 2", Version: 2, Last: "digest of 2"}
	if got := (*dropBox)(c.d).Wants().Taken; got != want {
		t.Errorf("%+v", got)
	}
	c.boot()
	if got := (*dropBox)(c.d).Wants().Taken; got != want {
		t.Errorf("in the next life: %+v", got)
	}
}

// TestAskedTwice: both wait for the same outcome.
func TestAskedTwice(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	c.write(c.conf, neighborWith("127.0.0.3", "10.0.0.0/24"))
	first, err := c.d.reloadFile(false)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.d.reloadFile(false)
	if err != nil {
		t.Fatal(err)
	}
	c.pass(6)
	for _, n := range []uint64{first, second} {
		if o, err := c.d.changes.outcome(n); err != nil || o.State != Kept {
			t.Errorf("change %d: %+v, %v", n, o, err)
		}
	}
}

// TestBundleAtAStop is not rejected: the next life takes it.
func TestBundleAtAStop(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.d.mu.Lock()
	c.d.stopping = true
	c.d.mu.Unlock()
	o := (*dropBox)(c.d).Take(context.Background(), provision.Plain("edge.conf", []byte(neighborWith("127.0.0.3", "10.0.0.0/24"))))
	if o.State != provision.Undecided {
		t.Errorf("%+v", o)
	}
	held := *c.d.loaded
	held.Settings = &settings.Settings{Addresses: []settings.Address{{Prefix: netip.MustParsePrefix("192.0.2.53/32"), Link: "lo"}}}
	if err := c.d.work(&held); err != errStopping || len(c.d.addresses.wanted) != 0 {
		t.Errorf("%v: wanted are %v", err, c.d.addresses.wanted)
	}
}

// TestNameOfTheBoot is what the unit says: the kernel's is not to be seen there.
func TestNameOfTheBoot(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	o := c.options()
	o.Getenv = func(name string) string {
		return map[string]string{"STATE_DIRECTORY": t.TempDir(), "HOLDFAST_BOOT_ID": "b00t"}[name]
	}
	s, err := o.start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.store.Close()
	if r, ok := s.store.Trying(); !ok || r.Boot != "b00t" {
		t.Errorf("%+v", r)
	}
}

// readOnly has this test, from now on, only read what is in a folder, as after a
// file system was mounted with errors. Other goroutines see it as it was.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("to mount wants root")
	}
	runtime.LockOSThread() // for good: the thread ends with the test
	for _, step := range []func() error{
		func() error { return unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS) },
		func() error { return unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, "") },
		func() error { return unix.Mount(dir, dir, "", unix.MS_BIND, "") },
		func() error { return unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

// TestDiskThatCanOnlyBeRead: what is on it is at work, without the file too; and
// what is new is on trial all the same.
func TestDiskThatCanOnlyBeRead(t *testing.T) {
	c := newChange(t, true, neighborWith("127.0.0.2", "10.0.0.0/24"))
	c.pass(6)
	c.up(true, "127.0.0.2")
	c.pass(120)
	c.d.changes.store.Close()
	readOnly(t, c.state)
	c.write(c.conf, neighborWith("127.0.0.2", "10.0.0.0/24")+neighborWith("127.0.0.3", "10.0.0.0/24"))
	c.boot()
	c.is("another file", "127.0.0.2 127.0.0.3", generation.Trying)
	c.pass(61)
	c.is("it did not prove itself", "127.0.0.2", generation.Good)
	if err := os.Remove(c.conf); err != nil {
		t.Fatal(err)
	}
	c.boot()
	c.is("no file", "127.0.0.2", generation.Good)
}

// TestDrainBeforeAStop closes gates, and the next start holds what is new to what
// was open before it.
func TestDrainBeforeAStop(t *testing.T) {
	file := filepath.Join(t.TempDir(), "off")
	conf := "appliance { drain { wait 1ms; on-stop; } }\nwatchdog dns { file " + file + " absent; }\n" +
		strings.Replace(neighborWith("127.0.0.2", "10.0.0.0/24"), "10.0.0.9;", "10.0.0.9 watchdog dns;", 1)
	c := newChange(t, true, conf)
	c.d.reconciler.update(func(in *desired.Inputs) {
		in.Files, in.Known = c.d.files.look(time.Now(), c.d.loaded.Settings.Files(), time.Minute), true
	})
	c.pass(6)
	c.up(true, "127.0.0.2")
	stood := c.d.factsNow()
	c.d.drainFirst(nil)
	c.d.reconciler.update(func(in *desired.Inputs) { in.Drains[0].Since = in.Drains[0].Since.Add(-time.Hour) })
	if now := c.d.factsNow(); !stood.Gates["dns"].On || now.Gates["dns"].On {
		t.Fatalf("before %+v, drained %+v", stood, now)
	}
	c.d.shutdown("test", stood)
	c.write(c.conf, conf+"# another\n")
	c.boot()
	if before := c.d.changes.trial.Before; !before.Gates["dns"].On {
		t.Errorf("%+v", before)
	}
}

// TestChangeAfterAStart: no session is up at first, and a change that comes by then is
// held to how the box stood before the start; so is one after the next start.
func TestChangeAfterAStart(t *testing.T) {
	one, other := neighborWith("127.0.0.2", "10.0.0.0/24"), neighborWith("127.0.0.2", "10.0.0.0/24")+neighborWith("127.0.0.3", "10.0.0.0/24")
	for name, again := range map[string]bool{"reload": false, "stop, start and reload": true} {
		t.Run(name, func(t *testing.T) {
			c := newChange(t, true, one)
			c.up(true, "127.0.0.2")
			c.pass(70)
			c.boot()
			if again {
				c.d.leave(c.d.factsNow())
				c.boot()
			}
			c.reload(other)
			c.is("the session may come", "127.0.0.2 127.0.0.3", generation.Trying)
			c.pass(61)
			c.is("it did not", "127.0.0.2", generation.Good)

			c.boot()
			c.pass(61)
			c.reload(other + "# another\n")
			c.pass(6)
			c.is("it is down for long", "127.0.0.2 127.0.0.3", generation.Good)
		})
	}
}

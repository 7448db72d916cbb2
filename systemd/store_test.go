package systemd

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// manager is the socket of a service manager, and its notifier.
func manager(t *testing.T) (*net.UnixConn, *Notifier) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	l.SetReadDeadline(time.Now().Add(5 * time.Second))
	return l, New(func(k string) string { return map[string]string{"NOTIFY_SOCKET": path}[k] })
}

func TestStore(t *testing.T) {
	l, n := manager(t)
	if err := n.StoreText("will", []byte("all to my heirs")); err != nil {
		t.Fatal(err)
	}
	b, oob := make([]byte, 200), make([]byte, 200)
	k, o, _, _, err := l.ReadMsgUnix(b, oob)
	if got := string(b[:k]); err != nil || got != "FDSTORE=1\nFDNAME=will\nFDPOLL=0" {
		t.Fatalf("%q, %v", got, err)
	}
	ms, err := unix.ParseSocketControlMessage(oob[:o])
	if err != nil || len(ms) != 1 {
		t.Fatal(ms, err)
	}
	fds, err := unix.ParseUnixRights(&ms[0])
	if err != nil || len(fds) != 1 {
		t.Fatal(fds, err)
	}
	f := os.NewFile(uintptr(fds[0]), "will")
	defer f.Close()
	for range 2 { // it reads from the beginning, however often it is read
		if text, err := ReadText(f); err != nil || string(text) != "all to my heirs" {
			t.Errorf("%q, %v", text, err)
		}
	}
	n.Forget("will")
	if k, err := l.Read(b); err != nil || string(b[:k]) != "FDSTOREREMOVE=1\nFDNAME=will" {
		t.Errorf("%q, %v", b[:k], err)
	}
}

func TestStoreWithoutManager(t *testing.T) {
	n := New(func(string) string { return "" })
	if err := n.Store("bgp", 0); err == nil || !strings.Contains(err.Error(), "no service manager") {
		t.Error(err)
	}
	n.Forget("bgp")
	if n.Dropped() != 0 {
		t.Error("something was dropped")
	}
}

// TestPatience: the manager waits longer, never shorter, and only if it waits.
func TestPatience(t *testing.T) {
	l, n := manager(t)
	n.Patience(time.Minute)
	if n.Interval() != 0 {
		t.Error(n.Interval())
	}
	n.every.Store(int64(30 * time.Second))
	n.Patience(20 * time.Second)
	n.Patience(time.Minute)
	b := make([]byte, 100)
	if k, err := l.Read(b); err != nil || string(b[:k]) != "WATCHDOG_USEC=60000000" || n.Interval() != 30*time.Second {
		t.Errorf("%q, %v, %s", b[:k], err, n.Interval())
	}
}

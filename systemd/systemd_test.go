package systemd

import (
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMessages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("WATCHDOG_USEC", "4000000")
	n := New(func(k string) string { return map[string]string{"NOTIFY_SOCKET": path}[k] })
	if n.Interval() != 2*time.Second {
		t.Error(n.Interval())
	}
	for _, c := range []struct {
		do   func()
		want string
	}{
		{n.Ready, "READY=1"}, {n.Stopping, "STOPPING=1"}, {n.Watchdog, "WATCHDOG=1"},
		{func() { n.Status("1 of 2\nup") }, "STATUS=1 of 2 up"},
		{func() { n.Extend(90 * time.Second) }, "EXTEND_TIMEOUT_USEC=90000000"},
		{n.Reloading, "RELOADING=1\nMONOTONIC_USEC="},
	} {
		c.do()
		b := make([]byte, 200)
		l.SetReadDeadline(time.Now().Add(5 * time.Second))
		k, err := l.Read(b)
		if got := string(b[:k]); err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%q, want %q; %v", got, c.want, err)
		}
	}
}

func TestNeverBlocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := New(func(string) string { return path })
	for range 10000 { // nobody reads
		n.Watchdog()
	}
	if n.Dropped() == 0 {
		t.Error("the manager's socket took 10,000 messages that nobody read")
	}
}

// TestManySend: the loop, the reconciler's clock and a reload all send, to an abstract
// address as well.
func TestManySend(t *testing.T) {
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "@" + t.Name() + t.TempDir(), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := New(func(string) string { return l.LocalAddr().String() })
	const senders, each = 4, 200
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for range each {
				n.Watchdog()
			}
		})
	}
	read, b := 0, make([]byte, 100)
	go func() { all.Wait(); l.SetReadDeadline(time.Now()) }()
	for err == nil {
		if _, err = l.Read(b); err == nil {
			read++
		}
	}
	l.SetReadDeadline(time.Now().Add(time.Second))
	for got := uint64(read) + n.Dropped(); got < senders*each; got++ { // what was still in the socket
		if _, err := l.Read(b); err != nil {
			t.Fatalf("%d of %d messages: %v", got, senders*each, err)
		}
	}
}

func TestWithoutManager(t *testing.T) {
	n := New(func(string) string { return "" })
	n.Ready()
	if n.Interval() != 0 || n.Dropped() != 0 {
		t.Error("something was done")
	}
}

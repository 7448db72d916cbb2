// Package systemd is sd_notify, the reload handshake, and the store of
// descriptors that outlives a restart.
package systemd

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Notifier tells the service manager how we are. Without one it does nothing.
// It never blocks, but for Store and Forget: what the manager's socket does not take is dropped and
// counted.
type Notifier struct {
	fd      int
	path    string
	every   atomic.Int64 // ns
	dropped atomic.Uint64
}

// New reads NOTIFY_SOCKET and WATCHDOG_USEC.
func New(getenv func(string) string) *Notifier {
	n := &Notifier{fd: -1}
	path := getenv("NOTIFY_SOCKET")
	if path == "" {
		return n
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return n
	}
	n.fd, n.path = fd, path
	every, _ := daemon.SdWatchdogEnabled(false)
	n.every.Store(int64(every))
	return n
}

// Enabled says whether a service manager listens.
func (n *Notifier) Enabled() bool { return n.fd >= 0 }

func (n *Notifier) send(lines ...string) {
	if n.fd < 0 {
		return
	}
	if err := unix.Sendto(n.fd, []byte(strings.Join(lines, "\n")), unix.MSG_NOSIGNAL, n.to()); err != nil {
		n.dropped.Add(1)
	}
}

// to is the manager's address, a new one each time: it is written to as it is used, and
// many goroutines send. x/sys knows that @ is abstract.
func (n *Notifier) to() unix.Sockaddr { return &unix.SockaddrUnix{Name: n.path} }

// Dropped is how many messages the manager did not take.
func (n *Notifier) Dropped() uint64 { return n.dropped.Load() }

// Ready says that the service does what it is there for; after Reloading, that
// the reload is through.
func (n *Notifier) Ready() { n.send(daemon.SdNotifyReady) }

// Status is one sentence for "systemctl status".
func (n *Notifier) Status(sentence string) {
	n.send("STATUS=" + strings.ReplaceAll(sentence, "\n", " "))
}

// Reloading says that the configuration is being read again.
func (n *Notifier) Reloading() {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	n.send(daemon.SdNotifyReloading, fmt.Sprintf("MONOTONIC_USEC=%d", t.Nano()/1000))
}

// Stopping says that the service ends.
func (n *Notifier) Stopping() { n.send(daemon.SdNotifyStopping) }

// Extend asks for so much more time, from now on, before the manager loses its
// patience with a start or a stop.
func (n *Notifier) Extend(d time.Duration) {
	n.send(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()))
}

// Watchdog says that we are alive.
func (n *Notifier) Watchdog() { n.send(daemon.SdNotifyWatchdog) }

// Patience has the manager wait at least that long for Watchdog, from now on.
// Without a WatchdogSec in the unit it does not wait at all, and nothing is done.
func (n *Notifier) Patience(d time.Duration) {
	if every := time.Duration(n.every.Load()); every == 0 || every >= d {
		return
	}
	n.every.Store(int64(d))
	n.send(fmt.Sprintf("WATCHDOG_USEC=%d", d.Microseconds()))
}

// Interval is how often Watchdog should be called: half of what the manager
// waits for; 0 if it does not.
func (n *Notifier) Interval() time.Duration { return time.Duration(n.every.Load()) / 2 }

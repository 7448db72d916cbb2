package lab

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Host is one machine: a network namespace.
type Host struct {
	*Lab
	Short string // the name that it was given
	NS    string // the name of its namespace, for "ip -n" and "ip netns exec"
}

// Host makes a machine with nothing but its loopback, which is up.
func (l *Lab) Host(name string) *Host {
	l.Helper()
	h := &Host{Lab: l, Short: name, NS: l.id + "-" + name}
	l.run("ip", "netns", "add", h.NS)
	l.Cleanup(h.remove)
	h.IP("link set lo up")
	h.noDAD()
	return h
}

// noDAD turns off duplicate address detection, during which an IPv6 address
// can not be used for a second.
func (h *Host) noDAD() {
	h.Helper()
	err := h.Do(func() error {
		for _, which := range []string{"all", "default"} {
			// /proc/sys/net is that of the thread that opens it.
			path := "/proc/sys/net/ipv6/conf/" + which + "/accept_dad"
			if err := os.WriteFile(path, []byte("0"), 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.Fatalf("lab: %v", err)
	}
}

// Halt ends everything that runs on the host, by whomever it was started.
func (h *Host) Halt() {
	Poll(10*time.Second, func() bool {
		pids, err := output("ip", "netns", "pids", h.NS)
		for _, pid := range strings.Fields(string(pids)) {
			output("kill", "-9", pid)
		}
		return err != nil || len(pids) == 0
	})
}

// remove halts the host, and removes it.
func (h *Host) remove() {
	h.Halt()
	if _, err := output("ip", "netns", "del", h.NS); err != nil {
		h.Logf("lab: %v", err)
	}
}

// IP runs ip(8) on the host, with its arguments as one would type them.
func (h *Host) IP(line string) string {
	h.Helper()
	return h.run(append([]string{"ip", "-n", h.NS}, strings.Fields(line)...)...)
}

// Run runs a command on the host to its end, which must be success, and gives
// what it printed.
func (h *Host) Run(argv ...string) string {
	h.Helper()
	return h.run(h.exec(argv)...)
}

// Try is Run for a command that may fail.
func (h *Host) Try(argv ...string) ([]byte, error) { return output(h.exec(argv)...) }

// exec is the command that runs argv on the host. The shell's exec, and that
// of "ip netns exec", keep the process's number.
func (h *Host) exec(argv []string) []string {
	return append([]string{"ip", "netns", "exec", h.NS}, argv...)
}

// Wire joins a and b by a cable; each calls its end by the given name. Both
// ends are up.
func Wire(a *Host, aLink string, b *Host, bLink string) {
	a.Helper()
	a.run("ip", "link", "add", aLink, "netns", a.NS, "type", "veth", "peer", "name", bLink, "netns", b.NS)
	a.IP("link set " + aLink + " up")
	b.IP("link set " + bLink + " up")
}

// Address puts addresses, such as 10.0.0.1/24, on a link of the host.
func (h *Host) Address(link string, prefixes ...string) {
	h.Helper()
	for _, p := range prefixes {
		if netip.MustParsePrefix(p).Addr().Is6() {
			p += " nodad"
		}
		h.IP(fmt.Sprintf("address add dev %s %s", link, p))
	}
}

// Listens says whether something on the host listens on a TCP port.
func (h *Host) Listens(port uint16) bool {
	out, err := h.Try("ss", "-Hltn", fmt.Sprintf("sport = %d", port))
	return err == nil && len(out) > 0
}

// Do runs f on the host, in this process: sockets that f opens are the
// host's. f must not start processes or goroutines.
func (h *Host) Do(f func() error) error {
	runtime.LockOSThread()
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("own network namespace: %w", err)
	}
	defer unix.Close(home)
	there, err := unix.Open("/run/netns/"+h.NS, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("network namespace %s: %w", h.NS, err)
	}
	defer unix.Close(there)
	if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", h.NS, err)
	}
	defer func() {
		if unix.Setns(home, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread() // otherwise the thread ends with its goroutine
		}
	}()
	return f()
}

// Package systemdtest is a message bus of a test's own, and on it a systemd, a
// login manager and a polkit for unit tests.
package systemdtest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/godbus/dbus/v5"
)

// Bus is a private dbus-daemon, which everybody may own names on and call.
type Bus struct {
	Address string // for DBUS_SYSTEM_BUS_ADDRESS
	t       testing.TB
	conf    string
	cmd     *exec.Cmd
}

const conf = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">%s</policy>
  %s
</busconfig>
`

// open lets everybody do everything.
const open = `<allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>`

// closed is the default policy of a system bus: whoever wants to own a name or
// call somebody has a file that says so.
const closed = `<allow user="*"/><deny own="*"/><deny send_type="method_call"/><allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/><allow send_destination="org.freedesktop.DBus"/>`

// NewBus starts a bus that ends with the test.
func NewBus(t testing.TB) *Bus { return newBus(t, open, "") }

// NewStrictBus starts one with a system bus's own policy, and the policy of a
// file beside it.
func NewStrictBus(t testing.TB, policy string) *Bus {
	return newBus(t, closed, "<include>"+policy+"</include>")
}

func newBus(t testing.TB, policy, more string) *Bus {
	t.Helper()
	folder, err := os.MkdirTemp("", "bus") // the path of a unix socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil { // other users are a test's, too
		t.Fatal(err)
	}
	b := &Bus{t: t, Address: "unix:path=" + filepath.Join(folder, "bus"), conf: filepath.Join(folder, "conf")}
	if err := os.WriteFile(b.conf, fmt.Appendf(nil, conf, b.Address, policy, more), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	b.Start()
	return b
}

// Start starts the bus, at the address that it has had before; it listens when
// Start returns.
func (b *Bus) Start() {
	b.t.Helper()
	b.cmd = exec.Command("dbus-daemon", "--config-file="+b.conf, "--nofork", "--nopidfile", "--nosyslog", "--print-address=1")
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that times out has no Cleanup
	out, err := b.cmd.StdoutPipe()
	if err == nil {
		err = b.cmd.Start()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		b.t.Fatalf("dbus-daemon says no address: %v", err)
	}
}

// Stop ends the bus, and with it every connection.
func (b *Bus) Stop() {
	if b.cmd != nil {
		b.cmd.Process.Kill()
		b.cmd.Wait()
		b.cmd = nil
	}
}

// Freeze has the bus not say anything any more, until Stop.
func (b *Bus) Freeze() {
	b.t.Helper()
	b.must(b.cmd.Process.Signal(syscall.SIGSTOP))
}

// Dial connects to the bus, until the test ends.
func (b *Bus) Dial() *dbus.Conn {
	b.t.Helper()
	c, err := dbus.Connect(b.Address, dbus.WithAuth(dbus.AuthExternal(strconv.Itoa(os.Getuid()))))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return c
}

// own takes a name for a connection on which everything is exported: godbus does
// not mean exporting to happen beside calls.
func (b *Bus) own(c *dbus.Conn, name string) {
	b.t.Helper()
	if got, err := c.RequestName(name, dbus.NameFlagDoNotQueue); err != nil || got != dbus.RequestNameReplyPrimaryOwner {
		b.t.Fatalf("name %s: %v %v", name, got, err)
	}
}

// offer exports methods on a new connection that has a name.
func (b *Bus) offer(name string, methods map[string]any, path dbus.ObjectPath, iface string) {
	b.t.Helper()
	c := b.Dial()
	b.must(c.ExportMethodTable(methods, path, iface))
	b.own(c, name)
}

// must is for what cannot fail on a connection that stands.
func (b *Bus) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

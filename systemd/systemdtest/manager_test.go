package systemdtest

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// TestManager is go-systemd's client against the manager, as it would be against
// systemd.
func TestManager(t *testing.T) {
	b := NewBus(t)
	m := NewManager(b, map[string]Unit{"nginx.service": Active})
	c, err := dbus.NewConnection(func() (*godbus.Conn, error) { return b.Dial(), nil })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Subscribe(); err != nil || !m.Subscribed() {
		t.Error(err, m.Subscribed())
	}
	m.Hook(Hooks{Restart: func(name string) error {
		if name == "broken.service" {
			return errors.New("it is broken")
		}
		m.Set(name, Failed)
		return nil
	}})
	done := make(chan string, 1)
	if _, err := c.RestartUnitContext(t.Context(), "nginx.service", "replace", done); err != nil || <-done != "done" {
		t.Error(err)
	}
	ps, err := c.GetAllPropertiesContext(t.Context(), "nginx.service")
	if err != nil || fmt.Sprintf("%v %v %v", ps["ActiveState"], ps["Result"], ps["LoadState"]) != "failed exit-code loaded" {
		t.Error(err, ps)
	}
	if _, err := c.RestartUnitContext(t.Context(), "absent.service", "replace", nil); err == nil {
		t.Error("a unit that there is not was restarted")
	}
	if us, err := c.ListUnitsByPatternsContext(t.Context(), nil, []string{"n*"}); err != nil || len(us) != 1 || us[0].SubState != "failed" {
		t.Error(err, us)
	}
}

// TestTransient hands descriptors over the bus, as StandardOutputFileDescriptor
// does.
func TestTransient(t *testing.T) {
	b := NewBus(t)
	m := NewManager(b, nil)
	m.Hook(Hooks{Transient: func(name string, ps []Property) error {
		for _, p := range ps {
			if fd, ok := p.Value.Value().(godbus.UnixFD); ok {
				f := os.NewFile(uintptr(fd), p.Name)
				defer f.Close()
				fmt.Fprintf(f, "%s %s", name, p.Name)
			}
		}
		return nil
	}})
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	c, err := dbus.NewConnection(func() (*godbus.Conn, error) { return b.Dial(), nil })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	done := make(chan string, 1)
	if _, err := c.StartTransientUnitContext(t.Context(), "holdfast-helper-a.service", "fail", []dbus.Property{dbus.PropDescription("a"),
		{Name: "StandardOutputFileDescriptor", Value: godbus.MakeVariant(godbus.UnixFD(out.Fd()))}}, done); err != nil || <-done != "done" {
		t.Fatal(err)
	}
	out.Close()
	buf := make([]byte, 100)
	if n, err := in.Read(buf); err != nil || string(buf[:n]) != "holdfast-helper-a.service StandardOutputFileDescriptor" {
		t.Errorf("%q %v", buf[:n], err)
	}
}

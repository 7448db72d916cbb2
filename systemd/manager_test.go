package systemd

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/systemd/systemdtest"
)

func TestListAndRestart(t *testing.T) {
	b := systemdtest.NewBus(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	since := time.Unix(1700000000, 0)
	m := systemdtest.NewManager(b, map[string]systemdtest.Unit{
		"holdfast.service": {Active: "active", Sub: "running", Result: "success", Since: since},
		"nginx.service":    systemdtest.Failed, "other.service": systemdtest.Active})
	m.Hook(systemdtest.Hooks{Restart: func(name string) error {
		if name == "other.service" {
			return errors.New("it is busy")
		}
		m.Set(name, systemdtest.Active)
		return nil
	}})
	all, err := List(t.Context(), []string{"holdfast*"}, []string{"nginx.service", "absent.service", "holdfast.service"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range all {
		got = append(got, fmt.Sprint(u.Name, " ", u.Load, " ", u.Active, " ", u.Sub, " ", u.Result, " ", u.Since.Equal(since)))
	}
	if got := strings.Join(got, "\n"); got != "absent.service not-found inactive dead  false\nholdfast.service loaded active running success true\nnginx.service loaded failed failed exit-code false" {
		t.Error(got)
	}
	if err := Restart(t.Context(), "nginx.service"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"absent.service": "restart absent.service: Unit absent.service not loaded.", "other.service": "restart other.service: it is busy"} {
		if err := Restart(t.Context(), name); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestEnding(t *testing.T) {
	b := systemdtest.NewBus(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	if _, err := Ending(t.Context()); err == nil {
		t.Error("known without a systemd")
	}
	m := systemdtest.NewManager(b, nil)
	if ends, err := Ending(t.Context()); ends || err != nil {
		t.Error(ends, err)
	}
	m.End()
	if ends, err := Ending(t.Context()); !ends || err != nil {
		t.Error(ends, err)
	}
}

func TestReboot(t *testing.T) {
	b := systemdtest.NewBus(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	if err := Reboot(t.Context()); err == nil {
		t.Error("a reboot without a login manager")
	}
	l := systemdtest.NewLogin(b)
	if err := Reboot(t.Context()); err != nil || l.Reboots() != 1 {
		t.Error(err, l.Reboots())
	}
}

package systemd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// Listed is a unit in a list.
type Listed struct {
	Name        string    `json:"unit"`
	Description string    `json:"description,omitempty"`
	Load        string    `json:"load"`
	Active      string    `json:"active"`
	Sub         string    `json:"sub"`
	Result      string    `json:"result,omitempty"` // of a service
	Since       time.Time `json:"since,omitzero"`   // it is in that state
}

// connect is go-systemd's client over our own connection.
func connect(ctx context.Context) (*sd.Conn, error) {
	return sd.NewConnection(func() (*dbus.Conn, error) { return Dial(ctx) })
}

// List is the units of names, and those that are loaded and match patterns as a
// shell has them, by name.
func List(ctx context.Context, patterns, names []string) (all []Listed, err error) {
	c, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	us, err := c.ListUnitsByPatternsContext(ctx, nil, patterns)
	if err != nil {
		return nil, fmt.Errorf("systemd: list units: %w", err)
	}
	if len(names) > 0 {
		more, err := c.ListUnitsByNamesContext(ctx, names)
		if err != nil {
			return nil, fmt.Errorf("systemd: list units: %w", err)
		}
		us = append(us, more...)
	}
	slices.SortFunc(us, func(a, b sd.UnitStatus) int { return strings.Compare(a.Name, b.Name) })
	for _, u := range slices.CompactFunc(us, func(a, b sd.UnitStatus) bool { return a.Name == b.Name }) {
		l := Listed{Name: u.Name, Description: u.Description, Load: u.LoadState, Active: u.ActiveState, Sub: u.SubState}
		if p, err := c.GetUnitPropertyContext(ctx, u.Name, "StateChangeTimestamp"); err == nil { // or it is gone by now
			if at, ok := p.Value.Value().(uint64); ok && at > 0 {
				l.Since = time.UnixMicro(int64(at))
			}
		}
		if p, err := c.GetServicePropertyContext(ctx, u.Name, "Result"); err == nil { // or it is no service
			l.Result, _ = p.Value.Value().(string)
		}
		all = append(all, l)
	}
	return all, nil
}

// Restart restarts a unit and waits until that has come to its end.
func Restart(ctx context.Context, name string) error {
	c, err := connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	done := make(chan string, 1)
	if _, err := c.RestartUnitContext(ctx, name, "replace", done); err != nil {
		return fmt.Errorf("restart %s: %w", name, err)
	}
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("restart %s: the job ended with %q", name, result)
		}
	case <-ctx.Done():
		return fmt.Errorf("restart %s: %w", name, ctx.Err())
	}
	return nil
}

// Reboot has the machine end what runs, in order, and start anew. It returns when
// that has begun. go-systemd's login1 does not say whether it has.
func Reboot(ctx context.Context) error {
	c, err := Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	err = call(ctx, c.Object("org.freedesktop.login1", "/org/freedesktop/login1"), "org.freedesktop.login1.Manager.Reboot", []any{false})
	var gone dbus.Error
	if errors.As(err, &gone) && gone.Name == "org.freedesktop.DBus.Error.NoReply" {
		return nil // it was faster than its answer
	}
	if err != nil {
		return fmt.Errorf("reboot: %w", err)
	}
	return nil
}

// Ending says whether the machine is going down: for a reboot, or to be switched
// off.
func Ending(ctx context.Context) (bool, error) {
	c, err := Dial(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	var state string
	if err := call(ctx, c.Object(managerName, managerPath), propertiesName+".Get", []any{managerIface, "SystemState"}, &state); err != nil {
		return false, fmt.Errorf("systemd: SystemState: %w", err)
	}
	return state == "stopping", nil
}

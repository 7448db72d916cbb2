package systemd

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/godbus/dbus/v5"
)

// Names on the bus.
const (
	managerName    = "org.freedesktop.systemd1"
	managerPath    = dbus.ObjectPath("/org/freedesktop/systemd1")
	managerIface   = managerName + ".Manager"
	unitIface      = managerName + ".Unit"
	serviceIface   = managerName + ".Service"
	propertiesName = "org.freedesktop.DBus.Properties"
)

// patience is how long one answer over the bus may take: PID 1 is slow when it
// reads all of its units again, but not that slow.
var patience = 5 * time.Second

// Dial connects to the system bus, at DBUS_SYSTEM_BUS_ADDRESS if that is set. The
// connection ends with the context.
func Dial(ctx context.Context) (*dbus.Conn, error) { return DialWith(ctx, nil) }

// DialWith is Dial of somebody who exports objects: export does so before anybody
// can call, for godbus does not mean the two to happen at once.
func DialWith(ctx context.Context, export func(*dbus.Conn) error) (*dbus.Conn, error) {
	c, err := dbus.SystemBusPrivate(dbus.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("system bus: %w", err)
	}
	if export != nil {
		if err := export(c); err != nil {
			c.Close()
			return nil, err
		}
	}
	// A bus that is stopped takes connections and says nothing.
	slow := time.AfterFunc(patience, func() { c.Close() })
	defer slow.Stop()
	// By number: for the name of a user somebody might have to be asked.
	if err = c.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err == nil {
		err = c.Hello()
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("system bus: %w", err)
	}
	return c, nil
}

// call is one question with its bound, and its answers.
func call(ctx context.Context, o dbus.BusObject, method string, args []any, out ...any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return o.CallWithContext(ctx, method, 0, args...).Store(out...)
}

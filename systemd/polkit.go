package systemd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"
)

// Names of polkit's, and how long somebody may take to find his password.
const (
	polkitName  = "org.freedesktop.PolicyKit1"
	polkitPath  = dbus.ObjectPath("/org/freedesktop/PolicyKit1/Authority")
	polkitIface = polkitName + ".Authority"
	atKeyboard  = 2 * time.Minute
)

// Allowed asks polkit whether whoever sends over a connection may do an action;
// nil is yes. If he is ready to wait, he may be asked for a password. Where there
// is no polkit, root may.
func Allowed(ctx context.Context, c *dbus.Conn, sender, action string, ask bool) error {
	limit, flags := patience, uint32(0)
	if ask {
		limit, flags = atKeyboard, 1 // AllowUserInteraction
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	subject := struct {
		Kind    string
		Details map[string]dbus.Variant
	}{"system-bus-name", map[string]dbus.Variant{"name": dbus.MakeVariant(sender)}}
	var verdict struct {
		Allowed, Challenge bool
		Details            map[string]string
	}
	err := c.Object(polkitName, polkitPath).CallWithContext(ctx, polkitIface+".CheckAuthorization", 0,
		subject, action, map[string]string{}, flags, "").Store(&verdict)
	var refused dbus.Error
	switch {
	case errors.As(err, &refused) && (refused.Name == "org.freedesktop.DBus.Error.ServiceUnknown" || refused.Name == "org.freedesktop.DBus.Error.NameHasNoOwner"):
		return isRoot(ctx, c, sender, action)
	case err != nil:
		return fmt.Errorf("polkit: %s: %w", action, err)
	case !verdict.Allowed && verdict.Challenge:
		return fmt.Errorf("polkit: %s wants a password, and the call does not allow to ask for it", action)
	case !verdict.Allowed:
		return fmt.Errorf("polkit: %s is not allowed", action)
	}
	return nil
}

func isRoot(ctx context.Context, c *dbus.Conn, sender, action string) error {
	var uid uint32
	if err := c.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionUnixUser", 0, sender).Store(&uid); err != nil {
		return fmt.Errorf("%s: who asks is not known: %w", action, err)
	}
	if uid != 0 {
		return fmt.Errorf("%s: there is no polkit that would allow it to anybody but root", action)
	}
	return nil
}

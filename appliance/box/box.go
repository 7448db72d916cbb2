// Package box is the object org.holdfast.Box on the system bus: what the control
// socket answers, for those who speak D-Bus.
package box

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"holdfast/systemd"
)

// Names of the object.
const (
	Name = "org.holdfast.Box"
	Path = dbus.ObjectPath("/org/holdfast/Box")
)

// Interface describes the object.
//
//go:embed org.holdfast.Box.xml
var Interface string

// Facts are the properties.
type Facts struct {
	Summary         string
	Armed, Draining bool
	Sessions, Gates map[string]string
	Generation      string
}

func (f Facts) variants() map[string]dbus.Variant {
	return map[string]dbus.Variant{"Summary": dbus.MakeVariant(f.Summary), "Armed": dbus.MakeVariant(f.Armed), "Draining": dbus.MakeVariant(f.Draining),
		"Sessions": dbus.MakeVariant(f.Sessions), "Gates": dbus.MakeVariant(f.Gates), "Generation": dbus.MakeVariant(f.Generation)}
}

// Options is what the object stands for.
type Options struct {
	Log   *slog.Logger
	Do    func(ctx context.Context, what, arg string) (any, error) // a request as the control socket has it
	Facts func(ctx context.Context) (Facts, error)
}

// Box is the object. It is there while Run runs and there is a bus.
type Box struct {
	o     Options
	wake  chan struct{}
	again time.Duration // a bus is looked for so soon
	mu    sync.Mutex
	facts map[string]dbus.Variant
}

// New is an object that nobody sees yet.
func New(o Options) *Box {
	return &Box{o: o, wake: make(chan struct{}, 1), again: again, facts: Facts{}.variants()}
}

// Wake says that a property may have changed. It never blocks.
func (b *Box) Wake() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// How long a request may take, changes are gathered, and the pauses between
// attempts to be on a bus: on some machines there is none, or none that has us.
const (
	patience = 10 * time.Second
	gather   = 100 * time.Millisecond
	again    = time.Second
	rarely   = time.Minute
)

// Run has the object on the bus, and again after the bus was lost, until the
// context ends. That there is no bus is said once.
func (b *Box) Run(ctx context.Context) error {
	said, pause := "", b.again
	for {
		err := b.serve(ctx, func() {
			b.o.Log.Info("the box is on the system bus", "name", Name)
			said, pause = "", b.again
		})
		if ctx.Err() != nil {
			return nil
		}
		if text := fmt.Sprint(err); text != said {
			b.o.Log.Info("the box is not on the system bus", "why", text)
			said = text
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, rarely)
	}
}

// serve is one connection's life.
func (b *Box) serve(ctx context.Context, there func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := systemd.DialWith(ctx, func(c *dbus.Conn) error { return b.export(ctx, c) })
	if err != nil {
		return err
	}
	defer c.Close()
	b.look(ctx, nil)
	switch got, err := c.RequestName(Name, dbus.NameFlagDoNotQueue); {
	case err != nil:
		return fmt.Errorf("name %s: %w", Name, err)
	case got != dbus.RequestNameReplyPrimaryOwner:
		return fmt.Errorf("name %s: another process has it", Name)
	}
	there()
	for {
		select {
		case <-c.Context().Done():
			return errors.New("the connection was closed")
		case <-b.wake:
		}
		select { // what changes together is told together
		case <-c.Context().Done():
		case <-time.After(gather):
			b.look(ctx, c)
		}
	}
}

func (b *Box) export(ctx context.Context, c *dbus.Conn) error {
	m := &methods{b, ctx, c}
	return errors.Join(c.ExportMethodTable(map[string]any{"Status": m.status, "Explain": m.explain, "Drain": m.drain, "Undrain": m.undrain,
		"Rollback": m.rollback, "Reload": m.reload, "UpdateStatus": m.updateStatus}, Path, Name),
		c.ExportMethodTable(map[string]any{"Get": b.get, "GetAll": b.all, "Set": b.set}, Path, "org.freedesktop.DBus.Properties"),
		c.ExportMethodTable(map[string]any{"Introspect": func() (string, *dbus.Error) { return Interface, nil }}, Path, "org.freedesktop.DBus.Introspectable"))
}

// look reads the facts, and tells those that have changed in one signal. Without
// an answer everything stays as it was: a loop that is stuck has a watchdog.
func (b *Box) look(ctx context.Context, c *dbus.Conn) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f, err := b.o.Facts(ctx)
	if err != nil {
		return
	}
	now, changed := f.variants(), map[string]dbus.Variant{}
	b.mu.Lock()
	for name, v := range now {
		if !reflect.DeepEqual(v.Value(), b.facts[name].Value()) {
			changed[name] = v
		}
	}
	b.facts = now
	b.mu.Unlock()
	if len(changed) > 0 && c != nil {
		_ = c.Emit(Path, "org.freedesktop.DBus.Properties.PropertiesChanged", Name, changed, []string{}) // or the connection is lost
	}
}

func (b *Box) get(iface, name string) (dbus.Variant, *dbus.Error) {
	all, err := b.all(iface)
	if err != nil {
		return dbus.Variant{}, err
	}
	v, ok := all[name]
	if !ok {
		return v, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{"there is no property " + name})
	}
	return v, nil
}

func (b *Box) all(iface string) (map[string]dbus.Variant, *dbus.Error) {
	if iface != Name {
		return map[string]dbus.Variant{}, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.facts, nil // a new map with each change
}

func (b *Box) set(_, name string, _ dbus.Variant) *dbus.Error {
	return dbus.NewError("org.freedesktop.DBus.Error.PropertyReadOnly", []any{name + " cannot be set"})
}

// methods are those of the object over one connection.
type methods struct {
	*Box
	ctx  context.Context
	conn *dbus.Conn
}

// Actions of polkit's that methods need; reading needs none.
const (
	mayDrain    = "org.holdfast.drain"
	mayReload   = "org.holdfast.reload"
	mayRollback = "org.holdfast.rollback"
)

// do is a request, for whom polkit allows it.
func (m *methods) do(msg dbus.Message, action, what, arg string) (any, *dbus.Error) {
	if action != "" {
		sender, _ := msg.Headers[dbus.FieldSender].Value().(string)
		if err := systemd.Allowed(m.ctx, m.conn, sender, action, msg.Flags&dbus.FlagAllowInteractiveAuthorization != 0); err != nil {
			return nil, dbus.NewError("org.freedesktop.DBus.Error.AccessDenied", []any{err.Error()})
		}
	}
	ctx, cancel := context.WithTimeout(m.ctx, patience)
	defer cancel()
	v, err := m.o.Do(ctx, what, arg)
	if err != nil {
		return nil, dbus.MakeFailedError(err)
	}
	return v, nil
}

// json is do with an answer in JSON.
func (m *methods) json(msg dbus.Message, action, what, arg string) (string, *dbus.Error) {
	v, failed := m.do(msg, action, what, arg)
	if failed != nil {
		return "", failed
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "", dbus.MakeFailedError(err)
	}
	return string(text), nil
}

func (m *methods) status(msg dbus.Message) (string, *dbus.Error) {
	return m.json(msg, "", "status", "")
}

func (m *methods) updateStatus(msg dbus.Message) (string, *dbus.Error) {
	return m.json(msg, "", "update", "")
}

func (m *methods) explain(msg dbus.Message, prefix string) (string, *dbus.Error) {
	return m.json(msg, "", "explain", prefix)
}

// order is a drain as the control socket takes it.
type order struct {
	Gates   []string `json:"gates,omitempty"`
	Seconds uint64   `json:"seconds,omitempty"`
	Reason  string   `json:"reason,omitempty"`
}

func (m *methods) drain(msg dbus.Message, gates []string, seconds uint64, reason string) (string, *dbus.Error) {
	arg, err := json.Marshal(order{gates, seconds, reason})
	if err != nil {
		return "", dbus.MakeFailedError(err)
	}
	return m.json(msg, mayDrain, "drain", string(arg))
}

func (m *methods) undrain(msg dbus.Message, gates []string) (string, *dbus.Error) {
	arg, err := json.Marshal(order{Gates: gates})
	if err != nil {
		return "", dbus.MakeFailedError(err)
	}
	return m.json(msg, mayDrain, "undrain", string(arg))
}

func (m *methods) rollback(msg dbus.Message, generation uint32) (string, *dbus.Error) {
	arg := ""
	if generation > 0 {
		arg = strconv.FormatUint(uint64(generation), 10)
	}
	return m.json(msg, mayRollback, "rollback", arg)
}

func (m *methods) reload(msg dbus.Message) (string, *dbus.Error) {
	return m.json(msg, mayReload, "reload", "")
}

package systemd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"
)

// Unit is how a unit of the manager's stands, in its words.
type Unit struct {
	Load, Active, Sub string // "loaded", "active", "running"
	Result            string // of a service that does not run: "exit-code"
}

// On says whether the unit does its work; one that reads its configuration
// again does.
func (u Unit) On() bool {
	return slices.Contains([]string{"active", "reloading", "refreshing"}, u.Active)
}

// String is the rest of a sentence that begins with the unit: "is failed
// (exit-code)".
func (u Unit) String() string {
	switch {
	case u.Load == "not-found":
		return "is not loaded: there is no such unit"
	case u.Load != "" && u.Load != "loaded":
		return fmt.Sprintf("is not loaded (%s)", u.Load)
	case u.Active == "failed" && u.Result != "" && u.Result != "success":
		return fmt.Sprintf("is failed (%s)", u.Result)
	case u.Sub == "" || u.Sub == u.Active:
		return "is " + u.Active
	}
	return fmt.Sprintf("is %s (%s)", u.Active, u.Sub)
}

// Watcher knows how units stand. Nothing is polled: the manager tells that
// something has changed, and then it is read. Every heartbeat it is asked
// whether it still lives, for of a bus that is stuck nothing would be heard.
type Watcher struct {
	dial func(context.Context) (*dbus.Conn, error)
	told func(map[string]Unit, error)
	want chan []string
	beat time.Duration
}

// The heartbeat, and the pauses between attempts to connect.
const (
	heartbeat  = 10 * time.Second
	soonAgain  = 100 * time.Millisecond
	lateAgain  = 5 * time.Second
	signalsMax = 64 // that wait; more of them say nothing more
)

// NewWatcher is one that tells how all wanted units stand, whenever one of them
// has changed, was read for the first time, or the bus was lost: then there is
// an error, no units, and it connects again. It is told on one goroutine.
func NewWatcher(dial func(context.Context) (*dbus.Conn, error), told func(map[string]Unit, error)) *Watcher {
	return &Watcher{dial: dial, told: told, want: make(chan []string, 1), beat: heartbeat}
}

// Want says which units are watched, by their whole names. It does not block.
func (w *Watcher) Want(names []string) {
	for {
		select {
		case w.want <- slices.Clone(names):
			return
		default:
		}
		select { // an older wish that nobody has seen
		case <-w.want:
		default:
		}
	}
}

// Run watches until the context ends. Without a unit to watch there is no
// connection.
func (w *Watcher) Run(ctx context.Context) error {
	var names []string
	pause := soonAgain
	for {
		if len(names) == 0 {
			select {
			case <-ctx.Done():
				return nil
			case names = <-w.want:
			}
			continue
		}
		s := session{Watcher: w, units: map[string]*unit{}}
		err := s.run(ctx, &names)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			continue // nothing is wanted any more
		}
		w.told(nil, err)
		if s.read {
			pause = soonAgain
		}
		select {
		case <-ctx.Done():
			return nil
		case names = <-w.want:
		case <-time.After(pause):
		}
		pause = min(2*pause, lateAgain)
	}
}

// session is one connection's life.
type session struct {
	*Watcher
	conn    *dbus.Conn
	manager dbus.BusObject
	units   map[string]*unit
	rules   map[string]bool // what the bus is asked to pass on
	last    map[string]Unit // what was told
	read    bool            // everything has been read once
}

// unit is one of the wanted.
type unit struct {
	Unit
	path   dbus.ObjectPath
	dirty  bool // is to be read
	loaded bool // the manager was asked to load it since it was last seen active
}

// run watches names, which change with Want, until the connection is lost or
// there is nothing to watch.
func (s *session) run(ctx context.Context, names *[]string) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.conn, err = s.dial(ctx); err != nil {
		return err
	}
	defer s.conn.Close()
	s.manager, s.rules = s.conn.Object(managerName, managerPath), map[string]bool{}
	signals := make(chan *dbus.Signal, signalsMax)
	s.conn.Signal(signals)
	if err := s.begin(ctx); err != nil {
		return err
	}
	for {
		if err := s.follow(ctx, *names); err != nil || len(*names) == 0 {
			return err
		}
		if err := s.wait(ctx, signals, names); err != nil {
			return err
		}
	}
}

// begin asks for what does not depend on units.
func (s *session) begin(ctx context.Context) error {
	err := errors.Join(
		s.match(ctx, dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, managerName)),
		s.match(ctx, dbus.WithMatchSender(managerName), dbus.WithMatchInterface(managerIface), dbus.WithMatchMember("Reloading")))
	if err == nil {
		err = call(ctx, s.manager, managerIface+".Subscribe", nil)
	}
	return err
}

// match asks the bus to pass signals on, once.
func (s *session) match(ctx context.Context, options ...dbus.MatchOption) error {
	rule := fmt.Sprint(options)
	if s.rules[rule] {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.rules[rule] = true
	return s.conn.AddMatchSignalContext(ctx, options...)
}

// follow reads what is to be read, and tells it if it is something new.
func (s *session) follow(ctx context.Context, names []string) error {
	for _, name := range names {
		if s.units[name] != nil {
			continue
		}
		s.units[name] = &unit{dirty: true}
		for _, member := range []string{"UnitNew", "UnitRemoved"} {
			if err := s.match(ctx, dbus.WithMatchSender(managerName), dbus.WithMatchInterface(managerIface), dbus.WithMatchMember(member), dbus.WithMatchArg(0, name)); err != nil {
				return err
			}
		}
	}
	now := map[string]Unit{}
	for _, name := range names {
		u := s.units[name]
		if u.dirty {
			u.dirty = false
			if err := s.look(ctx, name, u); err != nil {
				return fmt.Errorf("unit %s: %w", name, err)
			}
		}
		now[name] = u.Unit
	}
	if s.read = true; !maps.Equal(now, s.last) || s.last == nil {
		s.last = now
		s.told(now, nil)
	}
	return nil
}

// look reads one unit. One that does nothing may be unloaded at any time. Then
// its state is read by having it loaded, once: that it is loaded and unloaded
// again is told by signals as well, which must not have us load it for ever.
func (s *session) look(ctx context.Context, name string, u *unit) error {
	path := dbus.ObjectPath("")
	err := call(ctx, s.manager, managerIface+".GetUnit", []any{name}, &path)
	var refused dbus.Error
	if errors.As(err, &refused) && refused.Name == managerName+".NoSuchUnit" {
		if u.loaded && !u.On() {
			return nil // it is what it was
		}
		u.loaded = true
		err = call(ctx, s.manager, managerIface+".LoadUnit", []any{name}, &path)
	}
	if err != nil {
		return err
	}
	if path != u.path { // before it is read: what changes from here on is told
		u.path = path
		if err := s.match(ctx, dbus.WithMatchSender(managerName), dbus.WithMatchInterface(propertiesName), dbus.WithMatchMember("PropertiesChanged"), dbus.WithMatchObjectPath(path)); err != nil {
			return err
		}
	}
	if u.Unit, err = s.state(ctx, path); u.On() {
		u.loaded = false
	}
	return err
}

// state reads only what is needed: all properties of a unit are many, and some
// cost the manager time.
func (s *session) state(ctx context.Context, path dbus.ObjectPath) (u Unit, err error) {
	o := s.conn.Object(managerName, path)
	get := func(iface, name string, to *string) {
		if err == nil {
			var v dbus.Variant
			if err = call(ctx, o, propertiesName+".Get", []any{iface, name}, &v); err == nil {
				*to, _ = v.Value().(string)
			}
		}
	}
	if get(unitIface, "ActiveState", &u.Active); u.On() {
		return u, err
	}
	get(unitIface, "SubState", &u.Sub)
	if get(unitIface, "LoadState", &u.Load); u.Active == "failed" {
		before := err
		if get(serviceIface, "Result", &u.Result); before == nil {
			var refused dbus.Error
			if errors.As(err, &refused) {
				err = nil // it is no service
			}
		}
	}
	return u, err
}

// wait waits until something may have changed.
func (s *session) wait(ctx context.Context, signals <-chan *dbus.Signal, names *[]string) error {
	timer := time.NewTimer(s.beat)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case *names = <-s.want:
	case <-timer.C:
		if err := call(ctx, s.manager, "org.freedesktop.DBus.Peer.Ping", nil); err != nil {
			return fmt.Errorf("systemd does not answer: %w", err)
		}
	case sig, ok := <-signals:
		for more := ok; more; {
			if err := s.heard(sig); err != nil {
				return err
			}
			select { // one reading is for all that has been told
			case sig, ok = <-signals:
				more = ok
			default:
				more = false
			}
		}
		if !ok {
			return errors.New("system bus: the connection was closed")
		}
	}
	return nil
}

// heard marks what a signal is about.
func (s *session) heard(sig *dbus.Signal) error {
	var about string
	if len(sig.Body) > 0 {
		about, _ = sig.Body[0].(string)
	}
	switch sig.Name {
	case "org.freedesktop.DBus.NameOwnerChanged":
		if about == managerName {
			return errors.New("systemd has left the bus")
		}
	case propertiesName + ".PropertiesChanged":
		for _, u := range s.units {
			u.dirty = u.dirty || u.path == sig.Path
		}
	case managerIface + ".UnitNew", managerIface + ".UnitRemoved":
		if u := s.units[about]; u != nil {
			u.dirty = true
		}
	case managerIface + ".Reloading": // units may have come and gone
		for _, u := range s.units {
			u.dirty, u.loaded = true, false
		}
	}
	return nil
}

package systemdtest

import (
	"errors"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// Names of systemd's on the bus.
const (
	managerName  = "org.freedesktop.systemd1"
	managerPath  = godbus.ObjectPath("/org/freedesktop/systemd1")
	unitsPath    = managerPath + "/unit/"
	managerIface = managerName + ".Manager"
	unitIface    = managerName + ".Unit"
	serviceIface = managerName + ".Service"
	properties   = "org.freedesktop.DBus.Properties"
)

// Unit is one of the manager's.
type Unit struct {
	Load   string // "" is "loaded"
	Active string // "active", "inactive", "failed", …
	Sub    string // "running", "dead", …
	Result string // "success", "exit-code", …
	Since  time.Time
}

// Active and Failed are units as they mostly are.
var (
	Active = Unit{Active: "active", Sub: "running", Result: "success"}
	Failed = Unit{Active: "failed", Sub: "failed", Result: "exit-code"}
)

// Property is one of a transient unit.
type Property struct {
	Name  string
	Value godbus.Variant
}

// Hooks are what happens when somebody asks for a job; each may be nil, and an
// error is what the caller gets. They are called one at a time and may call Set.
type Hooks struct {
	Restart, Stop func(unit string) error
	Transient     func(unit string, properties []Property) error
}

// Manager is org.freedesktop.systemd1. Like systemd, it tells changes only if
// somebody has subscribed.
type Manager struct {
	bus        *Bus
	conn       *godbus.Conn
	mu         sync.Mutex
	busy       sync.Mutex // a hook is at work
	hooks      Hooks
	units      map[string]Unit
	subscribed bool
	jobs       uint32
	reads      int
	ending     bool
}

// NewManager is a manager with units.
func NewManager(b *Bus, units map[string]Unit) *Manager {
	b.t.Helper()
	m := &Manager{bus: b, units: maps.Clone(units)}
	if m.units == nil {
		m.units = map[string]Unit{}
	}
	m.Connect()
	return m
}

// Connect takes the manager's name, again after the bus was started anew: who
// had subscribed is forgotten.
func (m *Manager) Connect() {
	m.bus.t.Helper()
	c := m.bus.Dial()
	m.mu.Lock()
	m.conn, m.subscribed = c, false
	m.mu.Unlock()
	// godbus looks at a subtree without a lock: it is first.
	m.bus.must(c.ExportSubtreeMethodTable(map[string]any{"Get": m.property, "GetAll": m.all}, managerPath+"/unit", properties))
	m.bus.must(c.ExportMethodTable(map[string]any{
		"Subscribe": m.subscribe, "Unsubscribe": func() *godbus.Error { return nil }, "GetUnit": m.get, "LoadUnit": m.load,
		"ListUnitsByNames": m.byNames, "ListUnitsByPatterns": m.byPatterns,
		"RestartUnit": m.restart, "StopUnit": m.stop, "StartTransientUnit": m.transient,
	}, managerPath, managerIface))
	m.bus.must(c.ExportMethodTable(map[string]any{"Get": m.own}, managerPath, properties))
	m.bus.own(c, managerName)
}

// End has the machine go down, as far as somebody asks for that.
func (m *Manager) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ending = true
}

// own is a property of the manager itself.
func (m *Manager) own(_, name string) (godbus.Variant, *godbus.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case name != "SystemState":
		return godbus.Variant{}, godbus.MakeFailedError(errors.New("unknown property " + name))
	case m.ending:
		return godbus.MakeVariant("stopping"), nil
	}
	return godbus.MakeVariant("running"), nil
}

// Hook has jobs do something.
func (m *Manager) Hook(h Hooks) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hooks = h
}

func (m *Manager) hook() Hooks {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hooks
}

// Leave gives the manager's name back, as a systemd does that executes itself anew;
// Connect takes it again.
func (m *Manager) Leave() {
	m.mu.Lock()
	c := m.conn
	m.mu.Unlock()
	c.Close()
}

// Set has a unit be so, and tells who has subscribed.
func (m *Manager) Set(name string, u Unit) {
	m.mu.Lock()
	_, known := m.units[name]
	m.units[name] = u
	c, tell := m.conn, m.subscribed
	m.mu.Unlock()
	switch {
	case !tell:
	case known:
		_ = c.Emit(unitPath(name), properties+".PropertiesChanged", unitIface, u.unit(name), []string{})
	default:
		_ = c.Emit(managerPath, managerIface+".UnitNew", name, unitPath(name))
	}
}

// Remove has a unit be no more, and tells so.
func (m *Manager) Remove(name string) {
	m.mu.Lock()
	delete(m.units, name)
	c, tell := m.conn, m.subscribed
	m.mu.Unlock()
	if tell {
		_ = c.Emit(managerPath, managerIface+".UnitRemoved", name, unitPath(name))
	}
}

// Subscribed says whether somebody has.
func (m *Manager) Subscribed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.subscribed
}

// Reads is how often properties of units have been read: who polls is seen.
func (m *Manager) Reads() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads
}

func unitPath(name string) godbus.ObjectPath {
	return unitsPath + godbus.ObjectPath(dbus.PathBusEscape(name))
}

func (m *Manager) subscribe() *godbus.Error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subscribed = true
	return nil
}

func noSuch(name string) *godbus.Error {
	return godbus.NewError(managerName+".NoSuchUnit", []any{"Unit " + name + " not loaded."})
}

func (m *Manager) get(name string) (godbus.ObjectPath, *godbus.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.units[name]; !ok {
		return "", noSuch(name)
	}
	return unitPath(name), nil
}

// load knows every name, as systemd does: what has no file is "not-found".
func (m *Manager) load(name string) (godbus.ObjectPath, *godbus.Error) { return unitPath(name), nil }

// named is the unit at a path.
func (m *Manager) named(p godbus.ObjectPath) (string, Unit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	for name, u := range m.units {
		if unitPath(name) == p {
			return name, u
		}
	}
	return "", Unit{Load: "not-found", Active: "inactive", Sub: "dead"}
}

func (u Unit) unit(name string) map[string]godbus.Variant {
	load := u.Load
	if load == "" {
		load = "loaded"
	}
	since := uint64(0)
	if !u.Since.IsZero() {
		since = uint64(u.Since.UnixMicro())
	}
	return map[string]godbus.Variant{"Id": godbus.MakeVariant(name), "LoadState": godbus.MakeVariant(load), "ActiveState": godbus.MakeVariant(u.Active),
		"SubState": godbus.MakeVariant(u.Sub), "StateChangeTimestamp": godbus.MakeVariant(since), "Description": godbus.MakeVariant(name)}
}

func (m *Manager) all(msg godbus.Message, iface string) (map[string]godbus.Variant, *godbus.Error) {
	p, _ := msg.Headers[godbus.FieldPath].Value().(godbus.ObjectPath)
	name, u := m.named(p)
	all := u.unit(name)
	service := map[string]godbus.Variant{"Result": godbus.MakeVariant(u.Result)}
	switch {
	case iface == serviceIface && path.Ext(name) == ".service":
		return service, nil
	case iface == unitIface:
		return all, nil
	case iface == "":
		maps.Copy(all, service)
		return all, nil
	}
	return nil, godbus.NewError("org.freedesktop.DBus.Error.UnknownInterface", []any{"Unknown interface " + iface + "."})
}

func (m *Manager) property(msg godbus.Message, iface, name string) (godbus.Variant, *godbus.Error) {
	all, err := m.all(msg, iface)
	if err != nil {
		return godbus.Variant{}, err
	}
	v, ok := all[name]
	if !ok {
		return v, godbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{"Unknown property " + name + "."})
	}
	return v, nil
}

// listed is a unit as systemd lists it.
type listed struct {
	Name, Description, Load, Active, Sub, Followed string
	Path                                           godbus.ObjectPath
	JobID                                          uint32
	JobType                                        string
	JobPath                                        godbus.ObjectPath
}

func (m *Manager) byNames(names []string) (us []listed, _ *godbus.Error) {
	for _, n := range names {
		_, u := m.named(unitPath(n))
		load, _ := u.unit(n)["LoadState"].Value().(string)
		us = append(us, listed{Name: n, Description: n, Load: load, Active: u.Active, Sub: u.Sub, Path: unitPath(n), JobPath: "/"})
	}
	return us, nil
}

func (m *Manager) byPatterns(_, patterns []string) ([]listed, *godbus.Error) {
	m.mu.Lock()
	var names []string
	for name := range m.units {
		if slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, name); return ok }) {
			names = append(names, name)
		}
	}
	m.mu.Unlock()
	slices.Sort(names)
	return m.byNames(names)
}

// job does what a hook says and tells how it went.
func (m *Manager) job(name string, do func() error) (godbus.ObjectPath, *godbus.Error) {
	m.busy.Lock()
	defer m.busy.Unlock()
	if do != nil {
		if err := do(); err != nil {
			return "", godbus.MakeFailedError(err)
		}
	}
	m.mu.Lock()
	m.jobs++
	id, c := m.jobs, m.conn
	m.mu.Unlock()
	p := managerPath + "/job/1"
	go func() { _ = c.Emit(managerPath, managerIface+".JobRemoved", id, p, name, "done") }() // behind the answer, mostly
	return p, nil
}

func (m *Manager) restart(name, _ string) (godbus.ObjectPath, *godbus.Error) {
	if _, err := m.get(name); err != nil {
		return "", err
	}
	return m.job(name, on(m.hook().Restart, name))
}

func (m *Manager) stop(name, _ string) (godbus.ObjectPath, *godbus.Error) {
	if _, err := m.get(name); err != nil {
		return "", err
	}
	return m.job(name, on(m.hook().Stop, name))
}

func on(f func(string) error, name string) func() error {
	if f == nil {
		return nil
	}
	return func() error { return f(name) }
}

func (m *Manager) transient(name, _ string, ps []Property, _ []struct {
	Name       string
	Properties []Property
}) (godbus.ObjectPath, *godbus.Error) {
	return m.job(name, func() error {
		if f := m.hook().Transient; f != nil {
			return f(name, ps)
		}
		m.Set(name, Active)
		return nil
	})
}

package box

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"

	"holdfast/systemd/systemdtest"
	"holdfast/systemd/units"
)

// daemon is what stands behind an object.
type daemon struct {
	*Box
	mu    sync.Mutex
	facts Facts
}

func (d *daemon) set(f Facts) {
	d.mu.Lock()
	d.facts = f
	d.mu.Unlock()
	d.Wake()
}

func (d *daemon) get(context.Context) (Facts, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.facts, nil
}

// lines are what a log says.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

// live has an object on a bus.
func live(t *testing.T, b *systemdtest.Bus) (*daemon, lines) {
	t.Helper()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	log := make(lines, 100)
	d := &daemon{facts: Facts{Summary: "all is well", Sessions: map[string]string{"10.0.0.2": "ESTABLISHED"}, Gates: map[string]string{}}}
	d.Box = New(Options{Log: slog.New(slog.NewTextHandler(log, nil)), Facts: d.get, Do: func(_ context.Context, what, arg string) (any, error) {
		switch what {
		case "explain":
			return nil, errors.New("nobody wants " + arg + " announced")
		case "status":
			return map[string]string{"summary": "all is well"}, nil
		}
		return what + " " + arg, nil
	}})
	d.again = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return d, log
}

func (l lines) says(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-l:
		if !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("the log does not say %s", want)
	}
}

func TestMethods(t *testing.T) {
	b := systemdtest.NewBus(t)
	polkit := systemdtest.NewPolkit(b, "org.holdfast.drain", "org.holdfast.rollback")
	_, log := live(t, b)
	log.says(t, "is on the system bus")
	o := b.Dial().Object(Name, Path)
	for _, c := range []struct {
		method string
		args   []any
		want   string
	}{
		{"Status", nil, `{"summary":"all is well"}`},
		{"Explain", []any{"192.0.2.1"}, "nobody wants 192.0.2.1 announced"},
		{"Drain", []any{[]string{"dns"}, uint64(60), "disks"}, `"drain {\"gates\":[\"dns\"],\"seconds\":60,\"reason\":\"disks\"}"`},
		{"Undrain", []any{[]string{}}, `"undrain {}"`},
		{"Rollback", []any{uint32(0)}, `"rollback "`},
		{"Rollback", []any{uint32(2)}, `"rollback 2"`},
		{"Reload", nil, "polkit: org.holdfast.reload is not allowed"},
		{"UpdateStatus", nil, `"update "`},
		{"Drain", []any{"dns"}, "Invalid type / number of args"},
	} {
		var got string
		if err := o.CallWithContext(t.Context(), Name+"."+c.method, 0, c.args...).Store(&got); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.method, got, c.want)
		}
	}
	if got := fmt.Sprint(polkit.Asked()); got != "[system-bus-name org.holdfast.drain system-bus-name org.holdfast.drain system-bus-name org.holdfast.rollback system-bus-name org.holdfast.rollback system-bus-name org.holdfast.reload]" {
		t.Error(got)
	}
}

// TestWithoutPolkit: root may, as everywhere.
func TestWithoutPolkit(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("wants root")
	}
	b := systemdtest.NewBus(t)
	_, log := live(t, b)
	log.says(t, "is on the system bus")
	var got string
	if err := b.Dial().Object(Name, Path).CallWithContext(t.Context(), Name+".Reload", 0).Store(&got); err != nil || got != `"reload "` {
		t.Error(got, err)
	}
}

func TestProperties(t *testing.T) {
	b := systemdtest.NewBus(t)
	d, log := live(t, b)
	log.says(t, "is on the system bus")
	c := b.Dial()
	signals := make(chan *dbus.Signal, 100)
	c.Signal(signals)
	if err := c.AddMatchSignalContext(t.Context(), dbus.WithMatchObjectPath(Path), dbus.WithMatchMember("PropertiesChanged")); err != nil {
		t.Fatal(err)
	}
	o := c.Object(Name, Path)
	if v, err := o.GetProperty(Name + ".Summary"); err != nil || v.Value() != "all is well" {
		t.Error(v, err)
	}
	if err := o.SetProperty(Name+".Summary", dbus.MakeVariant("x")); err == nil {
		t.Error("a property was set")
	}
	d.Wake() // nothing has changed, and nothing is told
	d.set(Facts{Summary: "all is well", Armed: true, Sessions: map[string]string{"10.0.0.2": "ESTABLISHED"}, Gates: map[string]string{"dns": "open"}})
	for {
		select {
		case s := <-signals:
			if s.Path != Path {
				continue // the bus's own
			}
			if got := fmt.Sprint(s.Body); got != `[org.holdfast.Box map[Armed:true Gates:{"dns": "open"}] []]` {
				t.Error(got)
			}
			return
		case <-time.After(30 * time.Second):
			t.Fatal("no change is told")
		}
	}
}

// TestWithoutABus: it is said once, and the box comes when the bus does.
func TestWithoutABus(t *testing.T) {
	b := systemdtest.NewBus(t)
	b.Stop()
	_, log := live(t, b)
	log.says(t, "is not on the system bus")
	b.Start()
	log.says(t, "is on the system bus")
}

// TestInterface: what is described is what there is.
func TestInterface(t *testing.T) {
	var n introspect.Node
	if err := xml.Unmarshal([]byte(Interface), &n); err != nil {
		t.Fatal(err)
	}
	b := systemdtest.NewBus(t)
	_, log := live(t, b)
	log.says(t, "is on the system bus")
	o := b.Dial().Object(Name, Path)
	var text string
	if err := o.CallWithContext(t.Context(), "org.freedesktop.DBus.Introspectable.Introspect", 0).Store(&text); err != nil || text != Interface {
		t.Error(err)
	}
	var props map[string]dbus.Variant
	if err := o.CallWithContext(t.Context(), "org.freedesktop.DBus.Properties.GetAll", 0, Name).Store(&props); err != nil {
		t.Fatal(err)
	}
	i := n.Interfaces[0]
	if i.Name != Name || len(i.Properties) != len(props) {
		t.Errorf("%s: %d properties, and %d", i.Name, len(i.Properties), len(props))
	}
	for _, p := range i.Properties {
		if got := props[p.Name].Signature().String(); got != p.Type || len(p.Annotations) == 0 {
			t.Errorf("property %s is %s, described as %s", p.Name, got, p.Type)
		}
	}
	some := map[string]any{"s": "", "as": []string{}, "t": uint64(0), "u": uint32(0)}
	for _, m := range i.Methods {
		var args []any
		for _, a := range m.Args {
			if a.Direction == "in" {
				args = append(args, some[a.Type])
			}
		}
		err := o.CallWithContext(t.Context(), Name+"."+m.Name, 0, args...).Err
		var e dbus.Error
		if errors.As(err, &e) && (e.Name == "org.freedesktop.DBus.Error.UnknownMethod" || e.Name == "org.freedesktop.DBus.Error.InvalidArgs") || len(m.Annotations) == 0 {
			t.Errorf("%s%v: %v", m.Name, args, err)
		}
	}
}

// TestActions: polkit knows every action that a method needs.
func TestActions(t *testing.T) {
	text, err := units.Files.ReadFile("org.holdfast.policy")
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Actions []struct {
			ID    string `xml:"id,attr"`
			Owner string `xml:"annotate"` // polkit answers nobody else but root about others
		} `xml:"action"`
	}
	if err := xml.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	rule, err := units.Files.ReadFile("60-holdfast.rules")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{mayDrain, mayReload, mayRollback} {
		if p.Actions[i].ID != want || p.Actions[i].Owner != "unix-user:holdfast" || !strings.Contains(string(rule), `"`+want+`"`) {
			t.Errorf("%s: %v\n%s", want, p.Actions, rule)
		}
	}
}

// TestPolicy is the policy file that we ship, on a bus that allows nothing else:
// who may call, and who may be the box.
func TestPolicy(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("wants root")
	}
	text, err := units.Files.ReadFile("org.holdfast.Box.conf")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "org.holdfast.Box.conf")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	b := systemdtest.NewStrictBus(t, path)
	_, log := live(t, b)
	log.says(t, "is on the system bus")
	call := func(user string, method string, args ...string) string {
		out, err := exec.Command("setpriv", append([]string{"--reuid", user, "--regid", user, "--clear-groups", "dbus-send", "--bus=" + b.Address,
			"--print-reply=literal", "--dest=" + Name, string(Path), method}, args...)...).CombinedOutput()
		if err != nil {
			return "refused: " + string(out)
		}
		return strings.TrimSpace(string(out))
	}
	for _, c := range []struct{ user, method, want string }{
		{"0", Name + ".Status", `{"summary":"all is well"}`},
		{"65534", Name + ".Status", "refused: Error org.freedesktop.DBus.Error.AccessDenied: Rejected send message"},
		{"65534", Name + ".Reload", "refused: Error org.freedesktop.DBus.Error.AccessDenied: org.holdfast.reload: there is no polkit"},
		{"65534", "org.freedesktop.DBus.Introspectable.Introspect", "<!DOCTYPE"},
	} {
		if got := call(c.user, c.method); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s as %s: %s, want %s", c.method, c.user, got, c.want)
		}
	}
}

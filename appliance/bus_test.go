package appliance

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"holdfast/appliance/box"
	"holdfast/systemd/systemdtest"
)

// TestBox: over the bus, the daemon does what it does over its socket, and tells
// what has changed.
func TestBox(t *testing.T) {
	b := systemdtest.NewBus(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", b.Address)
	systemdtest.NewPolkit(b, "org.holdfast.drain")
	a := later(t, t.TempDir())
	a.begin()
	var running tasks
	running.run(a.d.box.Run)
	t.Cleanup(running.end)
	c := b.Dial()
	signals := make(chan *dbus.Signal, 100)
	c.Signal(signals)
	if err := c.AddMatchSignalContext(t.Context(), dbus.WithMatchObjectPath(box.Path)); err != nil {
		t.Fatal(err)
	}
	o := c.Object(box.Name, box.Path)
	var text string
	for err := o.CallWithContext(t.Context(), box.Name+".Status", 0).Store(&text); err != nil; err = o.CallWithContext(t.Context(), box.Name+".Status", 0).Store(&text) {
		if t.Context().Err() != nil || !strings.Contains(err.Error(), "org.holdfast.Box") {
			t.Fatal(err) // not the name that is not there yet
		}
	}
	var s Status
	if err := json.Unmarshal([]byte(text), &s); err != nil || len(s.Neighbors) != 1 {
		t.Errorf("%s: %v", text, err)
	}
	if err := o.CallWithContext(t.Context(), box.Name+".Drain", 0, []string{"dns"}, uint64(60), "disks").Store(&text); err != nil || !strings.Contains(text, `"gate":"dns"`) {
		t.Error(text, err)
	}
	a.isDrained(`"dns" disks`)
	a.d.box.Wake()
	for {
		select {
		case sig := <-signals:
			if changed, ok := sig.Body[min(1, len(sig.Body)-1)].(map[string]dbus.Variant); ok && changed["Draining"].Value() == true {
				return
			}
		case <-time.After(30 * time.Second):
			t.Fatal("that something is drained is not told")
		}
	}
}

package drain

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/appliance/settings"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// at is a moment of boot "one", so long after noon.
func at(d time.Duration) Now {
	return Now{Time: noon.Add(d), Boot: "one", Uptime: time.Hour + d}
}

// show is a book in one line.
func show(b *Book, now time.Time) string {
	var all []string
	for _, d := range b.Drains() {
		left := "for ever"
		if !d.Until.IsZero() {
			left = d.Until.Sub(now).String()
		}
		all = append(all, fmt.Sprintf("%q since %s for %s %q", d.Gate, now.Sub(d.Since), left, d.Reason))
	}
	return strings.Join(all, "; ")
}

func (b *Book) is(t *testing.T, now time.Time, want string) {
	t.Helper()
	if got := show(b, now); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestBook(t *testing.T) {
	b := &Book{}
	b.Begin(noon, Order{Gates: []string{"dns", "web"}, For: 30 * time.Minute, Reason: "disks"})
	b.Begin(noon.Add(time.Minute), Order{})
	b.Begin(noon.Add(2*time.Minute), Order{Gates: []string{"web"}, Reason: "longer"})
	b.Begin(noon.Add(3*time.Minute), Order{Reason: "reboot", Passing: true})
	now := noon.Add(10 * time.Minute)
	b.is(t, now, `"dns" since 10m0s for 20m0s "disks"; "web" since 10m0s for for ever "longer"; "" since 9m0s for for ever ""`)
	if gone := b.Over(noon.Add(29 * time.Minute)); gone != nil {
		t.Error(gone)
	}
	if gone := b.Over(noon.Add(30 * time.Minute)); len(gone) != 1 || gone[0].Gate != "dns" {
		t.Error(gone)
	}
	if _, err := b.End([]string{"web", "dns"}); err == nil || err.Error() != "gate dns is drained with everything: end that, without a name" {
		t.Error(err)
	}
	if gone, err := b.End([]string{"web"}); len(gone) != 1 || err != nil {
		t.Error(gone, err)
	}
	if gone, err := b.End(nil); len(gone) != 1 || gone[0].Gate != "" || err != nil {
		t.Error(gone, err)
	}
	if _, err := b.End([]string{"web"}); err == nil || err.Error() != "gate web is not drained" {
		t.Error(err)
	}
}

// TestOverARestart: the same boot, and a wall clock that somebody has set.
func TestOverARestart(t *testing.T) {
	b := &Book{}
	b.Begin(noon, Order{For: 30 * time.Minute})
	b.Begin(noon, Order{Gates: []string{"dns"}, Reason: "mail 7"})
	b.Begin(noon, Order{Gates: []string{"web"}, Passing: true})
	f := b.write(at(5 * time.Minute))
	for name, wall := range map[string]time.Time{"right": noon, "behind": time.Unix(0, 0), "ahead": noon.AddDate(9, 0, 0)} {
		now := at(12 * time.Minute)
		now.Time = wall
		// Nothing is announced with GRACEFUL_SHUTDOWN once more.
		t.Run(name, func(t *testing.T) {
			later := read(f, now)
			for i, d := range later.Drains() {
				if now.Time.Sub(d.Since) < settings.LongestDrainWait {
					t.Errorf("%v", d)
				}
				later.all[i].Since = now.Time
			}
			later.is(t, now.Time, `"" since 0s for 18m0s ""; "dns" since 0s for for ever "mail 7"`)
		})
	}
	later := read(f, at(31*time.Minute))
	if ds := later.Drains(); len(ds) != 1 || ds[0].Gate != "dns" {
		t.Errorf("after its end: %v", ds)
	}
}

// TestOverAReboot: nobody knows how long the box was off, and its clock may say
// anything. What was left is left.
func TestOverAReboot(t *testing.T) {
	b := &Book{}
	b.Begin(noon, Order{For: 30 * time.Minute})
	f := b.write(at(5 * time.Minute))
	for _, wall := range []time.Time{time.Unix(0, 0), noon.Add(-time.Hour), noon.Add(6 * time.Minute), noon.Add(time.Hour), noon.AddDate(50, 0, 0)} {
		now := Now{Time: wall, Boot: "two", Uptime: 40 * time.Second}
		if ds := read(f, now).Drains(); len(ds) != 1 || ds[0].Until.Sub(wall) != 25*time.Minute {
			t.Errorf("at %s: %v", wall, ds)
		}
	}
	if ds := read(f, Now{Time: noon}).Drains(); len(ds) != 1 { // a machine that does not name its boots
		t.Errorf("%v", ds)
	}
}

func TestDisk(t *testing.T) {
	folder := t.TempDir()
	b, err := Load(folder, at(0))
	if err != nil || len(b.Drains()) > 0 {
		t.Fatal(err)
	}
	b.Begin(noon, Order{Gates: []string{"dns"}, For: time.Hour, Reason: "disks"})
	if err := b.Save(folder, at(0)); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(filepath.Join(folder, name)); err != nil || st.Mode().Perm() != 0o600 {
		t.Error(st, err)
	}
	later, err := Load(folder, at(time.Minute))
	if err != nil || len(later.Drains()) != 1 || later.Drains()[0].Until.Sub(noon) != time.Hour || !later.Timed() {
		t.Error(later.Drains(), err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), []byte(`{"boot":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := Load(folder, at(0)); err == nil || len(b.Drains()) > 0 {
		t.Errorf("half a file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, name+".bad")); err != nil {
		t.Error(err)
	}
	if b, err := Load("", at(0)); err != nil || b == nil {
		t.Error(err)
	}
	if err := b.Save(filepath.Join(folder, "absent"), at(0)); err == nil {
		t.Error("saved nowhere")
	}
}

func TestText(t *testing.T) {
	b := &Book{}
	until := time.Date(2026, 11, 24, 12, 30, 0, 0, time.Local)
	b.Begin(until.Add(-time.Minute), Order{For: time.Minute, Reason: "disks"})
	b.Begin(noon, Order{Gates: []string{"dns"}})
	for i, want := range []string{"everything until 2026-11-24 12:30:00: disks", "gate dns"} {
		if got := Text(b.Drains()[i]); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// FuzzParse: whatever stands in the file, no drain is longer than it says.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"boot":"one","uptime":3600,"drains":[{"gate":"dns","since":"2026-11-24T12:00:00Z","left":1800}]}`))
	f.Add([]byte(`{"uptime":-1e300,"drains":[{"left":1e300},{"left":-1},{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := parse(text, at(0))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, d := range b.Drains() {
			if seen[d.Gate] || !d.Until.IsZero() && (d.Until.Before(noon) || d.Until.After(noon.Add(longest))) || noon.Sub(d.Since) < settings.LongestDrainWait {
				t.Errorf("%q: %+v", text, d)
			}
			seen[d.Gate] = true
		}
	})
}

// TestClock: a boot has one name, whoever says it.
func TestClock(t *testing.T) {
	kernel := Clock("")
	if given := Clock("aaaa-bb"); given.Boot != "aaaabb" || len(kernel.Boot) != 32 || given.Uptime < kernel.Uptime {
		t.Errorf("%+v, %+v", kernel, given)
	}
}

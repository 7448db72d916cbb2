package desired

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/appliance/health"
	"holdfast/appliance/settings"
	"holdfast/bgp/attr"
	"holdfast/netio/link"
)

// chance makes boxes and what happens to them.
type chance struct {
	*rand.Rand
	facts map[any]bool // that there are
}

func (r chance) condition(depth int) settings.Condition {
	c := settings.Condition{Kind: settings.Kind(r.IntN(9))}
	if depth == 0 && r.IntN(4) == 0 {
		c.Kind = settings.Group
	}
	n := r.IntN(3)
	switch c.Kind {
	case settings.Group:
		for range 1 + r.IntN(4) {
			c.Of = append(c.Of, r.condition(depth+1))
		}
		c.Need = 1 + r.IntN(len(c.Of))
	case settings.LinkUp:
		c.Link = fmt.Sprint("eth", n)
	case settings.HasAddress:
		c.Address = netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), 32)
	case settings.Established:
		c.Neighbor = netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
	case settings.FileAbsent, settings.FilePresent:
		c.Path = fmt.Sprint("/", n)
	case settings.Healthy:
		c.Check.Command = fmt.Sprint(n)
	case settings.UnitActive:
		c.Unit = fmt.Sprint(n)
	case settings.Learned:
		c.Route, c.Neighbor = netip.MustParsePrefix("0.0.0.0/0"), netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
	}
	if r.IntN(2) == 0 {
		c.Class, c.MayWithdraw = health.Shared, r.IntN(4) == 0
	}
	if c.Kind != settings.Group {
		r.facts[Fact(&c)] = true
	}
	return c
}

func (r chance) gate(name string) settings.Gate {
	g := settings.Gate{Name: name, HoldDown: r.seconds(20), Back: r.seconds(10) * time.Duration(r.IntN(2))}
	for range r.IntN(5) {
		g.Conditions = append(g.Conditions, r.condition(0))
	}
	for n := range r.IntN(4) {
		g.Ladder = append(g.Ladder, settings.Rung{Degrade: attr.Degrade{SetMED: true, MED: uint32(n) + 1}, For: r.seconds(30) + 1, Text: fmt.Sprint(n)})
	}
	if n := len(g.Ladder); n > 0 && r.IntN(3) == 0 {
		g.Ladder[n-1].For = 0
	} else if n > 0 {
		g.Ladder = append(g.Ladder, settings.Rung{Withdraw: true, Text: "withdraw"})
	}
	if g.Floor() > 0 && r.IntN(3) == 0 {
		g.Disabled = settings.Rung{Degrade: attr.Degrade{SetMED: true}, Text: "disabled"}
	}
	if r.IntN(2) == 0 {
		g.Flap = settings.Flap{Hold: r.seconds(5) + 1, Longest: 30 * time.Second, HalfLife: time.Minute}
	}
	return g
}

func (r chance) seconds(n int) time.Duration { return time.Duration(r.IntN(n+1)) * time.Second }

// box has everything well.
func (r chance) box() Inputs {
	s := settings.Default()
	s.Drain.Wait = 10 * time.Second
	if r.IntN(3) > 0 {
		s.Hardware = &settings.Hardware{}
	}
	for n := range 4 {
		s.Gates = append(s.Gates, r.gate(fmt.Sprint("g", n)))
	}
	in := Inputs{Now: start, Settings: s, Known: true, Watchdog: Watchdog{Armed: true}, Groups: []string{"g0", "plain"}, Up: map[netip.Addr]bool{},
		Files: map[string]Sight{}, Checks: map[health.Check]health.Standing{}, Units: map[string]Unit{}, Learned: map[settings.From]bool{}, Manual: map[string]Manual{}}
	for f := range r.facts {
		r.set(&in, f, true)
	}
	return in
}

// set makes a fact so, in maps that plans made before do not see.
func (r chance) set(in *Inputs, fact any, well bool) {
	switch f := fact.(type) {
	case Links:
		in.Snapshot = link.Snapshot{}
		for n := range 3 {
			up := well || r.IntN(2) == 0
			in.Snapshot.Links = append(in.Snapshot.Links, link.Link{Name: fmt.Sprint("eth", n), Up: up, Running: up})
			if up {
				in.Snapshot.Addrs = append(in.Snapshot.Addrs, link.Addr{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), 32)})
			}
		}
	case netip.Addr:
		in.Up[f] = well
	case File:
		in.Files[string(f)] = Sight{Exists: r.IntN(2) == 0}
	case UnitName:
		in.Units[string(f)] = Unit{Active: well, Text: "is failed"}
	case settings.From:
		in.Learned[f] = well
	case health.Check:
		s := in.Checks[f]
		if s.Told, s.Text = health.Up, ""; !well {
			s.Told, s.Text = []health.State{health.Down, health.Down, health.Off, health.Init}[r.IntN(4)], "failed"
		}
		s.Passed = s.Passed || well
		in.Checks[f] = s
	}
}

// TestRandomBoxes: what is true of each decision, whatever happens, and that a
// plan that is renewed is the one that is made anew.
func TestRandomBoxes(t *testing.T) {
	for seed := range uint64(150) {
		r := chance{rand.New(rand.NewPCG(seed, 5)), map[any]bool{}}
		in := r.box()
		quick := Compute(in)
		in.Memory = maps.Clone(quick.Memory)
		for range 60 {
			before := in
			touched, all := r.happens(&in)
			full := Compute(in)
			if all {
				quick = Compute(in) // whose maps it changes from now on
			} else {
				quick.Renew(in, touched)
			}
			if d := cmp.Diff(full, quick, cmpopts.IgnoreUnexported(Plan{}, Memory{})); d != "" {
				t.Fatalf("seed %d at %s: -computed +renewed:\n%s", seed, in.Now.Sub(start), d)
			}
			check := func(ok bool, what string) {
				if !ok {
					t.Fatalf("seed %d at %s: %s\n%+v", seed, in.Now.Sub(start), what, full)
				}
			}
			check(full.Again.IsZero() || full.Again.After(in.Now), "the plan comes back at once")
			for i := range in.Settings.Gates {
				g := &in.Settings.Gates[i]
				was, now := before.Memory[g.Name], full.Memory[g.Name]
				s := full.Groups[g.Name]
				check(!s.On || in.Settings.Hardware == nil || in.Watchdog.Armed, "open without hardware")
				check(s.On || s.Reason != Reason{}, "closed without a reason")
				check(now.Wait <= max(g.HoldDown, g.Flap.Longest), "the hold-down has no bound")
				check(now.Rung >= was.Rung || !was.Better.IsZero() || !now.Better.IsZero() || g.HoldDown == 0, "up the ladder while conditions fail")
			}
			in.Memory = full.Memory
		}
	}
}

// happens is one step: a fact, some time, or what concerns all gates.
func (r chance) happens(in *Inputs) (gates []string, all bool) {
	in.Now = in.Now.Add(time.Duration(r.Int64N(int64(8 * time.Second))))
	switch r.IntN(12) {
	case 0:
		in.Watchdog.Armed = r.IntN(4) > 0
		return nil, true
	case 1:
		name := []string{"g1", "helpers"}[r.IntN(2)]
		in.Manual[name] = Manual(r.IntN(3))
		return []string{name}, false
	case 2:
		in.Drains = nil
		for _, gate := range []string{"", "g2", "other"} {
			if r.IntN(3) == 0 {
				in.Drains = append(in.Drains, Drain{Gate: gate, Since: in.Now, Until: in.Now.Add(r.seconds(30))})
			}
		}
		return nil, true
	case 3:
		return nil, false
	}
	keys := []any{}
	for f := range r.facts {
		keys = append(keys, f)
	}
	if len(keys) == 0 {
		return nil, false
	}
	f := keys[r.IntN(len(keys))]
	r.set(in, f, r.IntN(2) == 0)
	return Facts(in.Settings)[f], false
}

// TestSharedNeverWithdraws: as long as nothing but what is shared fails, a gate
// that has been open stays open, and one that starts so opens in time.
func TestSharedNeverWithdraws(t *testing.T) {
	for seed := range uint64(300) {
		r := chance{rand.New(rand.NewPCG(seed, 7)), map[any]bool{}}
		in := r.box()
		in.Settings.Hardware = nil
		for i := range in.Settings.Gates {
			for j := range in.Settings.Gates[i].Conditions {
				c := &in.Settings.Gates[i].Conditions[j] // a group's class is that of all in it
				c.Class, c.MayWithdraw = health.Shared, false
			}
		}
		for range 40 {
			in.Now = in.Now.Add(r.seconds(9))
			for f := range r.facts {
				r.set(&in, f, r.IntN(2) == 0)
			}
			p := Compute(in)
			in.Memory = p.Memory
			for name, s := range p.Groups {
				if !s.On && (p.Memory[name].Seen > fresh || in.Now.Sub(p.Memory[name].Born) >= in.Settings.FirstVerdict) {
					t.Fatalf("seed %d at %s: %s: %+v", seed, in.Now.Sub(start), name, s)
				}
			}
		}
	}
}

// TestMissedTimes: who comes late finds what those found that came at each time
// that the plan had named.
func TestMissedTimes(t *testing.T) {
	for seed := range uint64(300) {
		r := chance{rand.New(rand.NewPCG(seed, 11)), map[any]bool{}}
		in := r.box()
		for range 30 {
			for f := range r.facts {
				r.set(&in, f, r.IntN(2) == 0)
			}
			p := Compute(in)
			in.Memory = p.Memory
			late := in
			late.Now = in.Now.Add(r.seconds(90))
			for n := 0; !p.Again.IsZero() && !p.Again.After(late.Now); n++ {
				if n > 100 {
					t.Fatalf("seed %d: more than %d times in %s", seed, n, late.Now.Sub(in.Now))
				}
				step := in
				step.Now = p.Again
				p = Compute(step)
				in.Memory = p.Memory
			}
			in.Now = late.Now
			if d := cmp.Diff(Compute(in).Groups, Compute(late).Groups); d != "" {
				t.Fatalf("seed %d at %s: -in time +late:\n%s", seed, in.Now.Sub(start), d)
			}
		}
	}
}

// crowd is a box with many gates of ten checks each.
func crowd(gates int) Inputs {
	s := settings.Default()
	in := Inputs{Now: start, Known: true, Checks: map[health.Check]health.Standing{}}
	for n := range gates {
		g := settings.Gate{Name: fmt.Sprint("gate", n), HoldDown: time.Second}
		for m := range 10 {
			c := health.DefaultCheck
			c.Kind, c.URL = health.HTTP, fmt.Sprintf("http://192.0.2.%d/health/%d", m, n)
			g.Conditions = append(g.Conditions, settings.Condition{Kind: settings.Healthy, Check: c})
			in.Checks[c] = health.Standing{Told: health.Up, Passed: true}
		}
		s.Gates = append(s.Gates, g)
	}
	in.Settings = s
	return in
}

func BenchmarkCompute(b *testing.B) {
	in := crowd(1000)
	in.Memory = Compute(in).Memory
	b.ReportAllocs()
	for b.Loop() {
		in.Memory = Compute(in).Memory
	}
}

func BenchmarkRenew(b *testing.B) {
	in := crowd(1000)
	p := Compute(in)
	c := in.Settings.Gates[500].Conditions[5].Check
	names := Facts(in.Settings)[c]
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		s := in.Checks[c]
		if s.Told = health.Up; n%2 == 0 {
			s.Told, s.Text = health.Down, "failed 3 of 3: status 503, want 200-299"
		}
		in.Checks[c] = s
		in.Now = in.Now.Add(time.Millisecond)
		p.Renew(in, names)
	}
}

package settings

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/appliance/health"
	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
)

// outline is a gate's conditions in one line.
func outline(cs []Condition) string {
	var out []string
	for _, c := range cs {
		s := c.String()
		if c.Class == health.Shared {
			s += " shared"
		}
		if c.MayWithdraw {
			s += " may-withdraw"
		}
		if c.Kind == Group {
			s += " { " + outline(c.Of) + " }"
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func TestConditions(t *testing.T) {
	s, errs := read(`watchdog dns {
	link eth1 class shared;
	unit nginx active; unit holdfast-dns@1.socket active class local;
	file /off absent; file /srv/ready present;
	route 0.0.0.0/0 from 10.0.0.2 class shared may-withdraw;
	any { healthcheck { command "a"; } 2 of { link a; link b; all { neighbor 10.0.0.2; class shared; } } }
	healthcheck { command "a"; }
}
watchdog web { unit nginx.service active; route ::/0 from fe80::1; file /off present; }`)
	if errs != "" {
		t.Fatal(errs)
	}
	want := `link eth1 shared; unit nginx.service active; unit holdfast-dns@1.socket active; file /off absent; file /srv/ready present; ` +
		`route 0.0.0.0/0 from 10.0.0.2 shared may-withdraw; ` +
		`any of 2 { check "a"; 2 of 3 { link a; link b; all of 1 shared { neighbor 10.0.0.2 } } }; check "a"`
	if d := cmp.Diff(want, outline(s.Gates[0].Conditions)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	got := fmt.Sprint(s.Units(), s.Files(), s.Routes(), len(s.Checks()))
	if want := "[nginx.service holdfast-dns@1.socket] [/off /srv/ready] [{0.0.0.0/0 10.0.0.2} {::/0 fe80::1}] 1"; got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
}

func TestLadder(t *testing.T) {
	s, errs := read(`watchdog dns {
	on-failure { med 500 for 10s; prepend 3 community [ 65000:2 65000:1 ] for 30s; community graceful-shutdown for 1m; withdraw; }
	recover 10s; hold-down 2; flap { longest 1h; }
}
watchdog web { on-failure { top med 100 community no-export; med 1000; disabled med 500; } }
watchdog old { on-failure { preset exabgp; } }`)
	if errs != "" {
		t.Fatal(errs)
	}
	communities := "\xfd\xe8\x00\x01\xfd\xe8\x00\x02"
	med := func(n uint32) attr.Degrade { return attr.Degrade{SetMED: true, MED: n} }
	two := attr.Degrade{SetMED: true, MED: 500, Prepend: 3, Communities: communities}
	three := two
	three.Graceful = true
	want := []Gate{
		{Name: "dns", HoldDown: 2 * time.Second, Back: 10 * time.Second, Flap: Flap{5 * time.Second, time.Hour, 5 * time.Minute}, Ladder: []Rung{
			{Degrade: med(500), For: 10 * time.Second, Text: "med 500"},
			{Degrade: two, For: 30 * time.Second, Text: "prepend 3 community [ 65000:1 65000:2 ]"},
			{Degrade: three, For: time.Minute, Text: "graceful-shutdown"},
			{Withdraw: true, Text: "withdraw"}}},
		{Name: "web", Ladder: []Rung{{Degrade: med(1000), Text: "med 1000"}}, Disabled: Rung{Degrade: med(500), Text: "med 500"},
			Top: attr.Degrade{SetMED: true, MED: 100, Communities: "\xff\xff\xff\x01"}},
		{Name: "old", Ladder: []Rung{{Degrade: med(1000), Text: "med 1000"}}, Disabled: Rung{Degrade: med(500), Text: "med 500"}, Top: med(100)},
	}
	if d := cmp.Diff(want, s.Gates, cmpopts.IgnoreFields(Gate{}, "Pos"), cmpopts.EquateComparable(netip.Addr{})); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if f := []int{s.Gates[0].Floor(), s.Gates[1].Floor()}; f[0] != 3 || f[1] != 1 {
		t.Errorf("floors %v", f)
	}
}

func TestGateErrors(t *testing.T) {
	for text, want := range map[string]string{
		`watchdog a { all { } }`:                                              `all: want a condition in it`,
		`watchdog a { 3 of { link a; link b; } }`:                             `3: want at most 2 of the 2 conditions in it`,
		`watchdog a { 0 of { link a; } }`:                                     `0: want how many of them have to hold, at least 1, got "0"`,
		`watchdog a { 2 { link a; } }`:                                        `2: want of, got nothing`,
		`watchdog a { any { all { } link a; } }`:                              `all: want a condition in it`,
		`watchdog { device /dev/x; any { link a; } }`:                         "any: belongs into watchdog NAME { … }\nlink: belongs into watchdog NAME { … }",
		`watchdog a { class shared; }`:                                        `unknown word "class", want N, address, all, any, check, device, file, flap, healthcheck, hold-down, identity, link, neighbor, on-failure, policy, pretimeout, recover, route, timeout, unit`,
		`watchdog a { link eth1 class common; }`:                              `link: want local or shared, got "common"`,
		`watchdog a { link eth1 may-withdraw; }`:                              `link: may-withdraw wants class shared beside it: a local failure withdraws anyway`,
		`watchdog a { any { link a; may-withdraw; } }`:                        `any: may-withdraw wants class shared beside it: a local failure withdraws anyway`,
		`watchdog a { link eth1 eth2; }`:                                      `link: unexpected "eth2"`,
		`watchdog a { file /x gone; }`:                                        `file: want absent or present, got "gone"`,
		`watchdog a { unit nginx up; }`:                                       `unit: want active, got "up"`,
		`watchdog a { unit a/b active; }`:                                     `unit: want the name of a unit, got "a/b"`,
		`watchdog a { route 10.0.0.1/8 from 10.0.0.2; }`:                      `route: want a prefix like 0.0.0.0/0, got "10.0.0.1/8"`,
		`watchdog a { route 10.0.0.0/8 10.0.0.2; }`:                           `route: want from NEIGHBOR, got "10.0.0.2"`,
		`watchdog a { on-failure { } }`:                                       `on-failure: want a rung: med, prepend, community or withdraw`,
		`watchdog a { on-failure { withdraw; med 5; } }`:                      `med: nothing comes behind withdraw`,
		`watchdog a { on-failure { med 5; withdraw; } }`:                      `withdraw: is never reached: "med 5" has no time`,
		`watchdog a { on-failure { med 5 for 1s; } }`:                         `on-failure: the last rung, "med 5", lasts until the conditions hold again: it has no time`,
		`watchdog a { on-failure { med 5 for 1s; med 4 for 1s; withdraw; } }`: `med: a ladder leads down: want a MED of at least 5`,
		`watchdog a { on-failure { prepend 5 for 1s; prepend 2; } }`:          `prepend: a ladder leads down: want at least 5`,
		`watchdog a { on-failure { withdraw for 5s; } }`:                      `withdraw: withdraw is the last rung: it has no time`,
		`watchdog a { on-failure { withdraw med 5; } }`:                       `withdraw: withdraw stands alone`,
		`watchdog a { on-failure { med 5 worse; } }`:                          `med: want med, prepend, community or for, got "worse"`,
		`watchdog a { on-failure { community [ ]; } }`:                        `community: want a community in the brackets`,
		`watchdog a { on-failure { community bad; } }`:                        `community: want a community like 65000:1, no-export or 0xFDE80001, got "bad"`,
		`watchdog a { on-failure { prepend 256; } }`:                          `prepend: want 1-255, got "256"`,
		`watchdog a { on-failure { preset bird; } }`:                          `preset: want exabgp, got "bird"`,
		`watchdog a { on-failure { preset exabgp; withdraw; } }`:              `on-failure: a preset has its own rungs`,
		`watchdog a { on-failure { top med 5 for 1s; withdraw; } }`:           `top: want med, prepend or community, and no time`,
		`watchdog a { on-failure { disabled med 5; withdraw; } }`:             `on-failure: disabled stands in place of a rung that degrades, and there is none`,
		`watchdog a { on-failure { withdraw; } on-failure { withdraw; } }`:    `on-failure: said twice`,
		`watchdog a { recover -1; }`:                                          `recover: want a time from 0s to 24h0m0s, got "-1"`,
		`watchdog a { flap { hold 20m; } }`:                                   `flap: hold 20m0s is more than longest 10m0s`,
		`watchdog a { hold-down 1h; flap { } }`:                               `watchdog: flap: longest 10m0s is less than hold-down 1h0m0s`,
		`watchdog { device /dev/x; flap { } }`:                                `flap: belongs into watchdog NAME { … }`,
	} {
		_, got := read(text)
		var bare []string // columns are the grammar's affair, and tested there
		for line := range strings.Lines(got) {
			_, line, _ = strings.Cut(line, " ")
			bare = append(bare, strings.TrimSuffix(line, "\n"))
		}
		if got := strings.Join(bare, "\n"); got != want {
			t.Errorf("%s:\n%s, want\n%s", text, got, want)
		}
	}
}

func TestLadderErrorsHavePlaces(t *testing.T) {
	_, got := read("watchdog a {\n\ton-failure {\n\t\tmed 5 for 1s;\n\t\tprepend 3 for 5s;\n\t}\n}")
	if want := `edge.conf:4:3: on-failure: the last rung, "prepend 3", lasts until the conditions hold again: it has no time`; got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
}

func TestWarnings(t *testing.T) {
	const fine = "device /dev/watchdog0; } watchdog a { address 192.0.2.1/32; "
	for text, want := range map[string]string{
		fine:                             "",
		fine + "link eth1 class shared;": `gate a has a shared condition, link eth1, and no rung of on-failure that degrades: if it fails, the routes stay announced as they are`,
		fine + "any { all { link eth1; class shared; } } on-failure { withdraw; }":         `gate a has a shared condition, all of 1, and no rung of on-failure that degrades: if it fails, the routes stay announced as they are`,
		fine + "link eth1 class shared may-withdraw;":                                      "",
		fine + "link eth1 class shared; on-failure { med 5 for 1s; withdraw; } recover 5;": "",
		fine + "recover 5s;":                   `gate a has no rung of on-failure that degrades: there is nothing to recover by`,
		fine + "on-failure { preset exabgp; }": `gate a is never withdrawn for its conditions once it has been open: on-failure has no withdraw`,
		"device /dev/watchdog0; } watchdog a { any { address 192.0.2.1/32; link a; } ": "",
		"device /dev/watchdog0; } watchdog a { link a; ":                               `gate a opens whether or not its address is on this box: there is no address in it`,
	} {
		s, errs := read("watchdog { " + text + " }")
		if errs != "" {
			t.Errorf("%s: %s", text, errs)
		}
		var got []string
		for _, w := range s.Check([]string{"a"}) {
			got = append(got, w.Err.Error())
		}
		if d := cmp.Diff(want, strings.Join(got, "\n")); d != "" {
			t.Errorf("%s: -want +got:\n%s", text, d)
		}
	}
}

// TestNoSuchNeighbor: a gate that waits for nobody is warned of.
func TestNoSuchNeighbor(t *testing.T) {
	s, errs := read("watchdog a { neighbor 10.0.0.2; any { neighbor 10.0.0.3; route ::/0 from fe80::1; } link eth1; }")
	if errs != "" {
		t.Fatal(errs)
	}
	var got []string
	for _, w := range s.CheckNeighbors(func(a netip.Addr) bool { return a == netip.MustParseAddr("10.0.0.2") }) {
		got = append(got, w.Error())
	}
	const none = ", and the configuration has no such neighbor"
	want := []string{"edge.conf:1:1: watchdog: gate a wants neighbor 10.0.0.3" + none, "edge.conf:1:1: watchdog: gate a wants route ::/0 from fe80::1" + none}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if _, errs := read(`watchdog "" { link eth1; }`); errs != "edge.conf:1:10: watchdog: want the name of a gate, got nothing" {
		t.Error(errs)
	}
}

// FuzzGate: whatever is written, a ladder that passes leads down, a group has
// what it needs, and no time is endless.
func FuzzGate(f *testing.F) {
	for _, text := range []string{
		"any { link a; 2 of { link b; link c; unit d active class shared; } }",
		"on-failure { med 5 for 1s; prepend 3 community [ no-export 1:2 ] for 2; withdraw; } recover 5; flap { }",
		"on-failure { preset exabgp; }", "all { all { file /x present; class shared; may-withdraw; } }",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := Default()
		if r := grammar.Walk("f", "watchdog a { "+text+" }", &grammar.Node{Kids: Sections(s)}); len(r.Errors) > 0 {
			return
		}
		for i := range s.Gates {
			g := &s.Gates[i]
			for j, r := range g.Ladder {
				last := j == len(g.Ladder)-1
				if last && r.For != 0 || !last && (r.For <= 0 || r.Withdraw || g.Ladder[j+1].Prepend < r.Prepend && !g.Ladder[j+1].Withdraw) {
					t.Errorf("rung %d of %+v", j, g.Ladder)
				}
			}
			whole(t, g.Conditions)
		}
	})
}

func whole(t *testing.T, cs []Condition) {
	for _, c := range cs {
		if c.Kind == Group && (c.Need < 1 || c.Need > len(c.Of)) {
			t.Errorf("%s: %d of %d", c, c.Need, len(c.Of))
		}
		whole(t, c.Of)
	}
}

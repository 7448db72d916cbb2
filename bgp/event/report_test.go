package event

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/tools/txtar"

	"holdfast/bgp"
	"holdfast/bgp/family"
	"holdfast/bgp/wire"
	"holdfast/lab/golden"
)

// forms are all that a helper may ask for.
var forms = []struct {
	name string
	Form
}{
	{"json 6", Form{Parsed: true}},
	{"json 4", Form{Legacy: true, Parsed: true}},
	{"text", Form{Text: true, Parsed: true}},
	{"json 6, packets", Form{Packets: true}},
	{"json 4, packets", Form{Legacy: true, Packets: true}},
	{"text, packets", Form{Text: true, Packets: true}},
	{"json 4, parsed and packets", Form{Legacy: true, Parsed: true, Packets: true}},
	{"json 6, consolidated", Form{Parsed: true, Consolidate: true}},
	{"json 4, consolidated", Form{Legacy: true, Packets: true, Consolidate: true}},
	{"text, consolidated", Form{Text: true, Consolidate: true}},
	{"json 4, compact", Form{Legacy: true, Parsed: true, Compact: true}},
	{"json 6, nothing", Form{}},
}

// TestGoldens has a file for each kind, and in it a section for each report: what
// is reported, and what each form makes of it.
func TestGoldens(t *testing.T) {
	kinds := map[Kind]bool{}
	golden.Sections(t, "testdata/*.txtar", func(t *testing.T, _, text string) string {
		said, _, _ := strings.Cut(text, "\n")
		r := report(t, said)
		kinds[r.Kind] = true
		return said + "\n" + tellAll(t, r)
	})
	if len(kinds) != Kinds {
		t.Errorf("goldens of %d kinds, want all %d", len(kinds), Kinds)
	}
}

// tellAll gives what each form makes of a report. It is the same when it is told
// again: what was remembered changes nothing.
func tellAll(t *testing.T, r *Report) string {
	var all strings.Builder
	for i, f := range forms {
		if i > 2 && !r.Kind.message() {
			break // only messages have octets
		}
		if f.Compact && r.Kind != Update {
			continue // only UPDATEs have prefixes
		}
		teller := Teller{Form: f.Form, Source: Source{Host: "box", PID: 7, PPID: 1}}
		lines := teller.Append(nil, r, 5)
		if again := teller.Append(nil, r, 5); !bytes.Equal(lines, again) {
			t.Errorf("%s: once more as\n%s", f.name, again)
		}
		checkLines(t, f.Form, r, lines)
		fmt.Fprintf(&all, "%s:\n%s", f.name, lines)
	}
	return all.String()
}

// checkLines holds that all are lines: JSON of as many events as is promised, or
// printable text.
func checkLines(t *testing.T, f Form, r *Report, b []byte) {
	lines := strings.SplitAfter(string(b), "\n")
	if last := lines[len(lines)-1]; last != "" {
		t.Errorf("not ended: %q", last)
	}
	lines = lines[:len(lines)-1]
	if most := f.Events(r.Kind) * max(1, r.Messages()); !f.Text && uint64(len(lines)) > most {
		t.Errorf("%d events, want %d at most", len(lines), most)
	}
	for _, line := range lines {
		line = strings.TrimSuffix(line, "\n")
		if !f.Text && !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
		if strings.ContainsFunc(line, unicode.IsControl) && isASCII(line) || line == "" {
			t.Errorf("no line: %q", line)
		}
	}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// session has all families; with paths, we send path identifiers of IPv4 unicast
// and receive those of IPv6 unicast.
func session(paths bool) *bgp.Negotiated {
	n := &bgp.Negotiated{LocalAS: 65000, PeerAS: 65000, LocalAddr: netip.MustParseAddr("192.0.2.1"), PeerAddr: netip.MustParseAddr("192.0.2.2"),
		HoldTime: 180 * time.Second, ASN4: true, Refresh: true}
	for _, c := range family.Table {
		n.Families = append(n.Families, c.Family)
	}
	if paths {
		n.Families = []bgp.Family{bgp.IPv4Unicast, bgp.IPv6Unicast}
		n.AddPath = map[bgp.Family]bgp.Direction{bgp.IPv4Unicast: bgp.Send, bgp.IPv6Unicast: bgp.Receive}
		n.Hops = bgp.MakeHops([]bgp.Hop{{Family: bgp.IPv4Unicast, AFI: bgp.AFIIPv6}})
		n.Extended, n.EnhancedRefresh, n.Operational = true, true, true
	}
	return n
}

// report reads "state down why", "signal 15", "in HEX" or "out HEX", the last two
// with "paths" before it where the session has them. HEX is a type and a body.
func report(t testing.TB, said string) *Report {
	r := &Report{Time: time.Unix(1, 500_000_000), Neighbor: Neighbor{Local: netip.MustParseAddr("192.0.2.1"),
		Peer: netip.MustParseAddr("192.0.2.2"), LocalAS: 65000, PeerAS: 65000}}
	said, paths := strings.CutPrefix(said, "paths ")
	r.Negotiated = session(paths)
	word, rest, _ := strings.Cut(said, " ")
	switch word {
	case "state":
		r.Kind = State
		r.State, r.Reason, _ = strings.Cut(rest, " ")
	case "fsm":
		r.Kind, r.State = FSM, rest
	case "signal":
		r.Kind = Signal
		r.Signal, _ = strconv.Atoi(rest)
	case "negotiated":
		r.Kind = Negotiated
	case "shutdown":
		r.Kind = Shutdown
	case "in", "out":
		r.Direction = map[string]Direction{"in": In, "out": Out}[word]
		b, err := hex.DecodeString(strings.ReplaceAll(rest, " ", ""))
		if err != nil || len(b) == 0 {
			t.Fatalf("%s: %v", said, err)
		}
		r.setMessage(wire.PatchLength(append(wire.AppendHeader(nil, wire.Type(b[0])), b[1:]...), 0))
	default:
		t.Fatalf("what is %q?", said)
	}
	return r
}

// byType are the kinds of messages.
var byType = map[wire.Type]Kind{wire.TypeOpen: Open, wire.TypeUpdate: Update, wire.TypeNotification: Notification,
	wire.TypeKeepalive: Keepalive, wire.TypeRefresh: Refresh, wire.TypeOperational: OperationalMessage}

func (r *Report) setMessage(msg []byte) {
	r.Message, r.Kind = msg, Unknown
	if k, ok := byType[wire.Type(msg[18])]; ok {
		r.Kind = k
	}
}

// TestSessionsApart has the same octets in two sessions: what they mean depends on
// what was agreed.
func TestSessionsApart(t *testing.T) {
	const said = "in 02 0000 001B 400101 00 400206 0202FDE8FDE9 400304 0A000001 400504 00000064 180A0100"
	const path = "as-path [ 65000 65001 ]"
	teller := Teller{Form: Form{Text: true, Parsed: true}}
	two, four := report(t, said), report(t, said)
	two.Negotiated.ASN4 = false
	for range 2 {
		if got := string(teller.Append(nil, two, 1)); !strings.Contains(got, path) {
			t.Errorf("want %s, got\n%s", path, got)
		}
		if got := string(teller.Append(nil, four, 1)); strings.Contains(got, path) {
			t.Errorf("AS numbers of two octets are told where they have four:\n%s", got)
		}
	}
}

// TestKnownAttributesDoNotAllocate has a table whose attributes are the same.
func TestKnownAttributesDoNotAllocate(t *testing.T) {
	r := report(t, "in 04")
	r.setMessage(table(20, 20, true)[0])
	for _, f := range forms[:3] {
		teller := Teller{Form: f.Form, Source: Source{Host: "box"}}
		line := teller.Append(nil, r, 1)
		if n := testing.AllocsPerRun(100, func() { line = teller.Append(line[:0], r, 2) }); n != 0 {
			t.Errorf("%s: %v allocations", f.name, n)
		}
	}
}

// FuzzReport holds that whatever comes as a message is told in lines, in every
// form, and both ways.
func FuzzReport(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range a.Files {
			said, _, _ := strings.Cut(string(s.Data), "\n")
			if r := report(f, said); r.Kind.message() {
				f.Add(r.Message, r.Direction == In, strings.HasPrefix(said, "paths "))
			}
		}
	}
	f.Add([]byte("short"), true, true)
	f.Fuzz(func(t *testing.T, msg []byte, in, paths bool) {
		r := report(t, map[bool]string{true: "in 04", false: "out 04"}[in])
		if r.Negotiated = session(paths); len(msg) > 18 {
			r.setMessage(msg)
		} else {
			r.Message, r.Kind = msg, Update
		}
		tellAll(t, r)
		r.Negotiated = nil
		tellAll(t, r)
	})
}

// table is a table of so many routes as UPDATEs of so many each: with attributes
// like those of the Internet, the same in each or not.
func table(routes, each int, same bool) (msgs [][]byte) {
	const before, after = "40010100" + "40021a02060000fde900000d1c00001b1b0000e1dd000111700000fdea" + "400304c0000201", "400504000000c8" + "c00808fde80001fde80002"
	for i := 0; i < routes; i += each {
		m := append(wire.AppendHeader(nil, wire.TypeUpdate), 0, 0, 0, 0)
		m, _ = hex.AppendDecode(m, []byte(before))
		m = append(m, 0x80, 4, 4, 0, byte(i>>16), byte(i>>8), byte(i))
		if same {
			clear(m[len(m)-4:])
		}
		m, _ = hex.AppendDecode(m, []byte(after))
		m[22] = byte(len(m) - 23)
		for j := i; j < i+each; j++ {
			m = append(m, 24, byte(j>>16), byte(j>>8), byte(j))
		}
		msgs = append(msgs, wire.PatchLength(m, 0))
	}
	return msgs
}

// TestUpdatesInARow: what UPDATEs in a row become is what each would, one
// counter after the other.
func TestUpdatesInARow(t *testing.T) {
	msgs := append(table(12, 3, false), table(6, 2, true)...)
	for _, f := range forms {
		one, all := Teller{Form: f.Form}, Teller{Form: f.Form}
		var want, row []byte
		counter := uint64(1)
		r := report(t, "in 04")
		for _, m := range msgs {
			r.setMessage(m)
			want = one.Append(want, r, counter)
			row, counter = append(row, m...), counter+f.Events(Update)
		}
		r.setMessage(row)
		if got := all.Append(nil, r, 1); string(got) != string(want) || r.Messages() != uint64(len(msgs)) {
			t.Errorf("%s: %d messages, got\n%s\nwant\n%s", f.name, r.Messages(), got, want)
		}
	}
}

// BenchmarkReport tells of a table.
func BenchmarkReport(b *testing.B) {
	for _, f := range forms[:3] {
		for _, each := range []int{1, 5, 500} {
			for _, same := range []bool{true, false} {
				b.Run(fmt.Sprintf("%s/%d in each/same=%t", f.name, each, same), func(b *testing.B) {
					const routes = 100_000
					msgs, r := table(routes, each, same), report(b, "in 04")
					teller := Teller{Form: f.Form, Source: Source{Host: "box", PID: 7, PPID: 1}}
					var line []byte
					told := 0
					b.ReportAllocs()
					for b.Loop() {
						for i, m := range msgs {
							r.setMessage(m)
							line = teller.Append(line[:0], r, uint64(i))
							told += len(line)
						}
					}
					b.ReportMetric(float64(told)/1e6/b.Elapsed().Seconds(), "MB/s")
					b.ReportMetric(routes*float64(b.N)/b.Elapsed().Seconds(), "routes/s")
				})
			}
		}
	}
}

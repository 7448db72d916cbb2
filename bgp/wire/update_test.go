package wire

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/tools/txtar"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family"
	"holdfast/lab/golden"
)

// unhex reads hexadecimal with blanks and comments.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	line, _, _ := strings.Cut(s, "#")
	b, err := hex.DecodeString(strings.Join(strings.Fields(line), ""))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return b
}

// message puts an UPDATE together of the lines of a case: "withdrawn", "attrs"
// and "nlri" with hexadecimal, any number of each, or "raw" with the body.
// "session" has the words asn2 and ibgp, and addpath.
func message(t testing.TB, lines string) ([]byte, *bgp.Negotiated) {
	t.Helper()
	n := &bgp.Negotiated{LocalAS: 65000, PeerAS: 65001, ASN4: true, LocalAddr: netip.MustParseAddr("192.0.2.1"),
		Families: []bgp.Family{bgp.IPv4Unicast, bgp.IPv6Unicast, bgp.BGPLS}}
	fields := map[string][]byte{}
	for line := range strings.Lines(lines) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "", "#":
		case "session":
			session(t, n, strings.Fields(rest))
		case "withdrawn", "attrs", "nlri", "raw":
			fields[word] = append(fields[word], unhex(t, rest)...)
		default:
			t.Fatalf("what is %q?", line)
		}
	}
	b := AppendHeader(nil, TypeUpdate)
	if raw, ok := fields["raw"]; ok {
		return PatchLength(append(b, raw...), 0), n
	}
	for _, w := range []string{"withdrawn", "attrs"} {
		b = append(b, byte(len(fields[w])>>8), byte(len(fields[w])))
		b = append(b, fields[w]...)
	}
	return PatchLength(append(b, fields["nlri"]...), 0), n
}

func session(t testing.TB, n *bgp.Negotiated, words []string) {
	t.Helper()
	for _, w := range words {
		switch w {
		case "asn2":
			n.ASN4 = false
		case "ibgp":
			n.PeerAS = n.LocalAS
		case "addpath":
			n.AddPath = map[bgp.Family]bgp.Direction{bgp.IPv4Unicast: bgp.Receive, bgp.IPv6Unicast: bgp.Receive}
		case "all":
			n.Families = append(family.All(), bgp.IPv4RTC)
		case "v4only":
			n.Families = n.Families[:1]
		case "flow":
			n.Families = append(n.Families, bgp.IPv4Flow)
		case "v6only":
			n.Families = n.Families[1:]
		default:
			t.Fatalf("what session is %q?", w)
		}
	}
}

// tell writes what was read.
func tell(u *Update, bad *Error) string {
	var b strings.Builder
	for _, p := range u.Attrs.Problems {
		fmt.Fprintf(&b, "problem %s\n", p)
	}
	if bad != nil {
		fmt.Fprintf(&b, "reset %d/%d %x\n", bad.Code, bad.Subcode, bad.Data)
	}
	if u.EOR != 0 {
		fmt.Fprintf(&b, "end of rib %s\n", u.EOR)
	}
	for _, r := range u.Withdraws() {
		tellRoutes(&b, "withdraw", r)
	}
	plain, mp := u.Announced()
	for i, r := range []Routes{plain, mp} {
		if r.Empty() {
			continue
		}
		tellRoutes(&b, "announce", r)
		s := u.Handle(i == 1).Value()
		fmt.Fprintf(&b, "  text %s\n  json %s\n", s.AppendText(nil), s.AppendJSON(nil))
	}
	return b.String()
}

func tellRoutes(b *strings.Builder, verb string, r Routes) {
	for raw := range r.All() {
		fmt.Fprintf(b, "%s %s %s\n", verb, r.Family, family.Lookup(r.Family).View(raw).AppendJSON(nil, nil))
	}
}

// TestUpdates reads the goldens: a case is a name, the lines of a message, and
// after "=>" what must come of it. -update writes the latter.
func TestUpdates(t *testing.T) {
	var u Update
	golden.Sections(t, "testdata/update/*.txtar", func(t *testing.T, _, text string) string {
		in, _, _ := strings.Cut(text, "=>\n")
		msg, n := message(t, in)
		u.Keep = true
		got := tell(&u, ParseUpdate(msg, n, &u))
		judgedAlike(t, msg, n, &u)
		return in + "=>\n" + got
	})
}

// judgedAlike checks that it makes no difference whether attributes are kept.
func judgedAlike(t *testing.T, msg []byte, n *bgp.Negotiated, kept *Update) {
	t.Helper()
	var u Update
	ParseUpdate(msg, n, &u)
	if diff := cmp.Diff(kept.Attrs.Problems, u.Attrs.Problems, cmpopts.EquateEmpty()); diff != "" || u.Disposition != kept.Disposition {
		t.Errorf("%x: judged otherwise when nothing is kept:\n%s", msg, diff)
	}
}

// typical is an UPDATE as a router sends it: eight attributes, twenty prefixes.
func typical(t testing.TB) ([]byte, *bgp.Negotiated) {
	return message(t, `
		session ibgp
		attrs 40010100 40021a 0206 0000fde9 00000d1c 00001b1b 0000e1dd 00011170 0000fdea
		attrs 400304c0000201 80040400000064 400504000000c8 c00808 fde80001fde80002 c01008 0002fde800000001
		attrs c02018 0000fde80000000100000002 0000fde80000000300000004
		nlri 180a0000 180a0001 180a0002 180a0003 180a0004 180a0005 180a0006 180a0007 180a0008 180a0009
		nlri 180b0000 180b0001 180b0002 180b0003 180b0004 180b0005 180b0006 180b0007 180b0008 180b0009`)
}

// absorb walks over all routes of an update.
func absorb(u *Update) (routes int) {
	for _, r := range u.Withdraws() {
		for range r.All() {
			routes++
		}
	}
	plain, mp := u.Announced()
	for range plain.All() {
		routes++
	}
	for range mp.All() {
		routes++
	}
	return routes
}

func TestAbsorbDoesNotAllocate(t *testing.T) {
	msg, n := typical(t)
	six, _ := message(t, `
		session ibgp
		attrs 40010100 400200 400504000000c8 800e1d 0002 01 10 20010db8000000000000000000000001 00 2020010db8 10fc00
		attrs 800f08 0002 01 2020010db9`)
	for name, m := range map[string][]byte{"ipv4": msg, "ipv6": six} {
		var u Update
		if got := testing.AllocsPerRun(100, func() {
			if err := ParseUpdate(m, n, &u); err != nil || absorb(&u) == 0 {
				t.Fatal(err, u.Attrs.Problems)
			}
		}); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

// FuzzUpdate checks that nothing a peer sends makes us panic, that what is kept
// reads back as itself, and that problems are bounded and within the message.
func FuzzUpdate(f *testing.F) {
	files, _ := filepath.Glob("testdata/update/*.txtar")
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range a.Files {
			in, _, _ := strings.Cut(string(c.Data), "=>\n")
			msg, n := message(f, in)
			f.Add(msg[HeaderLen:], n.ASN4, n.EBGP(), n.AddPath != nil)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, asn4, ebgp, path bool) {
		n := &bgp.Negotiated{LocalAS: 65000, PeerAS: 65000, ASN4: asn4, Families: []bgp.Family{bgp.IPv4Unicast, bgp.IPv6Unicast, bgp.BGPLS}}
		if ebgp {
			n.PeerAS++
		}
		if path {
			session(t, n, []string{"addpath"})
		}
		if len(body) > bgp.MaxExtended-HeaderLen {
			return
		}
		msg := PatchLength(append(AppendHeader(nil, TypeUpdate), body...), 0)
		u := Update{Keep: true}
		bad := ParseUpdate(msg, n, &u)
		tell(&u, bad)
		judgedAlike(t, msg, n, &u)
		for _, p := range u.Attrs.Problems {
			if p.Offset < HeaderLen || p.Offset > len(msg) || len(p.Data) > len(msg) {
				t.Fatalf("problem outside the message of %d octets: %v", len(msg), p)
			}
		}
		if bad == nil && u.Disposition == attr.None && (asn4 || ebgp) { // AS4_PATH can't carry a confederation
			sameAgain(t, &u, n)
		}
	})
}

// sameAgain sends what was received, with the same session parameters, and
// wants to receive the same.
func sameAgain(t *testing.T, u *Update, n *bgp.Negotiated) {
	t.Helper()
	e := attr.ExportFor(n)
	for i, r := range []Routes{u.NLRI, u.Reach} {
		if r.Empty() {
			continue
		}
		h := u.Handle(i == 1)
		b, frame, ok := BeginAnnounce(nil, r.Family, h.Value(), &e)
		if !ok {
			t.Fatalf("no next hop in %s", h.Value().AppendText(nil))
		}
		for raw := range r.All() {
			b = raw.AppendWire(b, n.ReceivePath(r.Family))
		}
		if b = frame.End(b); len(b) > bgp.MaxExtended {
			return
		}
		back := Update{Keep: true}
		if bad := ParseUpdate(b, n, &back); bad != nil || back.Disposition != attr.None {
			t.Fatalf("%x: %v %v", b, bad, back.Attrs.Problems)
		}
		// IPv4 unicast out of MP_REACH_NLRI goes back into the field.
		if got := back.Handle(!back.Reach.Empty()); got != h {
			t.Fatalf("%s became %s", h.Value().AppendJSON(nil), got.Value().AppendJSON(nil))
		}
	}
}

func BenchmarkParseUpdate(b *testing.B) {
	msg, n := typical(b)
	for _, keep := range []bool{false, true} {
		b.Run(map[bool]string{false: "absorb", true: "keep"}[keep], func(b *testing.B) {
			u := Update{Keep: keep}
			b.ReportAllocs()
			for b.Loop() {
				if err := ParseUpdate(msg, n, &u); err != nil || absorb(&u) != 20 {
					b.Fatal(err)
				}
				if keep {
					u.Handle(false)
				}
			}
		})
	}
}

func BenchmarkAppendUpdate(b *testing.B) {
	msg, n := typical(b)
	u := Update{Keep: true}
	if err := ParseUpdate(msg, n, &u); err != nil {
		b.Fatal(err)
	}
	s, e := u.Handle(false).Value(), attr.ExportFor(n)
	routes := slices.Collect(u.NLRI.All())
	out := make([]byte, 0, bgp.MaxMessage)
	b.ReportAllocs()
	for b.Loop() {
		var frame AnnounceFrame
		out, frame, _ = BeginAnnounce(out[:0], bgp.IPv4Unicast, s, &e)
		for _, raw := range routes {
			out = raw.AppendWire(out, false)
		}
		out = frame.End(out)
	}
	if len(out) != len(msg) {
		b.Fatalf("%d octets, want %d", len(out), len(msg))
	}
}

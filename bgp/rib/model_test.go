package rib

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
)

// set makes attributes that differ in MED.
func set(med uint32) attr.Handle {
	var b attr.Builder
	b.Put(attr.NextHop, attr.Transitive, []byte{10, 0, 0, 1})
	b.Put(attr.MED, attr.Optional, binary.BigEndian.AppendUint32(nil, med))
	return b.Handle()
}

func v4(s string) nlri.Raw {
	p := netip.MustParsePrefix(s)
	return nlri.Raw{Family: bgp.IPv4Unicast, Body: append([]byte{byte(p.Bits())}, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)}
}

func session(localAS bgp.ASN) Session {
	n := &bgp.Negotiated{LocalAS: localAS, PeerAS: 65001, Families: []bgp.Family{bgp.IPv4Unicast}, ASN4: true,
		LocalAddr: netip.MustParseAddr("10.0.0.1")}
	return Session{Negotiated: n, Export: attr.ExportFor(n)}
}

// mirror is what a peer makes of the frames that it gets: prefix → MED, and a
// thousand for each AS number in the path but the first.
type mirror map[string]uint32

// take reads frames of IPv4 unicast, and fails on a withdraw of what is not
// there if strict.
func (m mirror) take(t *testing.T, b []byte) (updates int) {
	t.Helper()
	for len(b) > 0 {
		n := int(binary.BigEndian.Uint16(b[16:]))
		if n < 23 || n > bgp.MaxMessage || b[18] != 2 {
			t.Fatalf("frame of %d octets, type %d", n, b[18])
		}
		f := b[19:n]
		b = b[n:]
		w := int(binary.BigEndian.Uint16(f))
		for _, p := range prefixes(f[2 : 2+w]) {
			delete(m, p)
		}
		f = f[2+w:]
		a := int(binary.BigEndian.Uint16(f))
		med := medOf(f[2 : 2+a])
		for _, p := range prefixes(f[2+a:]) {
			m[p] = med
		}
		updates++
	}
	return updates
}

func prefixes(b []byte) (out []string) {
	for len(b) > 0 {
		n := 1 + (int(b[0])+7)/8
		out = append(out, fmt.Sprintf("%x", b[:n]))
		b = b[n:]
	}
	return out
}

func medOf(b []byte) (med uint32) {
	for len(b) > 0 {
		switch {
		case b[1] == attr.MED:
			med += binary.BigEndian.Uint32(b[3:])
		case b[1] == attr.ASPath && b[2] > 0:
			med += 1000 * uint32(b[4]-1)
		}
		b = b[3+int(b[2]):]
	}
	return med
}

// wish is one route of the model.
type wish struct {
	med   uint32
	group string
	off   bool
}

// model is the table as one would write it without a thought for speed: a map
// of wishes for each peer.
type model struct {
	t     *testing.T
	rng   *rand.Rand
	table *Table
	outs  []*Out
	wants []map[string]wish
	sees  []mirror
	owed  []map[string]bool // withdraws that a peer has still to hear
	gates map[string]Stand

	steps int
	moved []map[string]int // the step in which a route last changed for a peer
	gated int              // the step of the last gate
	marks []marked

	at      uint32 // where a walk goes on
	before  map[string]bool
	met     map[string]int
	changed map[string]bool
}

// marked is a moment that a peer is waited for to have come to.
type marked struct {
	mark Mark
	step int
}

func newModel(t *testing.T, seed uint64, peers int) *model {
	m := &model{t: t, rng: rand.New(rand.NewPCG(seed, 1)), table: NewTable(), gates: map[string]Stand{}}
	for range peers {
		m.outs = append(m.outs, m.table.AddPeer())
		m.wants = append(m.wants, map[string]wish{})
		m.sees = append(m.sees, nil)
		m.owed = append(m.owed, map[string]bool{})
		m.moved = append(m.moved, map[string]int{})
		m.marks = append(m.marks, marked{})
	}
	return m
}

func (m *model) some() (PeerSet, []int) {
	var outs []*Out
	var is []int
	all := m.rng.IntN(3) > 0
	for i, o := range m.outs {
		if all || m.rng.IntN(2) == 0 {
			outs, is = append(outs, o), append(is, i)
		}
	}
	return m.table.Peers(outs...), is
}

func (m *model) announce() {
	to, is := m.some()
	p := v4(fmt.Sprintf("10.0.0.%d/32", m.rng.IntN(12)))
	w := wish{med: uint32(m.rng.IntN(3)), group: []string{"", "", "a", "b"}[m.rng.IntN(4)], off: m.rng.IntN(5) == 0}
	m.table.Announce(API, to, route.Route{NLRI: p, Attrs: set(w.med), Group: w.group, Withdraw: w.off})
	m.change(p.Body, is)
	for _, i := range is {
		m.wants[i][fmt.Sprintf("%x", p.Body)] = w
	}
}

func (m *model) withdraw() {
	from, is := m.some()
	p := v4(fmt.Sprintf("10.0.0.%d/32", m.rng.IntN(12)))
	m.table.Withdraw(from, p, attr.Handle{})
	m.change(p.Body, is)
	for _, i := range is {
		delete(m.wants[i], fmt.Sprintf("%x", p.Body))
		if o := m.outs[i]; o.up && (o.begun || len(o.stale) > 0) {
			m.owed[i][fmt.Sprintf("%x", p.Body)] = true
		}
	}
}

func (m *model) gate() {
	name := []string{"a", "b", ""}[m.rng.IntN(3)]
	g := m.gates[name]
	if m.rng.IntN(2) == 0 {
		g.Gate = []Gate{Open, Closed, Forced}[m.rng.IntN(3)]
	} else {
		g.Degrade = []attr.Degrade{{}, {SetMED: true, MED: 7}, {SetMED: true, MED: 8, Prepend: 1}, {Prepend: 2}}[m.rng.IntN(4)]
	}
	m.gates[name] = g
	m.table.Groups(m.gates, Stand{})
	m.gated = m.steps
}

func (m *model) pull(i, n int) {
	o := m.outs[i]
	if m.sees[i] == nil {
		return
	}
	b, more := o.Urgent(nil, n)
	if !more {
		b, _ = o.Bulk(b, n, false)
	}
	m.sees[i].take(m.t, b)
	m.took(i)
	for len(b) > 0 {
		for _, p := range prefixes(b[21 : 21+binary.BigEndian.Uint16(b[19:])]) {
			delete(m.owed[i], p)
		}
		b = b[binary.BigEndian.Uint16(b[16:]):]
	}
}

func (m *model) flap(i int) {
	if m.sees[i] != nil {
		m.outs[i].Down()
		m.sees[i] = nil
		clear(m.owed[i])
		return
	}
	s := session([]bgp.ASN{65000, 65001}[m.rng.IntN(2)])
	s.Stale = m.rng.IntN(2) == 0
	m.outs[i].Up(s)
	m.sees[i] = mirror{}
}

func (m *model) step() {
	m.steps++
	i := m.rng.IntN(len(m.outs))
	switch k := m.rng.IntN(100); {
	case k == 99:
		m.clear()
	case k == 98:
		m.leave(i)
	case k > 93:
		m.table.Sweep(1 + m.rng.IntN(4))
	case k > 88:
		m.marks[i] = marked{m.table.Mark(), m.steps}
	case k < 28:
		m.announce()
	case k < 44:
		m.withdraw()
	case k < 50:
		m.gate()
	case k < 53:
		m.flap(i)
	case k < 56 && m.sees[i] != nil:
		m.outs[i].Refresh(bgp.IPv4Unicast)
	case k < 64:
		m.walk()
	default:
		m.pull(i, 1+m.rng.IntN(60))
	}
}

func (m *model) on(w wish) bool {
	g := m.gates[w.group].Gate
	return g == Forced || g == Open && (w.group == "" || !w.off)
}

// med is what a peer is to see of a wish.
func (m *model) med(i int, w wish) uint32 {
	d, med := m.gates[w.group].Degrade, w.med
	if d.SetMED {
		med = d.MED
	}
	if o := m.outs[i]; m.table.classes[o.class].key.export.EBGP {
		med += 1000 * uint32(d.Prepend)
	}
	return med
}

// check drains every peer and compares what it sees with what it should.
func (m *model) check() {
	m.t.Helper()
	for i, o := range m.outs {
		if m.sees[i] == nil {
			continue
		}
		for n := 0; !o.Caught(); n++ {
			if n > 10000 {
				m.t.Fatalf("peer %d never catches up", i)
			}
			m.pull(i, 1000)
		}
		if !o.Took(m.table.Mark()) {
			m.t.Fatalf("peer %d never comes to where it is", i)
		}
		if len(m.owed[i]) > 0 {
			m.t.Fatalf("peer %d never hears the withdraws of %v", i, m.owed[i])
		}
		want := mirror{}
		for p, w := range m.wants[i] {
			if m.on(w) {
				want[p] = m.med(i, w)
			}
		}
		if d := cmp.Diff(want, m.sees[i]); d != "" {
			m.t.Fatalf("peer %d (-want +sees):\n%s", i, d)
		}
	}
	if m.table.graves.head != 0 {
		m.t.Fatalf("graves are left after all peers have caught up")
	}
}

// walk starts a walk, or takes it a few places further, and compares what was
// met with what was wanted from its start to its end.
func (m *model) walk() {
	if m.at == 0 {
		m.met, m.changed = map[string]int{}, map[string]bool{}
		m.before = m.wanted()
	}
	m.at = m.table.Walk(m.at, 1+m.rng.IntN(6), func(v View) {
		for _, told := range v.Peers {
			m.met[m.place(told.Peer, v.Route.NLRI.Body)]++
		}
	})
	if m.at != 0 {
		return
	}
	for k := range m.before {
		if n := m.met[k]; n != 1 && !m.changed[k] {
			m.t.Fatalf("%s was met %d times in a walk", k, n)
		}
		delete(m.met, k)
	}
	for k := range m.met {
		if !m.changed[k] {
			m.t.Fatalf("%s was met in a walk and is not wanted", k)
		}
	}
}

func (m *model) place(o *Out, body []byte) string {
	return fmt.Sprintf("%x for peer %d", body, slices.Index(m.outs, o))
}

// wanted is each route for each peer.
func (m *model) wanted() map[string]bool {
	all := map[string]bool{}
	for i, o := range m.outs {
		for p := range m.wants[i] {
			body, _ := hex.DecodeString(p)
			all[m.place(o, body)] = true
		}
	}
	return all
}

// change notes that a walk may miss a route, or meet it twice.
func (m *model) change(body []byte, is []int) {
	for _, i := range is {
		m.moved[i][fmt.Sprintf("%x", body)] = m.steps
	}
	if m.at != 0 {
		for _, i := range is {
			m.changed[m.place(m.outs[i], body)] = true
		}
	}
}

// clear takes everything from some peers, a few places at once.
func (m *model) clear() {
	from, is := m.some()
	mark := m.table.BeginClear()
	for pos, first := uint32(0), true; first || pos != 0; first = false {
		pos = m.table.Clear(from, mark, pos, 1+m.rng.IntN(8))
	}
	for _, i := range is {
		for p := range m.wants[i] {
			body, _ := hex.DecodeString(p)
			m.change(body, []int{i})
		}
		clear(m.wants[i])
	}
}

// leave has another peer in place of one.
func (m *model) leave(i int) {
	m.table.DropPeer(m.outs[i])
	for p := range m.wants[i] {
		body, _ := hex.DecodeString(p)
		m.change(body, []int{i})
	}
	m.outs[i], m.sees[i], m.marks[i] = m.table.AddPeer(), nil, marked{}
	clear(m.wants[i])
	clear(m.owed[i])
}

// took checks that a peer which has come to a mark sees all that has not changed
// since as it was then.
func (m *model) took(i int) {
	k := m.marks[i]
	if m.sees[i] == nil || !m.outs[i].Took(k.mark) || m.gated > k.step {
		return
	}
	for n := range 12 {
		p := fmt.Sprintf("%x", v4(fmt.Sprintf("10.0.0.%d/32", n)).Body)
		if m.moved[i][p] > k.step {
			continue
		}
		w, wanted := m.wants[i][p]
		if med, sees := m.sees[i][p]; sees != (wanted && m.on(w)) || sees && med != m.med(i, w) {
			m.t.Fatalf("peer %d has come to step %d, now is %d: %s is wanted: %v %+v, but it sees %v %d", i, k.step, m.steps, p, wanted, w, sees, med)
		}
	}
}

// TestModel drives the table and a naive model with the same random changes,
// pulls and session flaps, and compares what the peers end up with.
func TestModel(t *testing.T) {
	for seed := range uint64(400) {
		m := newModel(t, seed, 1+int(seed%4))
		for i := range m.outs {
			if i != 0 {
				m.flap(i)
			}
		}
		for n := range 300 {
			m.step()
			if n%50 == 49 {
				m.check()
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestNothingLeaks takes every route away again and looks for what is left.
func TestNothingLeaks(t *testing.T) {
	m := newModel(t, 7, 3)
	for i := range m.outs {
		m.flap(i)
	}
	for range 3000 {
		m.step()
	}
	all := m.table.Peers(m.outs...)
	for i := range 12 {
		m.table.Withdraw(all, v4(fmt.Sprintf("10.0.0.%d/32", i)), attr.Handle{})
	}
	for i := range m.wants {
		clear(m.wants[i])
	}
	m.check()
	tb := m.table
	for tb.Sweep(5) {
	}
	if len(tb.index) != 0 || len(tb.bucketOf) != 0 || tb.routes != 0 || tb.order != (list{}) {
		t.Errorf("left: %d in the index, %d buckets %v, %d routes", len(tb.index), len(tb.bucketOf), slices.Collect(maps.Keys(tb.bucketOf)), tb.routes)
	}
}

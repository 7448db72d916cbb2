package rib

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"holdfast/bgp/attr"
	"holdfast/bgp/nlri"
	"holdfast/bgp/route"
)

// TestPathsModel changes three paths of two prefixes at random, and compares
// what peers without path identifiers see: one of the paths that are wanted, or
// nothing if none is.
func TestPathsModel(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		tb := NewTable()
		peers := []*Out{tb.AddPeer(), tb.AddPeer()}
		sees := []mirror{{}, {}}
		wants := []map[string]map[uint32]wish{{}, {}}
		on, more := true, uint8(0)
		for i, o := range peers {
			o.Up(session(65000))
			wants[i] = map[string]map[uint32]wish{"200a000001": {}, "200a000002": {}}
		}
		for n := range uint32(200) {
			i, id := rng.IntN(len(peers)), uint32(rng.IntN(3))
			p := v4(fmt.Sprintf("10.0.0.%d/32", 1+rng.IntN(2)))
			who, to := []int{i}, tb.Peers(peers[i])
			if rng.IntN(2) == 0 {
				who, to = []int{0, 1}, tb.Peers(peers...)
			}
			name := fmt.Sprintf("%x", p.Body)
			p.HasPath, p.PathID = id != 0, id
			switch rng.IntN(6) {
			case 0, 1:
				w := wish{med: n + 1, group: []string{"", "dns"}[rng.IntN(2)]}
				tb.Announce(API, to, route.Route{NLRI: p, Attrs: set(w.med), Group: w.group})
				for _, i := range who {
					wants[i][name][id] = w
				}
			case 2:
				take(tb, rng, to, p)
				for _, i := range who {
					delete(wants[i][name], id)
				}
			case 3:
				if rng.IntN(2) == 0 {
					on = !on
				} else {
					more = uint8(rng.IntN(3))
				}
				stands(tb, "dns", Stand{map[bool]Gate{true: Open, false: Closed}[on], attr.Degrade{Prepend: more}})
			default:
				b, left := peers[i].Urgent(nil, 1+rng.IntN(60))
				if !left {
					b, _ = peers[i].Bulk(b, 1+rng.IntN(60), false)
				}
				sees[i].take(t, b)
			}
			if n%20 == 19 {
				for i, o := range peers {
					sees[i].take(t, drain(o))
					compare(t, seed, sees[i], wants[i], on, more)
				}
			}
		}
	}
}

// take removes a route in one of the two ways.
func take(tb *Table, rng *rand.Rand, from PeerSet, n nlri.Raw) {
	if rng.IntN(2) == 0 {
		tb.Withdraw(from, n, attr.Handle{})
		return
	}
	tb.Remove(API, from, n)
}

func compare(t *testing.T, seed uint64, sees mirror, wants map[string]map[uint32]wish, on bool, more uint8) {
	t.Helper()
	for p, paths := range wants {
		want, good := 0, false
		med, has := sees[p]
		for _, w := range paths {
			if w.group == "dns" {
				w.med += 1000 * uint32(more)
			}
			if w.group == "" || on {
				want++
				good = good || w.med == med
			}
		}
		if has != (want > 0) || has && !good {
			t.Fatalf("seed %d: %s: sees %v %d, of %+v, gate %v", seed, p, has, med, paths, on)
		}
	}
}

// TestDegradedPathStaysCovered: a peer that sees two paths as one keeps the one
// that was said last, although the other's group is told again.
func TestDegradedPathStaysCovered(t *testing.T) {
	tb := NewTable()
	x, y := up(tb), up(tb)
	to := tb.Peers(x, y)
	for i, group := range []string{"dns", "web"} {
		p := v4("192.0.2.1/32")
		p.HasPath, p.PathID = true, uint32(i+1)
		tb.Announce(API, to, route.Route{NLRI: p, Attrs: set(uint32(i + 1)), Group: group})
	}
	drain(x)
	drain(y)
	stands(tb, "dns", med(500))
	if a, b := drain(x), drain(y); len(a)+len(b) > 0 {
		t.Errorf("told %x and %x", a, b)
	}
	tb.Groups(map[string]Stand{"dns": med(500), "web": {Gate: Closed}}, Stand{})
	m := mirror{}
	if m.take(t, drain(x)); m.meds()[500] != 1 {
		t.Errorf("then knows %v", m)
	}
}

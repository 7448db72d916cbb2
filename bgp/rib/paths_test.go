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
		on := true
		for i, o := range peers {
			o.Up(vpnSession())
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
				on = !on
				tb.Group("dns", map[bool]Gate{true: Open, false: Closed}[on])
			default:
				b, more := peers[i].Urgent(nil, 1+rng.IntN(60))
				if !more {
					b, _ = peers[i].Bulk(b, 1+rng.IntN(60), false)
				}
				sees[i].take(t, b)
			}
			if n%20 == 19 {
				for i, o := range peers {
					sees[i].take(t, drain(o))
					compare(t, seed, sees[i], wants[i], on)
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

func compare(t *testing.T, seed uint64, sees mirror, wants map[string]map[uint32]wish, on bool) {
	t.Helper()
	for p, paths := range wants {
		want, good := 0, false
		med, has := sees[p]
		for _, w := range paths {
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

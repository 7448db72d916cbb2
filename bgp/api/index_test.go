package api

import (
	"encoding/hex"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
)

func TestIndex(t *testing.T) {
	for want, n := range map[string]nlri.Raw{
		"000101180A0000":         {Family: bgp.IPv4Unicast, Body: []byte{24, 10, 0, 0}},
		"00010100000007180A0000": {Family: bgp.IPv4Unicast, HasPath: true, PathID: 7, Body: []byte{24, 10, 0, 0}},
		"00010100":               {Family: bgp.IPv4Unicast, Body: []byte{0}},
		"00018504011" + "00A01":  {Family: bgp.IPv4Flow, Body: []byte{4, 1, 16, 10, 1}},
	} {
		got := Index(n)
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
		ns, err := Indexed(got)
		if err != nil || !slices.ContainsFunc(ns, func(m nlri.Raw) bool { return cmp.Equal(m, n) }) {
			t.Errorf("%s: %v %v", got, ns, err)
		}
	}
}

func TestIndexErrors(t *testing.T) {
	for index, want := range map[string]string{
		"zz":             `index: want AFI, SAFI and NLRI in hexadecimal, got "zz"`,
		"000101":         `index: want AFI, SAFI and NLRI in hexadecimal, got "000101"`,
		"00630118":       `index: want a family's AFI and SAFI, got "006301"`,
		"000101210A0000": `index: want an NLRI of ipv4 unicast, got "210A0000"`,
	} {
		if _, err := Indexed(index); err == nil || err.Error() != want {
			t.Errorf("%s: %v", index, err)
		}
	}
}

func FuzzIndexed(f *testing.F) {
	f.Add([]byte{0, 1, 1, 24, 10, 0, 0})
	f.Add([]byte{0, 1, 133, 4, 1, 16, 10, 1})
	f.Fuzz(func(t *testing.T, octets []byte) { // digits would mostly be none after a mutation
		index := hex.EncodeToString(octets)
		ns, _ := Indexed(index)
		for _, n := range ns {
			again, err := Indexed(Index(n))
			if err != nil || !slices.ContainsFunc(again, func(m nlri.Raw) bool { return cmp.Equal(m, n) }) {
				t.Errorf("%s: %+v became %+v, %v", index, n, again, err)
			}
		}
	})
}

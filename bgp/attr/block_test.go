package attr

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzBlock checks that any octets are judged the same whether they are kept or
// not, that what is kept can be told, and that a good block that is sent again
// is received as the same set.
func FuzzBlock(f *testing.F) {
	for _, s := range []string{
		"40010100 4002060201 0000fde9 400304c0000209 80040400000064 400504000000c8 400600 c00708 00011170 01020304",
		"c00808 fde80001 ffffff01 800904 01020304 800a08 05060708 01010101 c01008 0002fde800000001 c0200c 000000010000000200000003",
		"4002080203 fde9 5ba0 5ba0 c00706 5ba0 01020304 c0110a 0202 00011170 00011171 c01208 00011170 05060708",
		"c06303 010203 e0640101 f0650001 02 d0660000",
	} {
		f.Add(hexed(f, s), true, true)
		f.Add(hexed(f, s), false, false)
	}
	f.Fuzz(func(t *testing.T, block []byte, asn4, ebgp bool) {
		from := Source{ASN4: asn4, EBGP: ebgp}
		var kept, dropped Block
		var b Builder
		kept.Parse(block, 23, from, &b)
		dropped.Parse(block, 23, from, nil)
		if diff := cmp.Diff(kept.Problems, dropped.Problems, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		s := b.Handle().Value()
		s.AppendText(nil)
		if js := s.AppendJSON(nil); !json.Valid(js) {
			t.Fatalf("%x gives bad JSON %s", block, js)
		}
		if len(kept.Problems) > 0 || len(block) > 4096 || !asn4 && !ebgp {
			return // AS4_PATH can't carry what is inside a confederation
		}
		again := s.AppendRange(nil, &Export{LocalAS: 65000, EBGP: ebgp, ASN4: asn4}, 0, 255)
		var back Builder
		if v, ok := s.value(NextHop); ok {
			back.Put(NextHop, Transitive, []byte(v))
		}
		kept.Parse(again, 23, from, &back)
		if len(kept.Problems) > 0 {
			t.Fatalf("%x sent as %x: %v", block, again, kept.Problems)
		}
		got := back.Handle().Value()
		for a := range s.All() {
			if v, ok := got.Get(a.Code); !ok || v.Value != a.Value {
				t.Fatalf("%x: attribute %d was %x, is %x", block, a.Code, a.Value, v.Value)
			}
		}
	})
}

func TestTableIsWhole(t *testing.T) {
	for code := range table {
		r := &table[code]
		if r.name == "" {
			if r.check != nil || r.text != nil || r.json != nil {
				t.Errorf("attribute %d has no name", code)
			}
			continue
		}
		if r.bad == None {
			t.Errorf("%s: wants a disposition", r.name)
		}
		if r.text == nil && r.words == nil && r.json != nil && code != LinkState {
			t.Errorf("%s: has JSON and nothing to say it with", r.name)
		}
		if r.flags&Optional == 0 && r.flags&Transitive == 0 {
			t.Errorf("%s: well-known attributes are transitive", r.name)
		}
	}
}

// TestProblemsAreBounded sends more bad attributes than anybody reads.
func TestProblemsAreBounded(t *testing.T) {
	var k Block
	k.Parse(hexed(t, strings.Repeat("400601 00", 500)+"000b00"), 23, Source{}, nil)
	if len(k.Problems) > maxProblems {
		t.Errorf("%d problems", len(k.Problems))
	}
	if p := k.Gravest(); p.Disposition != Reset || p.Subcode != UnrecognisedWellKnown {
		t.Errorf("gravest is %v", p)
	}
}

// TestLongPath has AS numbers of two octets, of which fewer fit an attribute
// when they get four: what is kept must be a path.
func TestLongPath(t *testing.T) {
	segment := func(n, size int) []byte {
		b := []byte{ASSequence, byte(n)}
		for range n {
			b = append(append(b, make([]byte, size-2)...), 0xfd, 0xe9)
		}
		return b
	}
	attribute := func(code, flags byte, v []byte) []byte {
		return append([]byte{flags | Extended, code, byte(len(v) >> 8), byte(len(v))}, v...)
	}
	for _, c := range []struct {
		segments, as4 int // of 255 AS numbers, and of one
		problems      int
		hops          int // of what is kept
	}{
		{63, 1, 0, 63 * 255},
		{65, 1, 1, 0},
		{126, 1, 1, 0},
		{60, 4000, 0, 60 * 255}, // together they are too long
		{20, 4000, 0, 20 * 255},
	} {
		block := attribute(ASPath, Transitive, bytes.Repeat(segment(255, 2), c.segments))
		block = append(block, attribute(AS4Path, Optional|Transitive, bytes.Repeat(segment(1, 4), c.as4))...)
		var k Block
		var b Builder
		k.Parse(block, 23, Source{EBGP: true}, &b)
		if len(k.Problems) != c.problems {
			t.Errorf("%d segments: problems %v", c.segments, k.Problems)
		}
		v, _ := b.Handle().Value().value(ASPath)
		if f := checkASPath([]byte(v), Source{ASN4: true}); f != nil || hops([]byte(v)) != c.hops {
			t.Errorf("%d segments and %d of AS4_PATH: %d hops, %v", c.segments, c.as4, hops([]byte(v)), f)
		}
	}
}

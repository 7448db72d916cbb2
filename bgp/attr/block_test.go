package attr

import (
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

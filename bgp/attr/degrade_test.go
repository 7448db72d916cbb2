package attr

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDegraded(t *testing.T) {
	everything := Degrade{SetMED: true, MED: 500, Prepend: 2, Communities: "\xfd\xe8\x00\x01", Graceful: true}
	fill := strings.Repeat("00000001", 254)
	tests := []struct {
		name string
		set  []string
		d    Degrade
		e    Export
		want string
	}{
		{"as it is", []string{"0480 00000001"}, Degrade{}, ebgp, "40010100 4002060201 0000fde8 80040400000001"},
		{"med set", nil, Degrade{SetMED: true, MED: 500}, ebgp, "40010100 4002060201 0000fde8 800404000001f4"},
		{"med replaced, also by 0", []string{"0480 00000001"}, Degrade{SetMED: true}, ibgp, "40010100 400200 80040400000000 40050400000064"},
		{"no path of its own", nil, Degrade{Prepend: 2}, ebgp, "40010100 40020e0203 0000fde8 0000fde8 0000fde8"},
		{"before a written path", []string{"0240 0201 00000007"}, Degrade{Prepend: 2}, ebgp, "40010100 40020e0203 0000fde8 0000fde8 00000007"},
		{"before a written empty path", []string{"0240"}, Degrade{Prepend: 1}, ebgp, "40010100 4002060201 0000fde8"},
		{"before a set", []string{"0240 0101 00000007"}, Degrade{Prepend: 1}, ebgp, "40010100 40020c 0201 0000fde8 0101 00000007"},
		{"a segment that is full", []string{"0240 02fe" + fill}, Degrade{Prepend: 2}, Export{LocalAS: 1, EBGP: true, ASN4: true},
			"40010100 50020404 0202 00000001 00000001 02fe" + fill},
		{"256 in two segments", nil, Degrade{Prepend: 255}, Export{LocalAS: 1, EBGP: true, ASN4: true},
			"40010100 50020404 02ff" + fill + "00000001 0201 00000001"},
		{"not inside the AS", nil, Degrade{Prepend: 2}, ibgp, "40010100 400200 40050400000064"},
		{"two octets", nil, Degrade{Prepend: 1}, oldBig, "40010100 4002060202 5ba0 5ba0 c0110a 0202 00011170 00011170"},
		{"communities in order, each once", []string{"08c0 fde80002 ffff0000"}, everything, ebgp,
			"40010100 40020e0203 0000fde8 0000fde8 0000fde8 800404000001f4 c0080c fde80001 fde80002 ffff0000"},
		{"graceful inside the AS", []string{"0540 000000c8"}, Degrade{Graceful: true}, ibgp,
			"40010100 400200 40050400000000 c00804ffff0000"},
		{"graceful to another AS", []string{"0540 000000c8"}, Degrade{Graceful: true}, ebgp, "40010100 4002060201 0000fde8 c00804ffff0000"},
	}
	for _, tt := range tests {
		s := setOf(t, tt.set...)
		got := hex.EncodeToString(s.Degraded(&tt.d, &tt.e).AppendRange(nil, &tt.e, 0, 255))
		if diff := cmp.Diff(strings.ReplaceAll(tt.want, " ", ""), got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
		if (tt.d == Degrade{}) && testing.AllocsPerRun(10, func() { s.Degraded(&tt.d, &tt.e) }) > 0 {
			t.Errorf("%s: it costs memory", tt.name)
		}
	}
}

func TestDegradedTooLongForAnAttribute(t *testing.T) {
	full := strings.Repeat("\x00\x00\x00\x01", valueMax/4)
	var b Builder
	b.Put(Community, Optional|Transitive, []byte(full))
	d := Degrade{Graceful: true}
	if a, _ := b.Set().Degraded(&d, &ebgp).Get(Community); a.Value != full {
		t.Errorf("%d octets of communities", len(a.Value))
	}
	d = Degrade{Communities: full + full}
	if a, there := (Set{}).Degraded(&d, &ebgp).Get(Community); there && len(a.Value) != 4 {
		t.Errorf("%d octets of communities", len(a.Value))
	}
}

func TestDegradeText(t *testing.T) {
	for _, c := range []struct {
		d    Degrade
		want string
	}{
		{Degrade{}, ""},
		{Degrade{Graceful: true}, "graceful-shutdown"},
		{Degrade{SetMED: true, MED: 500, Prepend: 3, Communities: "\xfd\xe8\x00\x01"}, "med 500 prepend 3 community [ 65000:1 ]"},
	} {
		if got := c.d.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// FuzzDegraded degrades what an operator may write, octets of attributes among it:
// what comes of it is read again as a set that is degraded as it was to be.
func FuzzDegraded(f *testing.F) {
	f.Add([]byte("\x40\x02\x06\x02\x01\x00\x00\x00\x07\xc0\x08\x04\xff\xff\x00\x00"), uint8(3), true)
	f.Add([]byte("\x40\x02\x02\x02\xff"), uint8(255), false)
	f.Fuzz(func(t *testing.T, block []byte, prepend uint8, external bool) {
		var k Block
		var b Builder
		k.Parse(block, 0, Source{ASN4: true, Own: true}, &b)
		e := Export{LocalAS: 65000, EBGP: external, ASN4: true}
		d := Degrade{SetMED: true, MED: 5, Prepend: prepend, Communities: "\xfd\xe8\x00\x01", Graceful: true}
		own := b.Set()
		got := own.Degraded(&d, &e)
		if again := got.AppendRange(nil, &e, 0, 255); len(k.Problems) == 0 {
			if k.Parse(again, 0, Source{ASN4: true, Own: true}, &Builder{}); len(k.Problems) > 0 && k.Gravest().Disposition >= Withdraw {
				t.Errorf("%x becomes %x: %s", own.canon, again, k.Gravest().Reason)
			}
		}
		if a, _ := got.Get(MED); a.Value != "\x00\x00\x00\x05" {
			t.Errorf("MED %x", a.Value)
		}
		if p, _ := got.Get(LocalPref); !external && p.Value != "\x00\x00\x00\x00" {
			t.Errorf("LOCAL_PREF %x", p.Value)
		}
		was, _ := own.Get(ASPath)
		now, _ := got.Get(ASPath)
		if want := now.Value == was.Value; external != !want && prepend > 0 {
			t.Errorf("AS_PATH %x becomes %x", was.Value, now.Value)
		}
	})
}

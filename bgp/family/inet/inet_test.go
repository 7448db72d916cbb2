package inet

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

func TestText(t *testing.T) {
	tests := []struct {
		text, wire, back, wrong string
		family                  bgp.Family
	}{
		{text: "10.0.0.0/24", wire: "180a0000", family: bgp.IPv4Unicast},
		{text: "10.1.2.3", wire: "200a010203", back: "10.1.2.3/32", family: bgp.IPv4Unicast},
		{text: "0.0.0.0/0", wire: "00", family: bgp.IPv4Unicast},
		{text: "128.0.0.0/1", wire: "0180", family: bgp.IPv4Unicast},
		{text: "2001:db8::/32", wire: "2020010db8", family: bgp.IPv6Unicast},
		{text: "::/0", wire: "00", family: bgp.IPv6Unicast},
		{text: "::1", wire: "8000000000000000000000000000000001", back: "::1/128", family: bgp.IPv6Unicast},
		{text: "10.0.0.1/24", wrong: "10.0.0.1/24 has bits set beyond its length, want 10.0.0.0/24"},
		{text: "10.0.0.0/33", wrong: `want a prefix like 192.0.2.0/24 or 2001:db8::/32, got "10.0.0.0/33"`},
		{text: "fe80::1%eth0", wrong: `want a prefix like 192.0.2.0/24 or 2001:db8::/32, got "fe80::1%eth0"`},
		{text: "", wrong: `want a prefix like 192.0.2.0/24 or 2001:db8::/32, got ""`},
	}
	for _, tt := range tests {
		b, f, err := said(tt.text)
		if tt.wrong != "" {
			if err == nil || err.Error() != tt.wrong {
				t.Errorf("%s: got %v, want %s", tt.text, err, tt.wrong)
			}
			continue
		}
		if err != nil || hex.EncodeToString(b) != tt.wire || f != tt.family {
			t.Errorf("%s: got %x %v %v, want %s %v", tt.text, b, f, err, tt.wire, tt.family)
			continue
		}
		back := tt.back
		if back == "" {
			back = tt.text
		}
		v := View(nlri.Raw{Family: f, Body: b})
		if got := string(v.AppendText(nil)); got != back {
			t.Errorf("%s: back as %s", tt.text, got)
		}
	}
}

func TestPath(t *testing.T) {
	v := View(nlri.Raw{Family: bgp.IPv4Unicast, HasPath: true, PathID: 0x01020304, Body: []byte{8, 10}})
	if diff := cmp.Diff("10.0.0.0/8 path-information 1.2.3.4", string(v.AppendText(nil))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`{ "nlri": "10.0.0.0/8", "path-information": "1.2.3.4" }`, string(v.AppendJSON(nil, nil))); diff != "" {
		t.Error(diff)
	}
	if got := string(v.Raw().AppendWire(nil, true)); got != "\x01\x02\x03\x04\x08\x0a" {
		t.Errorf("wire %x", got)
	}
	for s, want := range map[string]uint32{"10": 10, "0.0.0.10": 10, "4294967295": 1<<32 - 1} {
		if got, ok := nlri.ParsePath(s); got != want || !ok {
			t.Errorf("%s: got %d %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "-1", "4294967296", "::1", "1.2.3"} {
		if got, ok := nlri.ParsePath(s); ok {
			t.Errorf("%q: got %d", s, got)
		}
	}
}

func TestNext(t *testing.T) {
	tests := []struct {
		name, in string
		codec    nlri.Codec
		want     []string
		wrong    string
	}{
		{name: "three", in: "180a0000 00 200a010203", codec: IPv4, want: []string{"180a0000", "00", "200a010203"}},
		{name: "host bits", in: "0cacff 0980ff", codec: IPv4, want: []string{"0cacf0", "098080"}},
		{name: "too long", in: "080a 210a00000000", codec: IPv4, want: []string{"080a"},
			wrong: "prefix length 33, want at most 32"},
		{name: "cut", in: "080a 200a0000", codec: IPv4, want: []string{"080a"},
			wrong: "a prefix of 32 bits wants 4 octets, 3 left"},
		{name: "IPv6", in: "2020010db8 00", codec: IPv6, want: []string{"2020010db8", "00"}},
		{name: "IPv6 too long", in: "8100", codec: IPv6, wrong: "prefix length 129, want at most 128"},
	}
	for _, tt := range tests {
		in, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(tt.in), []byte(" "), nil)))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for len(in) > 0 {
			var body []byte
			var n int
			if body, n, err = tt.codec.Next(in); err != nil {
				break
			}
			got, in = append(got, hex.EncodeToString(body)), in[n:]
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
		if text := errText(err); text != tt.wrong {
			t.Errorf("%s: %q, want %q", tt.name, text, tt.wrong)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// FuzzNext checks that what is read is canonical, and the same when it is
// written as text or bytes and read again.
// said is the NLRI of a prefix in words.
func said(s string) ([]byte, bgp.Family, error) {
	p, err := grammar.ParsePrefix(s)
	if err != nil {
		return nil, 0, err
	}
	return AppendPrefix(nil, p), Family(p), nil
}

func FuzzNext(f *testing.F) {
	f.Add([]byte("\x18\x0a\x00\x00"), false)
	f.Add([]byte("\x0c\xac\xff"), false)
	f.Add([]byte("\x20\x20\x01\x0d\xb8"), true)
	f.Fuzz(func(t *testing.T, in []byte, six bool) {
		c := IPv4
		if six {
			c = IPv6
		}
		for len(in) > 0 {
			body, n, err := c.Next(in)
			if err != nil {
				return
			}
			in = in[n:]
			v := c.View(nlri.Raw{Family: c.Family, Body: body})
			if got := v.Raw().Body; !bytes.Equal(got, body) {
				t.Fatalf("%x became %x", body, got)
			}
			text, fam, err := said(string(v.AppendText(nil)))
			if err != nil || fam != c.Family || !bytes.Equal(text, body) {
				t.Fatalf("%s: %x %v %v, want %x", v.AppendText(nil), text, fam, err, body)
			}
		}
	})
}

func TestNextDoesNotAllocate(t *testing.T) {
	in := []byte("\x18\x0a\x00\x00\x10\x0a\x00")
	if n := testing.AllocsPerRun(100, func() {
		for left := in; len(left) > 0; {
			_, n, err := next4(left)
			if err != nil {
				t.Fatal(err)
			}
			left = left[n:]
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

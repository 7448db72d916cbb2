package api

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

// body is what netip makes of a prefix; nil when it is none, or not canonical.
func body(s string) []byte {
	p, err := netip.ParsePrefix(s)
	if !strings.Contains(s, "/") {
		var a netip.Addr
		if a, err = netip.ParseAddr(s); err == nil {
			p = netip.PrefixFrom(a, a.BitLen())
		}
	}
	if err != nil || p != p.Masked() || p.Addr().Zone() != "" {
		return nil
	}
	return append([]byte{byte(p.Bits())}, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
}

func short(s string) []byte {
	if b, n := appendPrefix4(nil, []byte(s)); n == len(s) && n > 0 {
		return b
	}
	if b, n := appendPrefix6(nil, []byte(s)); n == len(s) && n > 0 {
		return b
	}
	return nil
}

func TestPrefixIsAsNetipReadsIt(t *testing.T) {
	for _, s := range []string{
		"10.1.2.3/32", "10.1.2.3", "0.0.0.0/0", "10.0.0.0/8", "10.128.0.0/9", "255.255.255.255/32",
		"::/0", "::", "::1", "2001:db8::/32", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "fe80::1/128",
		"ABCD:ef01::/33", "1::8",
	} {
		want := body(s)
		if got := short(s); want == nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got % x, want % x", s, got, want)
		}
	}
}

func TestWhatIsNotCanonicalIsForTheGrammar(t *testing.T) {
	for _, s := range []string{
		"", "10.1.2", "10.1.2.3.4", "10.1.2.256", "010.1.2.3", "10.1.2.3/33", "10.1.2.3/", "10.1.2.3/24", "10.1.2.3/032",
		":", ":::", "1:2", "1:2:3:4::5:6:7:8", "1::2::3", "12345::", "::g", "2001:db8::1/32", "::/129", "1:2:3:4:5:6:7:8:9", ":1::",
		"::ffff:1.2.3.4", "fe80::1%eth0",
	} {
		if got := short(s); got != nil {
			t.Errorf("%s: got % x, want nothing", s, got)
		}
	}
}

func FuzzPrefix(f *testing.F) {
	f.Add("10.1.2.0/24")
	f.Add("2001:db8::/32")
	f.Add("1:2:3:4:5:6:7::")
	f.Fuzz(func(t *testing.T, s string) {
		if got := short(s); got != nil && !bytes.Equal(got, body(s)) {
			t.Errorf("%q: got % x, want % x", s, got, body(s))
		}
	})
}

package label

import (
	"bytes"
	"testing"

	"holdfast/bgp/nlri"
	"holdfast/bgp/nlri/nlritest"
)

func TestForms(t *testing.T) {
	nlritest.Run(t, &IPv4, []nlritest.Case{
		{Wire: "30 003e81 0a0000", Text: "10.0.0.0/24 label 1000", JSON: `{"nlri": "10.0.0.0/24", "label": [[1000, 16001]]}`},
		{Wire: "48 000640 003e81 0a0000", Text: "10.0.0.0/24 label [ 100 1000 ]", JSON: `{"nlri": "10.0.0.0/24", "label": [[100, 1600], [1000, 16001]]}`},
		{Wire: "30 003e80 0a0000", Text: "10.0.0.0/24 label 1000", JSON: `{"nlri": "10.0.0.0/24", "label": [[1000, 16000]]}`},
		{Wire: "30 800000 0a0000", Text: "10.0.0.0/24", JSON: `{"nlri": "10.0.0.0/24", "label": [[524288, 8388608]]}`},
	})
	nlritest.Run(t, &IPv6, []nlritest.Case{
		{Wire: "38 000031 20010db8", Text: "2001:db8::/32 label 3", JSON: `{"nlri": "2001:db8::/32", "label": [[3, 49]]}`},
	})
	nlritest.NoAllocations(t, &IPv4, "30 003e81 0a0000")
}

func TestWrong(t *testing.T) {
	for in, want := range map[string]string{
		"":                                     "want labels and a prefix, got nothing",
		"\x30\x00\x3e":                         "an NLRI of 48 bits wants 6 octets, 2 left",
		"\x10\x00\x3e":                         "16 bits, which is less than a label and 0 octets",
		"\x39\x00\x3e\x81\x0a\x00\x00\x00\x00": "prefix length 33, want at most 32",
	} {
		if _, _, err := IPv4.Next([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%x: got %v, want %s", in, err, want)
		}
	}
}

func TestKey(t *testing.T) {
	a := Key(nil, []byte("\x30\x00\x3e\x81\x0a\x00\x00"))
	b := Key(nil, []byte("\x48\x00\x06\x40\x00\x3e\x81\x0a\x00\x00"))
	if !bytes.Equal(a, b) || !bytes.Equal(a, []byte("\x18\x0a\x00\x00")) {
		t.Errorf("%x and %x: want the prefix", a, b)
	}
}

func FuzzNext(f *testing.F) {
	nlritest.Fuzz(f, []*nlri.Codec{&IPv4, &IPv6}, "30003e810a0000", "48000640003e810a0000", "308000000a0000", "41303030303030000030", "30003e800a0000", "3a003e810a0000ff")
}

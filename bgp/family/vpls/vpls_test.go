package vpls

import (
	"testing"

	"holdfast/bgp/nlri"
	"holdfast/bgp/nlri/nlritest"
)

const block = "0011 0001c0000201007b 0005 0001 0008 029ce1"

func TestForms(t *testing.T) {
	nlritest.Run(t, &Codec, []nlritest.Case{
		{Wire: block, Text: "rd 192.0.2.1:123 endpoint 5 base 10702 offset 1 size 8",
			Said: "endpoint 5 base 10702 offset 1 size 8 route-distinguisher 192.0.2.1:123",
			JSON: `{"rd": "192.0.2.1:123", "endpoint": 5, "base": 10702, "offset": 1, "size": 8}`},
		{Wire: "0011 0000fde800000001 ffff ffff 0001 ffffff", Text: "rd 65000:1 endpoint 65535 base 1048575 offset 65535 size 1 low-bits 15",
			JSON: `{"rd": "65000:1", "endpoint": 65535, "base": 1048575, "offset": 65535, "size": 1}`},
		{Wire: "000c 0000fde800000001 00050000", Text: "octets 0x0000FDE80000000100050000",
			JSON: `{"parsed": false, "raw": "000C0000FDE80000000100050000"}`},
	})
	nlritest.Wrong(t, &Codec, map[string]string{
		"endpoint 5": "want rd, endpoint, base, offset and size",
		"rd 1:1 endpoint 1 offset 1 size 9 base 1048570": "base: want labels up to 1048575, got 1048570 and 9 more",
		"endpoint 65536": `want a number 0-65535, got "65536"`,
		"octets 0x":      "want 1-65535 octets",
	})
}

func TestKey(t *testing.T) {
	nlritest.NoAllocations(t, &Codec, block)
	a, err := nlritest.Say(&Codec, "rd 1:1 endpoint 5 base 100 offset 1 size 8")
	b, err2 := nlritest.Say(&Codec, "rd 1:1 endpoint 5 base 200 offset 1 size 8")
	if err != nil || err2 != nil || string(key(nil, a)) != string(key(nil, b)) {
		t.Errorf("two bases make two routes: %v %v", err, err2)
	}
}

func FuzzNext(f *testing.F) {
	nlritest.Fuzz(f, []*nlri.Codec{&Codec}, block, "0001ff", "000c0000fde80000000100050000")
}

package vpn

import (
	"testing"

	"holdfast/bgp/nlri"
	"holdfast/bgp/nlri/nlritest"
)

const ten = "70 003e81 0000fde800000001 0a0000"

func TestForms(t *testing.T) {
	nlritest.Run(t, &IPv4, []nlritest.Case{
		{Wire: ten, Text: "10.0.0.0/24 rd 65000:1 label 1000", JSON: `{"nlri": "10.0.0.0/24", "label": [[1000, 16001]], "rd": "65000:1"}`},
		{Wire: "58 000031 0001c00002010007", Text: "0.0.0.0/0 rd 192.0.2.1:7 label 3", JSON: `{"nlri": "0.0.0.0/0", "label": [[3, 49]], "rd": "192.0.2.1:7"}`},
		{Wire: "58 000031 0002000111700007", Text: "0.0.0.0/0 rd 70000:7 label 3", JSON: `{"nlri": "0.0.0.0/0", "label": [[3, 49]], "rd": "70000:7"}`},
		{Wire: "58 000031 0002000000010007", Text: "0.0.0.0/0 rd 1L:7 label 3", JSON: `{"nlri": "0.0.0.0/0", "label": [[3, 49]], "rd": "1:7"}`},
		{Wire: "58 000031 0009000000010007", Text: "0.0.0.0/0 rd 0x0009000000010007 label 3", JSON: `{"nlri": "0.0.0.0/0", "label": [[3, 49]], "rd": "0x0009000000010007"}`},
	})
	nlritest.Run(t, &IPv6, []nlritest.Case{
		{Wire: "78 000031 0000fde800000001 20010db8", Text: "2001:db8::/32 rd 65000:1 label 3", JSON: `{"nlri": "2001:db8::/32", "label": [[3, 49]], "rd": "65000:1"}`},
	})
	nlritest.NoAllocations(t, &IPv4, ten)
}

func TestWrong(t *testing.T) {
	for in, want := range map[string]string{
		"\x20\x00\x00\x31\x0a": "32 bits, which is less than a label and 8 octets",
	} {
		if _, _, err := IPv4.Next([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%x: got %v, want %s", in, err, want)
		}
	}
}

func FuzzNext(f *testing.F) {
	nlritest.Fuzz(f, []*nlri.Codec{&IPv4, &IPv6}, "70003e810000fde8000000010a0000", "580000310001c00002010007", "200000310a")
}

package srpolicy

import (
	"testing"

	"holdfast/bgp/nlri"
	"holdfast/bgp/nlri/nlritest"
)

const policy = "60 00000001 00000064 c0000201"

func TestForms(t *testing.T) {
	nlritest.Run(t, &IPv4, []nlritest.Case{
		{Wire: policy, Text: "distinguisher 1 color 100 endpoint 192.0.2.1", JSON: `{"distinguisher": 1, "color": 100, "endpoint": "192.0.2.1"}`}})
	nlritest.Run(t, &IPv6, []nlritest.Case{
		{Wire: "c0 00000001 00000064 20010db8000000000000000000000001", Text: "distinguisher 1 color 100 endpoint 2001:db8::1",
			JSON: `{"distinguisher": 1, "color": 100, "endpoint": "2001:db8::1"}`}})
	nlritest.Wrong(t, &IPv4, map[string]string{
		"color 100":    "want distinguisher, color and endpoint",
		"endpoint ::1": `want an address of ipv4 sr-policy, got "::1"`,
	})
	nlritest.NoAllocations(t, &IPv4, policy)
}

func FuzzNext(f *testing.F) {
	nlritest.Fuzz(f, []*nlri.Codec{&IPv4, &IPv6}, policy, "c0000000010000006420010db8000000000000000000000001")
}

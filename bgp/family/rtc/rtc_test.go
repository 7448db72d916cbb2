package rtc

import (
	"testing"

	"holdfast/bgp/nlri"
	"holdfast/bgp/nlri/nlritest"
)

func TestForms(t *testing.T) {
	nlritest.Run(t, &Codec, []nlritest.Case{
		{Wire: "60 0000fde8 0002fde800000064", Text: "origin-as 65000 target target:65000:100", Said: "origin-as 65000 target 65000:100",
			JSON: `{"origin": 65000, "route-target": "target:65000:100", "length": 96}`},
		{Wire: "60 00000001 0102c00002010007", Text: "origin-as 1 target target:192.0.2.1:7",
			JSON: `{"origin": 1, "route-target": "target:192.0.2.1:7", "length": 96}`},
		{Wire: "20 00011170", Text: "origin-as 70000", JSON: `{"origin": 70000, "length": 32}`},
		{Wire: "30 0000fde8 0002", Text: "origin-as 65000 target 0x0002000000000000 length 48",
			JSON: `{"origin": 65000, "route-target": "target:0:0", "length": 48}`},
		{Wire: "00", Text: "default", JSON: `{"length": 0}`},
	})
	nlritest.Wrong(t, &Codec, map[string]string{
		"target 65000:1":            "want origin-as and target, or default",
		"default origin-as 1":       "default: want no origin-as or target with it",
		"origin-as 65000 length 97": `want a number 0-96, got "97"`,
	})
	nlritest.NoAllocations(t, &Codec, "60 0000fde8 0002fde800000064")
}

func FuzzNext(f *testing.F) {
	nlritest.Fuzz(f, []*nlri.Codec{&Codec}, "600000fde80002fde800000064", "00", "2000011170", "300000fde80002", "17ffffff")
}

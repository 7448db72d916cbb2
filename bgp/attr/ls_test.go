package attr

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLinkState has one TLV of each kind, and what becomes of one that is wrong.
func TestLinkState(t *testing.T) {
	for _, c := range []struct{ wire, json string }{
		{"0102 0008 00000172 000001bb", `{"link-local-remote-identifiers": {"local-id": 370, "remote-id": 443}}`},
		{"0400 0001 a1", `{"node-flags": {"O": 1, "T": 0, "E": 1, "B": 0, "R": 0, "V": 0, "RSV": 1}}`},
		{"0400 0000", `{"generic-lsid-1024": ["0x"]}`},
		{"0402 0003 612262", `{"node-name": "a\"b"}`},
		{"0403 0003 490001 0403 0003 490002", `{"area-ids": ["4784129", "4784130"]}`},
		{"0404 0004 c0000201 0405 0010 20010db8000000000000000000000001", `{"local-router-ids": ["192.0.2.1", "2001:db8::1"]}`},
		{"040a 000c 8000 001f40 0489 0003 003e80", `{"sr-capabilities": [{"flags": {"I": 1, "V": 0, "RSV": 0}, "ranges": [{"range": 8000, "sid": 16000}]}]}`},
		{"040b 0002 0001", `{"sr-algorithms": [0, 1]}`},
		{"040e 0004 40000000", `{"srv6-capabilities": [{"flags": {"O": 1, "RSV": 0}}]}`},
		{"0440 0004 0000000f 0444 0004 0000000a", `{"admin-group-mask": 15, "te-metric": 10}`},
		{"0441 0004 4cee6b28 0442 0004 7fc00000", `{"maximum-link-bandwidth": 125000000, "generic-lsid-1090": ["0x7FC00000"]}`},
		{"0443 0020" + strings.Repeat("3f800000", 8), `{"unreserved-bandwidth": [1, 1, 1, 1, 1, 1, 1, 1]}`},
		{"0445 0002 0200", `{"link-protection-flags": {"ExtraTraffic": 0, "Unprotected": 1, "Shared": 0, "Dedicated1:1": 0, "Dedicated1+1": 0, "Enhanced": 0, "RSV": 0}}`},
		{"0446 0001 80", `{"mpls-mask": {"LDP": 1, "RSVP-TE": 0, "RSV": 0}}`},
		{"0447 0001 ff", `{"igp-metric": 63}`},
		{"0447 0003 001388", `{"igp-metric": 5000}`},
		{"0448 0008 00000001 00000002", `{"shared-risk-link-groups": [1, 2]}`},
		{"0449 0002 abcd 044a 0001 78", `{"opaque-link": ["0xABCD"], "link-name": "x"}`},
		{"044b 0007 30 01 0000 003e80", `{"sr-adj": [{"flags": {"F": 0, "B": 0, "V": 1, "L": 1, "S": 0, "P": 0, "RSV": 0}, "weight": 1, "sids": [16000]}]}`},
		{"044c 000e 30 01 0000 000000000014 00003e80", `{"sr-adj-lan": [{"flags": {"F": 0, "B": 0, "V": 1, "L": 1, "S": 0, "P": 0, "RSV": 0}, "weight": 1, "system-id": "000000000014", "sids": [16000]}]}`},
		{"0452 001e 0039 80 00 00 00 20010db8000000000000000000000001 04e4 0004 20101040",
			`{"srv6-endx": [{"flags": {"B": 1, "S": 0, "P": 0, "RSV": 0}, "behavior": 57, "algorithm": 0, "weight": 0, "sid": "2001:db8::1", "srv6-sid-structure": {"loc_block_len": 32, "loc_node_len": 16, "func_len": 16, "arg_len": 64}}]}`},
		{"0454 001a 0039 00 80 02 00 c0000201 20010db8000000000000000000000001",
			`{"srv6-lan-endx-ospf": [{"flags": {"B": 0, "S": 0, "P": 0, "RSV": 0}, "neighbor-id": "c0000201", "behavior": 57, "algorithm": 128, "weight": 2, "sid": "2001:db8::1"}]}`},
		{"045a 0004 8000000a 045b 0008 0000000a 0000000b 045c 0004 00000003",
			`{"unidirectional-link-delay": {"anomalous": true, "value": 10}, "min-max-unidirectional-link-delay": {"anomalous": false, "min": 10, "max": 11}, "unidirectional-delay-variation": 3}`},
		{"0480 0001 40 0481 0004 00000005 0482 0008 0000000000000006", `{"igp-flags": {"D": 0, "N": 1, "L": 0, "P": 0, "RSV": 0}, "igp-route-tags": [5], "igp-extended-route-tags": [6]}`},
		{"0483 0004 00000064 0484 0004 c0000201", `{"prefix-metric": 100, "ospf-forwarding-address": "192.0.2.1"}`},
		{"0486 0008 40 00 0000 00000007", `{"sr-prefix-sid": [{"flags": {"R": 0, "N": 1, "P": 0, "E": 0, "V": 0, "L": 0, "RSV": 0}, "algorithm": 0, "sid": 7}]}`},
		{"048a 0008 80 00 0000 0000000a", `{"srv6-locator": [{"flags": {"D": 1, "A": 0, "RSV": 0}, "algorithm": 0, "metric": 10}]}`},
		{"0492 0001 20 0493 0004 c0000201", `{"sr-prefix-attribute-flags": {"X": 0, "R": 0, "N": 1, "RSV": 0}, "source-router-id": "192.0.2.1"}`},
		{"04e2 0004 0039 00 80 04e4 0004 20101000", `{"srv6-endpoint-behavior": {"endpoint-behavior": 57, "flags": 0, "algorithm": 128}, "srv6-sid-structure": {"loc_block_len": 32, "loc_node_len": 16, "func_len": 16, "arg_len": 0}}`},
		{"0999 0001 01 0999 0001 02", `{"generic-lsid-2457": ["0x01", "0x02"]}`},
	} {
		v, err := hex.DecodeString(strings.ReplaceAll(c.wire, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", c.wire, err)
		}
		if f := checkLS(v, Source{}); f != nil {
			t.Errorf("%s: %s", c.wire, f.reason)
			continue
		}
		var got, want any
		if err := json.Unmarshal(jsonLS(nil, string(v)), &got); err != nil {
			t.Errorf("%s: %v", c.wire, err)
		}
		if err := json.Unmarshal([]byte(c.json), &want); err != nil {
			t.Fatalf("%s: %v", c.json, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.wire, diff)
		}
	}
	if f := checkLS([]byte{4, 0, 0, 2, 1}, Source{}); f == nil {
		t.Error("a TLV that goes beyond the attribute passed")
	}
}

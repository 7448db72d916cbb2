package attr

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp/grammar"
)

// TestLinkState has one TLV of each kind, and what becomes of one that is wrong.
func TestLinkState(t *testing.T) {
	for _, c := range []struct{ wire, words, json string }{
		{"0102 0008 00000172 000001bb", `link-local-remote-identifiers [ local-id 370 remote-id 443 ]`, `{"link-local-remote-identifiers": {"local-id": 370, "remote-id": 443}}`},
		{"0400 0001 a1", `tlv 1024 0xA1`, `{"node-flags": {"O": 1, "T": 0, "E": 1, "B": 0, "R": 0, "V": 0, "RSV": 1}}`},
		{"0400 0000", `tlv 1024 0x`, `{"generic-lsid-1024": ["0x"]}`},
		{"0402 0003 612262", `tlv 1026 0x612262`, `{"node-name": "a\"b"}`},
		{"0403 0003 490001 0403 0003 490002", `area-ids 49.0001 area-ids 49.0002`, `{"area-ids": ["4784129", "4784130"]}`},
		{"0404 0004 c0000201 0405 0010 20010db8000000000000000000000001", `local-router-ids 192.0.2.1 local-router-ids 2001:db8::1`, `{"local-router-ids": ["192.0.2.1", "2001:db8::1"]}`},
		{"040a 000c 8000 001f40 0489 0003 003e80", `sr-capabilities [ flags [ I ] range 8000 label:16000 ]`, `{"sr-capabilities": [{"flags": {"I": 1, "V": 0, "RSV": 0}, "ranges": [{"range": 8000, "sid": 16000}]}]}`},
		{"040b 0002 0001", `sr-algorithms [ 0 1 ]`, `{"sr-algorithms": [0, 1]}`},
		{"040e 0004 40000000", `srv6-capabilities [ flags [ O ] ]`, `{"srv6-capabilities": [{"flags": {"O": 1, "RSV": 0}}]}`},
		{"0440 0004 0000000f 0444 0004 0000000a", `admin-group-mask 15 te-metric 10`, `{"admin-group-mask": 15, "te-metric": 10}`},
		{"0441 0004 4cee6b28 0442 0004 7fc00000", `maximum-link-bandwidth 125000000 tlv 1090 0x7FC00000`, `{"maximum-link-bandwidth": 125000000, "generic-lsid-1090": ["0x7FC00000"]}`},
		{"0443 0020" + strings.Repeat("3f800000", 8), `unreserved-bandwidth [ 1 1 1 1 1 1 1 1 ]`, `{"unreserved-bandwidth": [1, 1, 1, 1, 1, 1, 1, 1]}`},
		{"0445 0002 0200", `link-protection-flags [ Unprotected ]`, `{"link-protection-flags": {"ExtraTraffic": 0, "Unprotected": 1, "Shared": 0, "Dedicated1:1": 0, "Dedicated1+1": 0, "Enhanced": 0, "RSV": 0}}`},
		{"0446 0001 80", `mpls-mask [ LDP ]`, `{"mpls-mask": {"LDP": 1, "RSVP-TE": 0, "RSV": 0}}`},
		{"0447 0001 ff", `tlv 1095 0xFF`, `{"igp-metric": 63}`},
		{"0447 0003 001388", `igp-metric 5000`, `{"igp-metric": 5000}`},
		{"0448 0008 00000001 00000002", `shared-risk-link-groups [ 1 2 ]`, `{"shared-risk-link-groups": [1, 2]}`},
		{"0449 0002 abcd 044a 0001 78", `opaque-link 0xABCD link-name "x"`, `{"opaque-link": ["0xABCD"], "link-name": "x"}`},
		{"044b 0007 30 01 0000 003e80", `sr-adj [ flags [ V L ] weight 1 sid label:16000 ]`, `{"sr-adj": [{"flags": {"F": 0, "B": 0, "V": 1, "L": 1, "S": 0, "P": 0, "RSV": 0}, "weight": 1, "sids": [16000]}]}`},
		{"044c 000e 30 01 0000 000000000014 00003e80", `sr-adj-lan [ flags [ V L ] weight 1 neighbor 0000.0000.0014 sid index:16000 ]`, `{"sr-adj-lan": [{"flags": {"F": 0, "B": 0, "V": 1, "L": 1, "S": 0, "P": 0, "RSV": 0}, "weight": 1, "system-id": "000000000014", "sids": [16000]}]}`},
		{"0452 001e 0039 80 00 00 00 20010db8000000000000000000000001 04e4 0004 20101040", `srv6-endx [ behavior 57 flags [ B ] algorithm 0 weight 0 sid 2001:db8::1 structure [ 32 16 16 64 ] ]`,
			`{"srv6-endx": [{"flags": {"B": 1, "S": 0, "P": 0, "RSV": 0}, "behavior": 57, "algorithm": 0, "weight": 0, "sid": "2001:db8::1", "srv6-sid-structure": {"loc_block_len": 32, "loc_node_len": 16, "func_len": 16, "arg_len": 64}}]}`},
		{"0454 001a 0039 00 80 02 00 c0000201 20010db8000000000000000000000001", `srv6-lan-endx-ospf [ behavior 57 flags [ ] algorithm 128 weight 2 neighbor-id 192.0.2.1 sid 2001:db8::1 ]`,
			`{"srv6-lan-endx-ospf": [{"flags": {"B": 0, "S": 0, "P": 0, "RSV": 0}, "neighbor-id": "192.0.2.1", "behavior": 57, "algorithm": 128, "weight": 2, "sid": "2001:db8::1"}]}`},
		{"045a 0004 8000000a 045b 0008 0000000a 0000000b 045c 0004 00000003", `unidirectional-link-delay 10 anomalous min-max-unidirectional-link-delay 10 11 unidirectional-delay-variation 3`,
			`{"unidirectional-link-delay": {"anomalous": true, "value": 10}, "min-max-unidirectional-link-delay": {"anomalous": false, "min": 10, "max": 11}, "unidirectional-delay-variation": 3}`},
		{"0480 0001 40 0481 0004 00000005 0482 0008 0000000000000006", `igp-flags [ N ] igp-route-tags [ 5 ] igp-extended-route-tags [ 6 ]`, `{"igp-flags": {"D": 0, "N": 1, "L": 0, "P": 0, "RSV": 0}, "igp-route-tags": [5], "igp-extended-route-tags": [6]}`},
		{"0483 0004 00000064 0484 0004 c0000201", `prefix-metric 100 ospf-forwarding-address 192.0.2.1`, `{"prefix-metric": 100, "ospf-forwarding-address": "192.0.2.1"}`},
		{"0486 0008 40 00 0000 00000007", `sr-prefix-sid [ flags [ N ] algorithm 0 sid index:7 ]`, `{"sr-prefix-sid": [{"flags": {"R": 0, "N": 1, "P": 0, "E": 0, "V": 0, "L": 0, "RSV": 0}, "algorithm": 0, "sid": 7}]}`},
		{"048a 0008 80 00 0000 0000000a", `srv6-locator [ flags [ D ] algorithm 0 metric 10 ]`, `{"srv6-locator": [{"flags": {"D": 1, "A": 0, "RSV": 0}, "algorithm": 0, "metric": 10}]}`},
		{"0492 0001 20 0493 0004 c0000201", `sr-prefix-attribute-flags [ N ] source-router-id 192.0.2.1`, `{"sr-prefix-attribute-flags": {"X": 0, "R": 0, "N": 1, "RSV": 0}, "source-router-id": "192.0.2.1"}`},
		{"04e2 0004 0039 00 80 04e4 0004 20101000", `srv6-endpoint-behavior [ behavior 57 flags 0 algorithm 128 ] srv6-sid-structure [ 32 16 16 0 ]`, `{"srv6-endpoint-behavior": {"endpoint-behavior": 57, "flags": 0, "algorithm": 128}, "srv6-sid-structure": {"loc_block_len": 32, "loc_node_len": 16, "func_len": 16, "arg_len": 0}}`},
		{"0999 0001 01 0999 0001 02", `tlv 2457 0x01 tlv 2457 0x02`, `{"generic-lsid-2457": ["0x01", "0x02"]}`},
		{"044c 000b 60 00 0000 c0a80003 005dc3", `sr-adj-lan [ flags [ B V ] weight 0 neighbor 192.168.0.3 sid label:24003 ]`,
			`{"sr-adj-lan": [{"flags": {"F": 0, "B": 1, "V": 1, "L": 0, "S": 0, "P": 0, "RSV": 0}, "weight": 0, "neighbor-id": "192.168.0.3", "sids": [24003]}]}`},
		{"044b 0007 30 01 0000 f03e80", `tlv 1099 0x30010000F03E80`, `{"sr-adj": [{"flags": {"F": 0, "B": 0, "V": 1, "L": 1, "S": 0, "P": 0, "RSV": 0}, "weight": 1, "sids": [16000]}]}`},
		{"0447 0001 0a 0447 0002 000a", `igp-metric 10 narrow igp-metric 10 ospf`, `{"igp-metric": 10}`},
		{"040a 0017 00 00 001f40 0489 0003 003e80 000064 0489 0004 00007530", `sr-capabilities [ flags [ ] range 8000 label:16000 range 100 index:30000 ]`,
			`{"sr-capabilities": [{"flags": {"I": 0, "V": 0, "RSV": 0}, "ranges": [{"range": 8000, "sid": 16000}, {"range": 100, "sid": 30000}]}]}`},
		{"0406 0004 c0000202 0407 0010 20010db8000000000000000000000002", `remote-router-ids 192.0.2.2 remote-router-ids 2001:db8::2`, `{"remote-router-ids": ["192.0.2.2", "2001:db8::2"]}`},
		{"0453 0020 0039 80 00 00 00 000000000014 20010db8000000000000000000000001 0999 0000", `tlv 1107 0x003980000000000000000014` + "20010DB8000000000000000000000001" + `09990000`,
			`{"srv6-lan-endx-isis": [{"flags": {"B": 1, "S": 0, "P": 0, "RSV": 0}, "neighbor-id": "000000000014", "behavior": 57, "algorithm": 0, "weight": 0, "sid": "2001:db8::1", "sub-tlv-2457": "0x"}]}`},
		{"040c 000c 00 00 0003e8 0489 0003 003a98", `tlv 1036 0x00000003E804890003003A98`, `{"generic-lsid-1036": ["0x00000003E804890003003A98"]}`},
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
		said, _ := lsWords(nil, string(v))
		if want := "bgp-ls [ " + c.words + " ]"; string(said) != want {
			t.Errorf("%s:\n got %s\nwant %s", c.wire, said, want)
		}
		if !saysAgain(LinkState, string(said), string(v)) {
			t.Errorf("%s is not %s", said, c.wire)
		}
	}
	if f := checkLS([]byte{4, 0, 0, 2, 1}, Source{}); f == nil {
		t.Error("a TLV that goes beyond the attribute passed")
	}
}

// TestLinkStateSaid has what is wrong with words.
func TestLinkStateSaid(t *testing.T) {
	for text, want := range map[string]string{
		"( )":                                     `want [, got "("`,
		"[ igp-metric":                            "igp-metric: want a number 0-16777215, got nothing",
		"[ metric 1 ]":                            `want a name of a TLV, tlv or ], got "metric"`,
		"[ te-metric 4294967296 ]":                `te-metric: want a number 0-4294967295, got "4294967296"`,
		"[ igp-metric 64 narrow ]":                "igp-metric: want a number 0-63 before narrow, got 64",
		"[ node-flags [ X ] ]":                    `node-flags: want a flag of O, T, E, B, R, V, got "X"`,
		"[ unreserved-bandwidth 1 ]":              "unreserved-bandwidth: want 8 values, got 1",
		"[ te-metric ]":                           `te-metric: want a number 0-4294967295, got "]"`,
		"[ sr-algorithms [ 256 ] ]":               `sr-algorithms: want a number 0-255, got "256"`,
		"[ maximum-link-bandwidth x ]":            `maximum-link-bandwidth: want octets in a second like 125000000, got "x"`,
		"[ sr-adj [ weight 1 ] ]":                 "sr-adj: want sid",
		"[ sr-adj [ weight 1 weight 1 ] ]":        "sr-adj: weight: want it once",
		"[ sr-adj [ sid 7 ] ]":                    `sr-adj: sid: want a SID like label:16000 or index:7, got "7"`,
		"[ sr-adj [ sid label:1048576 ] ]":        `sr-adj: sid: want a SID like label:16000 or index:7, got "label:1048576"`,
		"[ sr-adj [ label 7 ] ]":                  `sr-adj: want flags, weight, sid or ], got "label"`,
		"[ sr-adj-lan [ neighbor 2001:db8::1 ] ]": `sr-adj-lan: neighbor: want a router like 1921.6800.0001 or 192.0.2.1, got "2001:db8::1"`,
		"[ srv6-endx [ sid 192.0.2.1 ] ]":         "srv6-endx: sid: want 16 octets, got 4",
		"[ srv6-endx [ structure [ 1 ] ] ]":       "srv6-endx: structure: want the lengths of block, node, function and argument, got 1 numbers",
		"[ area-ids 4 ]":                          `area-ids: want an area like 49.0001, got "4"`,
		"[ tlv 65536 0x00 ]":                      `tlv: want a number 0-65535, got "65536"`,
		"[ tlv 1 00 ]":                            `tlv: want octets like 0x00FF, got "00"`,
	} {
		tokens, _ := grammar.Lex("", text)
		s := tokenSource(tokens)
		if err := sayLS(new(Draft), &s); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// FuzzLinkState wants JSON that is JSON, and words that give the octets again.
func FuzzLinkState(f *testing.F) {
	for code := range lsTLVs {
		f.Add(append([]byte{byte(code >> 8), byte(code), 0, 12}, make([]byte, 12)...))
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		if checkLS(v, Source{}) != nil || len(v) > 4096 {
			return
		}
		if j := jsonLS(nil, string(v)); !json.Valid(j) {
			t.Errorf("%x: %s", v, j)
		}
		if text, ok := lsWords(nil, string(v)); !ok || !saysAgain(LinkState, string(text), string(v)) {
			t.Errorf("%x is not %s", v, text)
		}
	})
}

package operational

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
)

const self = bgp.ID(0x01020304)

// messages are words, the octets that ExaBGP sends for them, and its JSON.
var messages = []struct{ words, octets, json string }{
	{`asm afi ipv4 safi unicast advisory "say \"hi\""`, "0002000b00010173617920226869" + "22", `{ "name": "ASM", "afi": "ipv4", "safi": "unicast", "advisory": "say \"hi\"" }`},
	{"adm afi ipv6 safi unicast advisory bye", "00010006000201627965", `{ "name": "ADM", "afi": "ipv6", "safi": "unicast", "advisory": "bye" }`},
	{"rpcq afi ipv4 safi unicast sequence 5 router-id 1.2.3.4", "0003000b0001010102030400000005", `{ "name": "RPCQ", "afi": "ipv4", "safi": "unicast" }`},
	{"rpcp afi ipv4 safi unicast sequence 5 router-id 1.2.3.4 counter 200", "0004000f0001010102030400000005000000c8",
		`{ "name": "RPCP", "afi": "ipv4", "safi": "unicast", "router-id": "1.2.3.4", "sequence": 5, "counter": 200 }`},
	{"apcq afi ipv4 safi unicast sequence 7 router-id 1.2.3.4", "0005000b0001010102030400000007", `{ "name": "APCQ", "afi": "ipv4", "safi": "unicast" }`},
	{"apcp afi ipv4 safi unicast sequence 7 router-id 1.2.3.4 counter 150", "0006000f000101010203040000000700000096",
		`{ "name": "APCP", "afi": "ipv4", "safi": "unicast", "router-id": "1.2.3.4", "sequence": 7, "counter": 150 }`},
	{"lpcq afi ipv4 safi unicast sequence 8 router-id 1.2.3.4", "0007000b0001010102030400000008", `{ "name": "LPCQ", "afi": "ipv4", "safi": "unicast" }`},
	{"lpcp afi ipv4 safi unicast sequence 8 router-id 1.2.3.4 counter 250", "0008000f0001010102030400000008000000fa",
		`{ "name": "LPCP", "afi": "ipv4", "safi": "unicast", "router-id": "1.2.3.4", "sequence": 8, "counter": 250 }`},
}

// said reads the words of a message as a statement of a configuration.
func said(text string) (m Message, errs string) {
	n := &grammar.Node{Otherwise: func(c *grammar.Cursor) (err error) { m, err = Say(c.Next(), c); return err }}
	for _, e := range grammar.Walk("f", text+";", n).Errors {
		errs += e.Error()
	}
	return m, errs
}

func TestMessages(t *testing.T) {
	for _, c := range messages {
		m, errs := said(c.words)
		if errs != "" {
			t.Errorf("%s: %s", c.words, errs)
			continue
		}
		octets := m.Append(nil, self)
		back, err := Parse(octets, 0)
		got := []string{hex.EncodeToString(octets), string(back.AppendText(nil)), string(back.AppendJSON(nil))}
		if diff := cmp.Diff([]string{c.octets, c.words, c.json}, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
	}
	if m, errs := said("rpcq afi ipv4 safi unicast"); errs != "" || hex.EncodeToString(m.Append(nil, self)) != "0003000b0001010102030400000000" {
		t.Errorf("without a router-id: %s %X", errs, m.Append(nil, self))
	}
}

func TestErrors(t *testing.T) {
	for words, want := range map[string]string{
		"xxx afi ipv4 safi unicast":                  `want asm, adm, rpcq, rpcp, apcq, apcp, lpcq or lpcp, got "xxx"`,
		"asm afi ipv4 safi unicast":                  "want advisory TEXT, got nothing",
		"asm afi ipv4 safi unicast sequence 5":       `unexpected "sequence" in asm`,
		"rpcq afi ipv4 safi unicast counter 5":       `unexpected "counter" in rpcq`,
		"rpcq afi ipv9 safi unicast":                 `want a family like afi ipv4 safi unicast, got afi "ipv9" safi "unicast"`,
		"rpcq afi ipv4 safi unicast sequence -1":     `want a number 0-4294967295, got "-1"`,
		"rpcq afi ipv4 safi unicast router-id 1":     `want a router-id like 192.0.2.1, got "1"`,
		"adm afi ipv4 safi unicast advisory " + long: "advisory: want at most 2048 octets, got 2049",
	} {
		if _, errs := said(words); !strings.HasSuffix(errs, want) {
			t.Errorf("%.40s: want %s, got %s", words, want, errs)
		}
	}
	for octets, want := range map[string]string{
		"0003":                             "RPCQ: at octet 21: want 2 octets, 0 left",
		"0003000a00010101020304000000":     "RPCQ: at octet 30: want 4 octets, 3 left",
		"0003000b000101010203040000":       "RPCQ: at octet 23: want 11 octets, 9 left",
		"0003000c000101010203040000000000": "RPCQ: at octet 34: 1 octets too many",
		"00020004000101ff":                 "ASM: at octet 26: the advisory is not UTF-8",
		"ffff00010000":                     "at octet 24: 1 octets too many",
	} {
		b, _ := hex.DecodeString(octets)
		if _, err := Parse(b, 19); err == nil || err.Error() != want {
			t.Errorf("%s: want %s, got %v", octets, want, err)
		}
	}
}

var long = strings.Repeat("x", MaxAdvisory+1)

// FuzzParse: what is read is written as it came, and its JSON is JSON.
func FuzzParse(f *testing.F) {
	for _, c := range messages {
		b, _ := hex.DecodeString(c.octets)
		f.Add(b)
	}
	f.Add([]byte{0xff, 0xff, 0, 1, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b, 19)
		if err != nil {
			return
		}
		if diff := cmp.Diff(b, m.Append(nil, m.RouterID)); diff != "" {
			t.Error(diff)
		}
		if j := m.AppendJSON(nil); !json.Valid(j) {
			t.Errorf("no JSON: %s", j)
		}
		m.AppendText(nil)
	})
}

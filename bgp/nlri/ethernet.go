package nlri

import (
	"encoding/hex"
	"fmt"
	"strings"

	"holdfast/bgp/grammar"
)

// ESI is an Ethernet segment identifier (RFC 7432 section 5); zero is a single
// homed site.
type ESI [10]byte

// MAC is a MAC address.
type MAC [6]byte

// SayESI takes ten octets as "00:11:22:33:44:55:66:77:88:99", or "-" or "0" for
// a single homed site.
func SayESI(s grammar.Source) (e ESI, err error) {
	w, err := grammar.Value(s, "an ethernet segment identifier")
	if err != nil || w == "-" || w == "0" {
		return e, err
	}
	return e, octets(e[:], w, "an ethernet segment identifier like 00:11:22:33:44:55:66:77:88:99")
}

// SayMAC takes six octets as "00:11:22:33:44:55".
func SayMAC(s grammar.Source) (m MAC, err error) {
	w, err := grammar.Value(s, "a MAC address")
	if err != nil {
		return m, err
	}
	return m, octets(m[:], w, "a MAC address like 00:11:22:33:44:55")
}

// octets reads pairs of digits with colons between.
func octets(to []byte, w, want string) error {
	b, err := hex.DecodeString(strings.ReplaceAll(w, ":", ""))
	if err != nil || len(b) != len(to) || len(w) != 3*len(to)-1 {
		return fmt.Errorf("want %s, got %q", want, w)
	}
	copy(to, b)
	return nil
}

// AppendText appends what SayESI takes: "-" for zero, as ExaBGP shows it.
func (e ESI) AppendText(b []byte) []byte {
	if e == (ESI{}) {
		return append(b, '-')
	}
	return appendPairs(b, e[:], "0123456789abcdef")
}

// AppendText appends what SayMAC takes.
func (m MAC) AppendText(b []byte) []byte { return appendPairs(b, m[:], "0123456789ABCDEF") }

func appendPairs(b, v []byte, digits string) []byte {
	for i, o := range v {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, digits[o>>4], digits[o&15])
	}
	return b
}

package attr

import (
	"encoding/binary"
	"fmt"

	"holdfast/bgp/grammar"
)

// AIGP is the code of the accumulated IGP metric (RFC 7311 section 3).
const AIGP = 26

// aigpTLV is the only TLV there is: the metric, in eleven octets in all.
const aigpTLV = "\x01\x00\x0b"

var aigpRow = row{
	name: "aigp", flags: Optional, bad: Discard, flagsToo: true, inside: true,
	check: checkAIGP, words: aigpWords, json: jsonAIGP,
}

// checkAIGP wants TLVs that fit, and eleven octets for the metric.
func checkAIGP(v []byte, _ Source) *fault {
	for at := 0; at < len(v); {
		n := 0
		if len(v)-at >= 3 {
			n = int(binary.BigEndian.Uint16(v[at+1:]))
		}
		if n < 3 || n > len(v)-at || v[at] == 1 && n != len(aigpTLV)+8 {
			return &fault{LengthError, at, "TLV goes beyond the attribute, or has no metric of eight octets"}
		}
		at += n
	}
	return nil
}

var aigpLeaf = Leaf{Word: "aigp", Help: "accumulated IGP metric, where the session has it (RFC 7311)", Form: Free, Arg: "0-18446744073709551615", Say: sayAIGP}

func sayAIGP(d *Draft, s grammar.Source) error {
	n, err := grammar.Uint(s, 1<<64-1)
	if err != nil {
		return err
	}
	d.Put(AIGP, Optional, binary.BigEndian.AppendUint64([]byte(aigpTLV), n))
	return nil
}

// metric is that of the first TLV that has one.
func metric(v string) (uint64, bool) {
	for len(v) >= 3 {
		n := int(v[1])<<8 | int(v[2])
		if n < 3 || n > len(v) {
			break
		}
		if v[:3] == aigpTLV && n == 11 {
			return binary.BigEndian.Uint64([]byte(v[3:11])), true
		}
		v = v[n:]
	}
	return 0, false
}

func aigpWords(b []byte, v string) ([]byte, bool) {
	n, ok := metric(v)
	return fmt.Appendf(b, "aigp %d", n), ok && len(v) == 11
}

func jsonAIGP(b []byte, v string) []byte {
	if n, ok := metric(v); ok {
		return fmt.Append(b, n)
	}
	return fmt.Appendf(b, `"0x%x"`, v)
}

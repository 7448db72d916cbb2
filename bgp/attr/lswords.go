package attr

import (
	"encoding/binary"
	"fmt"

	"holdfast/bgp/grammar"
)

// lsLeaf is the word of the attribute: "bgp-ls [ node-name r1 igp-metric 10 ]".
// ExaBGP has none; the words inside are the names of its JSON.
var lsLeaf = Leaf{Word: "bgp-ls", Help: "what BGP-LS tells of a node, a link or a prefix: TLVs under the names of the JSON, others as tlv CODE 0xHEX (RFC 9552 5.3)",
	Form: Free, Arg: "[ NAME VALUE … ]", Say: sayLS}

// sayLS puts the TLVs in the order in which they are said.
func sayLS(d *Draft, s grammar.Source) error {
	if err := grammar.Expect(s, "["); err != nil {
		return err
	}
	v := []byte{}
	for s.Peek() != "]" {
		w := s.Next()
		var err error
		if v, err = sayLSOne(v, w, s); err != nil {
			return err
		}
	}
	s.Next()
	if len(v) > listMax {
		return fmt.Errorf("want what fits an attribute of %d octets", listMax)
	}
	d.Put(LinkState, Optional, v)
	return nil
}

// sayLSOne appends the TLV of a word.
func sayLSOne(b []byte, word string, s grammar.Source) (_ []byte, err error) {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	code := lsCode(word)
	switch {
	case code != 0:
		b, err = lsTLVs[code].say(b, s)
	case word == "tlv":
		var n uint64
		if n, err = grammar.Uint(s, 0xffff); err == nil {
			code = uint16(n)
			b, err = lsOctets.say(b, s)
		}
	default:
		return b, grammar.Wish("a name of a TLV, tlv or ]", word)
	}
	if err != nil {
		return b, fmt.Errorf("%s: %w", word, err)
	}
	n := len(b) - at - 4
	if n > 0xffff {
		return b, fmt.Errorf("%s: want at most 65535 octets", word)
	}
	if n == 16 && (code == 1028 || code == 1030) {
		code++ // the router identifiers of IPv6
	}
	binary.BigEndian.PutUint16(b[at:], code)
	binary.BigEndian.PutUint16(b[at+2:], uint16(n))
	return b, nil
}

// lsCode is the lowest code with a name, 0 if there is none.
func lsCode(name string) (code uint16) {
	for c, t := range lsTLVs {
		if t.name == name && (code == 0 || c < code) {
			code = c
		}
	}
	return code
}

// lsWords appends the words that say the value.
func lsWords(b []byte, v string) ([]byte, bool) {
	b = append(b, "bgp-ls [ "...)
	for v != "" {
		n := 4 + (int(v[2])<<8 | int(v[3]))
		b, v = append(textLSOne(b, v[:n]), ' '), v[n:]
	}
	return append(b, ']'), true
}

// textLSOne appends a TLV under its name if that says it octet for octet, else
// under its code.
func textLSOne(b []byte, tlv string) []byte {
	code, v, _ := cutLS(tlv)
	at := len(b)
	if t, ok := lsTLVs[code]; ok {
		if b, ok = t.text(append(append(b, t.name...), ' '), v); ok {
			tokens, errs := grammar.Lex("", string(b[at:]))
			s := tokenSource(tokens)
			if got, err := sayLSOne(nil, s.Next(), &s); errs == nil && err == nil && s.Peek() == "" && string(got) == tlv {
				return b
			}
		}
	}
	return fmt.Appendf(b[:at], "tlv %d 0x%X", code, v)
}

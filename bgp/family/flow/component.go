package flow

import (
	"fmt"
	"iter"
	"net/netip"

	"holdfast/bgp"
	"holdfast/bgp/family/inet"
)

// form is how the values of a component stand on the wire.
type form uint8

const (
	prefixForm form = iota
	numberForm      // RFC 8955 section 4.2.1.1
	maskForm        // RFC 8955 section 4.2.1.2
)

// component is a row of what is known of a component type.
type component struct {
	code  byte
	form  form
	word  string
	word6 string // its name in IPv6, where it is another
	most  uint64 // the greatest value
	named *names
	help  string
	only6 bool
}

// components are all, by type (RFC 8955 section 4.2.2, RFC 8956 section 3).
var components = [...]component{
	{code: 1, form: prefixForm, word: "destination-ipv4", word6: "destination-ipv6", help: "the prefix that packets go to"},
	{code: 2, form: prefixForm, word: "source-ipv4", word6: "source-ipv6", help: "the prefix that packets come from"},
	{code: 3, form: numberForm, word: "protocol", word6: "next-header", most: 0xff, named: &protocols, help: "the protocol above IP"},
	{code: 4, form: numberForm, word: "port", most: 0xffff, named: &services, help: "the port on either side"},
	{code: 5, form: numberForm, word: "destination-port", most: 0xffff, named: &services, help: "the port that packets go to"},
	{code: 6, form: numberForm, word: "source-port", most: 0xffff, named: &services, help: "the port that packets come from"},
	{code: 7, form: numberForm, word: "icmp-type", most: 0xff, named: &icmpTypes, help: "the type of ICMP messages"},
	{code: 8, form: numberForm, word: "icmp-code", most: 0xff, named: &icmpCodes, help: "the code of ICMP messages"},
	{code: 9, form: maskForm, word: "tcp-flags", most: 0xffff, named: &tcpFlags, help: "flags of TCP segments"},
	{code: 10, form: numberForm, word: "packet-length", most: 0xffff, help: "the length of packets, in octets"},
	{code: 11, form: numberForm, word: "dscp", word6: "traffic-class", most: 0xff, help: "the DSCP, or the traffic class of IPv6"},
	{code: 12, form: maskForm, word: "fragment", most: 0xff, named: &fragments, help: "which fragments"},
	{code: 13, form: numberForm, word: "flow-label", most: 0xfffff, only6: true, help: "the flow label of IPv6"},
}

// component finds the row of a type, nil if it has none in the address family.
func (k kind) component(code byte) *component {
	if code == 0 || int(code) > len(components) || components[code-1].only6 && !k.six {
		return nil
	}
	return &components[code-1]
}

// name is the word of a component in an address family.
func (c *component) name(six bool) string {
	if six && c.word6 != "" {
		return c.word6
	}
	return c.word
}

// greatest is the greatest value that a word is meant for: a DSCP has six bits,
// the traffic class of IPv6 two more.
func (c *component) greatest(word string) uint64 {
	if word == "dscp" {
		return 63
	}
	return c.most
}

// Bits of an operator (RFC 8955 sections 4.2.1.1 and 4.2.1.2).
const (
	opEnd     = 0x80
	opAnd     = 0x40
	opLess    = 0x04
	opGreater = 0x02
	opEqual   = 0x01
	opNot     = 0x02 // of a bit mask
	opMatch   = 0x01 // of a bit mask
)

// meaning are the bits that say what an operator does.
func (c *component) meaning() byte {
	if c.form == maskForm {
		return opNot | opMatch
	}
	return opLess | opGreater | opEqual
}

// operator is one comparison.
type operator struct {
	bits  byte // opAnd and its meaning
	value uint64
}

// checkOperators walks a list of operators and their values to its end.
func checkOperators(c *component, b []byte) (n int, canonical bool, err error) {
	canonical = true
	for first := true; ; first = false {
		if n >= len(b) {
			return 0, false, fmt.Errorf("a list of operators without end in %d octets", len(b))
		}
		op := b[n]
		size := 1 << (op >> 4 & 3)
		if n+1+size > len(b) {
			return 0, false, fmt.Errorf("a value wants %d octets, %d left", size, len(b)-n-1)
		}
		v := number(b[n+1 : n+1+size])
		if size != sizeOf(v) || op&^(opEnd|opAnd|0x30|c.meaning()) != 0 || first && op&opAnd != 0 {
			canonical = false
		}
		if n += 1 + size; op&opEnd != 0 {
			return n, canonical, nil
		}
	}
}

// operators gives those of a checked list.
func operators(c *component, b []byte) iter.Seq[operator] {
	return func(yield func(operator) bool) {
		for first := true; len(b) > 0; first = false {
			op := b[0]
			size := 1 << (op >> 4 & 3)
			o := operator{bits: op & (opAnd | c.meaning()), value: number(b[1 : 1+size])}
			if first { // RFC 8955 section 4.2.1.1: has no meaning there
				o.bits &^= opAnd
			}
			if !yield(o) {
				return
			}
			b = b[1+size:]
		}
	}
}

func number(b []byte) (v uint64) {
	for _, o := range b {
		v = v<<8 | uint64(o)
	}
	return v
}

// sizeOf is the shortest length of a value, in octets.
func sizeOf(v uint64) int {
	switch {
	case v < 1<<8:
		return 1
	case v < 1<<16:
		return 2
	case v < 1<<32:
		return 4
	}
	return 8
}

// appendOperators appends a list; the last operator gets the end bit.
func appendOperators(b []byte, ops []operator) []byte {
	for i, o := range ops {
		bits, size := o.bits, sizeOf(o.value)
		if i == len(ops)-1 {
			bits |= opEnd
		}
		for code := 0; 1<<code < size; code++ {
			bits += 0x10
		}
		b = append(b, bits)
		for at := size - 1; at >= 0; at-- {
			b = append(b, byte(o.value>>(8*at)))
		}
	}
	return b
}

func checkPrefix4(b []byte) (n int, canonical bool, err error) {
	if len(b) == 0 || b[0] > 32 || len(b) < 1+(int(b[0])+7)/8 {
		return 0, false, fmt.Errorf("want a prefix of at most 32 bits, got %x", b[:min(len(b), 5)])
	}
	n = 1 + (int(b[0])+7)/8
	return n, b[0]&7 == 0 || b[n-1]<<(b[0]&7) == 0, nil
}

func parsePrefix4(b []byte) netip.Prefix {
	return inet.PrefixOf(bgp.AFIIPv4, int(b[0]), b[1:]).Masked()
}

func appendPrefix4(b []byte, p netip.Prefix) []byte { return inet.AppendPrefix(b, p) }

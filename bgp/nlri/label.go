package nlri

import (
	"fmt"
	"strconv"

	"holdfast/bgp/grammar"
)

// Labels is a label stack as it stands on the wire: three octets for each, of
// which the last has the bottom bit (RFC 8277 section 2.2).
type Labels []byte

// Values of a label field that end a stack without the bottom bit: both mean
// "withdrawn" (RFC 8277 section 2.4, RFC 3107 section 3).
const (
	WithdrawLabel  = 0x800000
	WithdrawLabel0 = 0x000000
)

// MaxLabel is the greatest label (RFC 3032 section 2.1).
const MaxLabel = 1<<20 - 1

// CutLabels takes a stack off the start of b; false: it has no end.
func CutLabels(b []byte) (stack Labels, rest []byte, ok bool) {
	for n := 0; len(b)-n >= 3; {
		v := uint32(b[n])<<16 | uint32(b[n+1])<<8 | uint32(b[n+2])
		n += 3
		if v&1 != 0 || v == WithdrawLabel || v == WithdrawLabel0 {
			return Labels(b[:n:n]), b[n:], true
		}
	}
	return nil, b, false
}

// SayLabels takes a label, or several in brackets, the top one first. It refuses
// stacks that every receiver would take for one label and a longer prefix, and
// most end the session then.
func SayLabels(s grammar.Source) (stack Labels, err error) {
	err = grammar.Items(s, "a label", func(w string) error {
		n, err := grammar.ParseUint(w)
		if err != nil || n > MaxLabel {
			return fmt.Errorf("want a label 0-%d, got %q", MaxLabel, w)
		}
		if field, ends := stack.last(); ends {
			return fmt.Errorf("want no label below %d, which ends a stack", field>>4)
		}
		stack = append(stack, byte(n>>12), byte(n>>4), byte(n<<4))
		return nil
	})
	if len(stack) > 0 {
		stack[len(stack)-1] |= 1
	}
	return stack, err
}

// last gives the last field, and whether it ends a stack without the bottom bit.
func (l Labels) last() (field uint32, ends bool) {
	if len(l) < 3 {
		return 0, false
	}
	l = l[len(l)-3:]
	field = uint32(l[0])<<16 | uint32(l[1])<<8 | uint32(l[2])
	return field, field == WithdrawLabel || field == WithdrawLabel0
}

// All gives the fields of three octets.
func (l Labels) All(yield func(field uint32) bool) {
	for ; len(l) >= 3; l = l[3:] {
		if !yield(uint32(l[0])<<16 | uint32(l[1])<<8 | uint32(l[2])) {
			return
		}
	}
}

// AppendText appends one label, or several in brackets.
func (l Labels) AppendText(b []byte) []byte {
	if len(l) > 3 {
		b = append(b, "[ "...)
	}
	for field := range l.All {
		b = append(strconv.AppendUint(b, uint64(field>>4), 10), ' ')
	}
	if len(l) > 3 {
		return append(b, ']')
	}
	return b[:len(b)-1]
}

// AppendJSON appends each label with its whole field, as ExaBGP does:
// [ [ 1000, 16001 ] ].
func (l Labels) AppendJSON(b []byte) []byte {
	b = append(b, "[ "...)
	for i := 0; i+3 <= len(l); i += 3 {
		if i > 0 {
			b = append(b, ", "...)
		}
		field := uint64(l[i])<<16 | uint64(l[i+1])<<8 | uint64(l[i+2])
		b = strconv.AppendUint(append(b, '['), field>>4, 10)
		if field != 0 {
			b = strconv.AppendUint(append(b, ", "...), field, 10)
		}
		b = append(b, ']')
	}
	return append(b, " ]"...)
}

// Package operational is OPERATIONAL messages, in which the people and tools of
// two speakers ask and tell each other something beside routing
// (draft-ietf-idr-operational-message-00). The draft died; ExaBGP speaks it.
package operational

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"holdfast/bgp"
	"holdfast/bgp/octet"
)

// Kind is what a message is for (section 3 of the draft).
type Kind uint16

// The kinds. Questions count prefixes, and the answers say how many.
const (
	ADM  Kind = 1 // an advisory that the other side is to look at now
	ASM  Kind = 2 // an advisory that holds until the next one
	RPCQ Kind = 3 // how many prefixes do you reach by us?
	RPCP Kind = 4
	APCQ Kind = 5 // how many do you tell us?
	APCP Kind = 6
	LPCQ Kind = 7 // how many do you have?
	LPCP Kind = 8
)

// form is what follows the family in a message.
type form uint8

const (
	advisory form = iota + 1 // a text
	question                 // router-id and sequence number
	answer                   // the same, and a count
)

var kinds = map[Kind]struct {
	name string
	form form
}{
	ADM: {"ADM", advisory}, ASM: {"ASM", advisory},
	RPCQ: {"RPCQ", question}, RPCP: {"RPCP", answer},
	APCQ: {"APCQ", question}, APCP: {"APCP", answer},
	LPCQ: {"LPCQ", question}, LPCP: {"LPCP", answer},
}

// String is the draft's name of the kind.
func (k Kind) String() string {
	if row, ok := kinds[k]; ok {
		return row.name
	}
	return "operational-" + strconv.Itoa(int(k))
}

// MaxAdvisory is how long an advisory may be, in octets, as ExaBGP has it.
const MaxAdvisory = 2048

// Message is the body of an OPERATIONAL message. Which fields count depends on
// the kind.
type Message struct {
	Kind     Kind
	Family   bgp.Family
	RouterID bgp.ID // who asks or answers; 0 stands for our own
	Sequence uint32 // an answer has that of its question
	Counter  uint32
	Advisory string // UTF-8
	Unknown  []byte // what a message of another kind says: a view
}

// Append appends the message without the header of BGP. self stands where no
// router-id was given.
func (m *Message) Append(b []byte, self bgp.ID) []byte {
	b = append(b, byte(m.Kind>>8), byte(m.Kind))
	return octet.Len16(b, func(b []byte) []byte { return m.appendBody(b, self) })
}

func (m *Message) appendBody(b []byte, self bgp.ID) []byte {
	form := kinds[m.Kind].form
	if form == 0 {
		return append(b, m.Unknown...)
	}
	b = append(b, byte(m.Family.AFI()>>8), byte(m.Family.AFI()), byte(m.Family.SAFI()))
	if form == advisory {
		return append(b, m.Advisory...)
	}
	if m.RouterID != 0 {
		self = m.RouterID
	}
	b = appendU32(appendU32(b, uint32(self)), m.Sequence)
	if form == answer {
		b = appendU32(b, m.Counter)
	}
	return b
}

func appendU32(b []byte, v uint32) []byte {
	return append(b, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// Parse reads a message behind the header of BGP. offset is that of the first
// octet in the message.
func Parse(b []byte, offset int) (m Message, err error) {
	r := octet.NewReader(b, offset)
	m.Kind = Kind(r.U16())
	v := r.Sub(int(r.U16()))
	form := kinds[m.Kind].form
	if form == 0 {
		m.Unknown = v.Rest()
		return m, end(&v, &r)
	}
	m.Family = bgp.MakeFamily(bgp.AFI(v.U16()), bgp.SAFI(v.U8()))
	if form == advisory {
		at, text := v.Offset(), v.Rest()
		if !utf8.Valid(text) {
			return m, fmt.Errorf("%s: at octet %d: the advisory is not UTF-8", m.Kind, at)
		}
		m.Advisory = string(text)
		return m, end(&v, &r)
	}
	m.RouterID, m.Sequence = bgp.ID(v.U32()), v.U32()
	if form == answer {
		m.Counter = v.U32()
	}
	if err := end(&v, &r); err != nil {
		return m, fmt.Errorf("%s: %w", m.Kind, err)
	}
	return m, nil
}

// end wants both readers read to their ends.
func end(v, r *octet.Reader) error {
	if err := v.End(); err != nil {
		return err
	}
	return r.End()
}

package attr

import (
	"fmt"
	"math/bits"

	"holdfast/bgp"
)

// Source is what must be known of a peer to read its attributes.
type Source struct {
	ASN4 bool // four octets for an AS number (RFC 6793)
	EBGP bool // the peer is in another AS
	AIGP bool // believe AIGP even then
	Own  bool // it is no peer: our operator may say what is refused from peers
	MP   bool // there is no NLRI field: NEXT_HOP is nobody's (RFC 4760 section 3)
}

// SourceOf is the source of a session.
func SourceOf(n *bgp.Negotiated) Source { return Source{ASN4: n.ASN4, EBGP: n.EBGP(), AIGP: n.AIGP} }

// View is an attribute in the message.
type View struct {
	There  bool
	Raw    []byte // with its header
	Value  []byte
	Offset int // where the value begins
}

// maxProblems is how many problems of a block are kept: enough for people, and
// a bound for what a peer can make us hold.
const maxProblems = 8

// Block is what was read of the path attributes of one UPDATE. The zero value
// is ready, and can be used again and again.
type Block struct {
	Reach, Unreach View      // MP_REACH_NLRI and MP_UNREACH_NLRI, unread
	Problems       []Problem // in the order of the message, the gravest always among them

	from               Source
	offset             int
	seen               [4]uint64
	count              int
	path4, aggregator4 []byte
}

// Parse reads path attributes, with RFC 7606 in mind: what is wrong becomes a
// problem with a disposition, and reading goes on as long as the next attribute
// can be found. offset is where the block begins in the message. What is good
// goes into the builder; without one nothing is kept, and nothing allocated.
// Views and problems are parts of the block that was read.
func (k *Block) Parse(block []byte, offset int, from Source, into *Builder) {
	k.Reset()
	k.from, k.offset = from, offset
	for at := 0; at < len(block); {
		head := 3
		if block[at]&Extended != 0 {
			head = 4
		}
		if len(block)-at < head {
			k.fail(Problem{Subcode: MalformedList, Offset: offset + at, Disposition: Withdraw, Data: block[at:],
				Reason: fmt.Sprintf("attribute header is cut, %d octets left", len(block)-at)})
			break
		}
		n := int(block[at+2])
		if head == 4 {
			n = n<<8 | int(block[at+3])
		}
		end := at + head + n
		if end > len(block) {
			f := &fault{MalformedList, 0, fmt.Sprintf("want %d octets, %d left", n, len(block)-at-head)}
			k.failAt(block[at+1], f, offset+at, overrun(block[at+1]), block[at:])
			break
		}
		k.attribute(offset+at, head, block[at:end:end], into)
		at = end
	}
	if into != nil && !from.ASN4 {
		k.mergeAS4(into)
	}
}

// Reset empties the block and keeps its memory.
func (k *Block) Reset() { *k = Block{Problems: k.Problems[:0]} }

// attribute judges one attribute, raw with its header of head octets, and keeps
// it if it is good.
func (k *Block) attribute(at, head int, raw []byte, into *Builder) {
	flags, code, v := raw[0], raw[1], raw[head:]
	row := &table[code]
	k.count++
	if k.Seen(code) {
		k.failAt(code, &fault{MalformedList, 0, "there a second time"}, at, secondTime(code), raw)
		return
	}
	k.seen[code>>6] |= 1 << (code & 63)
	if row.inside && k.from.EBGP && !k.from.Own && !(code == AIGP && k.from.AIGP) {
		k.failAt(code, &fault{OptionalError, 0, "from another AS"}, at, Discard, raw)
		return
	}
	if code == MPReach || code == MPUnreach {
		k.viewMP(code, raw, v, at+head)
	}
	if f, bad := k.judge(row, flags, v); f != nil {
		k.failAt(code, f, at+head+f.at, bad, raw)
		return
	}
	if row.part != nil {
		if f := row.part(v); f != nil {
			k.failAt(code, f, at+head+f.at, Discard, raw)
		}
	}
	if into != nil && code != MPReach && code != MPUnreach {
		k.keep(row, into, code, flags, v)
	}
}

// judge gives what is wrong with an attribute, and what to do about it.
func (k *Block) judge(row *row, flags uint8, v []byte) (*fault, Disposition) {
	if row.name == "" {
		if flags&Optional == 0 && !k.from.Own {
			return &fault{UnrecognisedWellKnown, 0, "not known, and not optional"}, Reset
		}
		return nil, None
	}
	f, bad := (*fault)(nil), row.bad
	switch {
	case (flags^row.flags)&(Optional|Transitive) != 0:
		f = &fault{FlagsError, 0, fmt.Sprintf("flags 0x%02x, want 0x%02x", flags, row.flags)}
		if !row.flagsToo {
			bad = Withdraw // RFC 7606 section 3 (c)
		}
	case row.check != nil:
		if f = row.check(v, k.from); f != nil && row.grave != nil && row.grave(v, f) {
			bad = Withdraw
		}
	}
	if k.from.MP && row.name == nextHopRow.name {
		bad = Discard
	}
	return f, bad
}

// overrun is what is done about an attribute that goes past the end (RFC 7606
// section 4): of one that carries NLRI it is not known which, so that they can't
// be withdrawn.
func overrun(code uint8) Disposition {
	if code == MPReach || code == MPUnreach {
		return Reset
	}
	return Withdraw
}

// viewMP notes the attributes that carry NLRI, also those with wrong flags:
// their NLRI are then withdrawn.
func (k *Block) viewMP(code uint8, raw, v []byte, offset int) {
	switch code {
	case MPReach:
		k.Reach = View{There: true, Raw: raw, Value: v, Offset: offset}
	case MPUnreach:
		k.Unreach = View{There: true, Raw: raw, Value: v, Offset: offset}
	}
}

// keep puts a good attribute. One that is not known is kept as it came, flags
// and all (RFC 4271 section 5); of the others only the flags that mean
// something.
func (k *Block) keep(row *row, into *Builder, code, flags uint8, v []byte) {
	switch {
	case row.name == "":
		into.Put(code, flags, v)
	case row.keep != nil:
		row.keep(k, into, meaning(flags), v)
	default:
		into.Put(code, meaning(flags), v)
	}
}

// meaning is the flags of a known attribute that mean something: Partial is for
// optional transitive ones alone (RFC 4271 section 4.3).
func meaning(flags uint8) uint8 {
	if flags&(Optional|Transitive) == Optional|Transitive {
		return flags & (Optional | Transitive | Partial)
	}
	return flags & (Optional | Transitive)
}

// secondTime is RFC 7606 section 3 (g).
func secondTime(code uint8) Disposition {
	if code == MPReach || code == MPUnreach {
		return Reset
	}
	return Discard
}

// Seen says whether an attribute was in the block, good or bad.
func (k *Block) Seen(code uint8) bool { return k.seen[code>>6]&(1<<(code&63)) != 0 }

// Count is how many attributes were read, repeated ones too.
func (k *Block) Count() int { return k.count }

// Require notes what a route must have and this block has not (RFC 4271
// section 5, RFC 7606 section 3 (d)). nextHop says that there are routes whose
// next hop is the NEXT_HOP attribute.
func (k *Block) Require(nextHop bool) {
	need := uint64(1<<Origin | 1<<ASPath)
	if nextHop {
		need |= 1 << NextHop
	}
	if !k.from.EBGP {
		need |= 1 << LocalPref
	}
	for need &^= k.seen[0]; need != 0; need &= need - 1 {
		code := uint8(bits.TrailingZeros64(need))
		k.failAt(code, &fault{MissingWellKnown, 0, "missing"}, k.offset, Withdraw, missing[code:code+1])
	}
}

// missing is the data of a NOTIFICATION about an attribute that is not there:
// its code.
var missing = []byte{0, Origin, ASPath, NextHop, MED, LocalPref}

// Gravest is the problem that decides what happens to the UPDATE; the zero
// Problem, which says None, if there is none.
func (k *Block) Gravest() (worst Problem) {
	for _, p := range k.Problems {
		if p.Disposition > worst.Disposition {
			worst = p
		}
	}
	return worst
}

func (k *Block) failAt(code uint8, f *fault, offset int, d Disposition, data []byte) {
	name := table[code].name
	if name == "" {
		name = "unknown"
	}
	k.fail(Problem{
		Subcode: f.subcode, Offset: offset, Disposition: d, Data: data,
		Reason: fmt.Sprintf("attribute %d (%s): %s", code, name, f.reason),
	})
}

// fail notes a problem. When there are too many, only a graver one still counts.
func (k *Block) fail(p Problem) {
	p.Code = UpdateError
	if len(k.Problems) == maxProblems {
		if p.Disposition <= k.Gravest().Disposition {
			return
		}
		k.Problems = k.Problems[:maxProblems-1]
	}
	k.Problems = append(k.Problems, p)
}

// Fail notes a problem that was found outside the block: in what the two
// attributes with NLRI carry, or in the UPDATE around it.
func (k *Block) Fail(p Problem) { k.fail(p) }

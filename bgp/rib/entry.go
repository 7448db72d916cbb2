package rib

import (
	"bytes"
	"encoding/binary"

	"holdfast/bgp"
	"holdfast/bgp/nlri"
)

// entry is one route for one audience. It holds no pointers, so that the
// garbage collector does not look at a million of them.
type entry struct {
	version    uint64 // when it was last shown, or changed while it was off
	died       uint64 // when it was buried
	hash       uint64
	prev, next uint32 // in its bucket, or among the graves
	chain      uint32 // the next entry whose NLRI has the same hash
	bucket     uint32
	path       uint32
	except     PeerSet // peers of the bucket that this entry is not for
	flags      uint16
	owner      Owner
	n          uint8 // octets in inline, or over
	inline     [20]byte
}

// Flags of an entry.
const (
	fLive      = 1 << iota // in its bucket's list: on the wire, or on its way
	fGrave                 // among the graves: a withdraw is on its way
	fUnwanted              // gone when it leaves the graves
	fPath                  // has a path identifier
	fTold                  // a peer may know it from before its last change
	fStartsOff             // "withdraw": off until its group is switched on by hand
	fHeld                  // a cursor stands here
	fShade                 // see shade.go
	fSaid                  // a withdraw that somebody asked for
	fAged                  // its version is of its gate: it was there before the last BeginClear
)

// over in entry.n says that inline is the place of the body in slab.big.
const over = 255

func (x *entry) has(f uint16) bool { return x.flags&f != 0 }
func (x *entry) set(f uint16)      { x.flags |= f }
func (x *entry) clear(f uint16)    { x.flags &^= f }

const (
	pageBits = 12
	pageSize = 1 << pageBits
)

// slab is the memory of entries, in pages, so that growing copies nothing.
// Entry 0 is none.
type slab struct {
	pages   []*[pageSize]entry
	used    uint32 // entries ever handed out
	dropped uint32 // head of the free list, through next
	big     [][]byte
	bigFree []uint32
}

func (s *slab) at(e uint32) *entry { return &s.pages[e>>pageBits][e&(pageSize-1)] }

func (s *slab) new() uint32 {
	if e := s.dropped; e != 0 {
		x := s.at(e)
		s.dropped = x.next
		*x = entry{}
		return e
	}
	if s.used++; int(s.used>>pageBits) >= len(s.pages) {
		s.pages = append(s.pages, new([pageSize]entry))
	}
	return s.used
}

// stretch is at most so many places from pos on, 0 being the beginning, and
// where to go on, 0 at the end.
func (s *slab) stretch(pos uint32, most int) (first, last, next uint32) {
	first = max(pos, 1)
	if uint64(first)+uint64(most) > uint64(s.used) {
		return first, s.used, 0
	}
	next = first + uint32(most)
	return first, next - 1, next
}

func (s *slab) drop(e uint32) {
	x := s.at(e)
	s.dropBig(x)
	*x = entry{next: s.dropped}
	s.dropped = e
}

func (s *slab) dropBig(x *entry) {
	if x.n == over {
		i := binary.LittleEndian.Uint32(x.inline[:])
		s.big[i] = nil
		s.bigFree = append(s.bigFree, i)
	}
}

func (s *slab) setBody(e uint32, body []byte) {
	x := s.at(e)
	if len(body) <= len(x.inline) {
		s.dropBig(x)
		x.n = uint8(copy(x.inline[:], body))
		return
	}
	v := bytes.Clone(body)
	s.dropBig(x)
	var i uint32
	if n := len(s.bigFree); n > 0 {
		i = s.bigFree[n-1]
		s.bigFree = s.bigFree[:n-1]
		s.big[i] = v
	} else {
		i = uint32(len(s.big))
		s.big = append(s.big, v)
	}
	binary.LittleEndian.PutUint32(x.inline[:], i)
	x.n = over
}

// unchain takes an entry out of an index.
func (s *slab) unchain(index map[uint64]uint32, e uint32) {
	x := s.at(e)
	first := index[x.hash]
	switch {
	case first != e:
		p := s.at(first)
		for p.chain != e {
			p = s.at(p.chain)
		}
		p.chain = x.chain
	case x.chain != 0:
		index[x.hash] = x.chain
	default:
		delete(index, x.hash)
	}
}

// raw is the NLRI of an entry, whose family its owner knows.
func (s *slab) raw(x *entry, f bgp.Family) nlri.Raw {
	return nlri.Raw{Family: f, HasPath: x.has(fPath), PathID: x.path, Body: s.body(x)}
}

// same says whether an entry is of the NLRI, if its family is.
func (s *slab) same(x *entry, n nlri.Raw) bool {
	return x.path == n.PathID && x.has(fPath) == n.HasPath && bytes.Equal(key(n.Family, s.body(x)), key(n.Family, n.Body))
}

// setNLRI is raw backwards.
func (s *slab) setNLRI(e uint32, n nlri.Raw) {
	x := s.at(e)
	if x.path = n.PathID; n.HasPath {
		x.set(fPath)
	}
	s.setBody(e, n.Body)
}

// body is a view on an entry's NLRI.
func (s *slab) body(x *entry) []byte {
	if x.n == over {
		return s.big[binary.LittleEndian.Uint32(x.inline[:])]
	}
	return x.inline[:x.n]
}

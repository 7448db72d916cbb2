package rib

import (
	"bytes"
	"encoding/binary"
)

// entry is one route for one audience. It holds no pointers, so that the
// garbage collector does not look at a million of them.
type entry struct {
	version    uint64 // when it was last shown
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

// body is a view on an entry's NLRI.
func (t *Table) body(x *entry) []byte {
	if x.n == over {
		return t.entries.big[binary.LittleEndian.Uint32(x.inline[:])]
	}
	return x.inline[:x.n]
}

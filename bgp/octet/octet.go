// Package octet is a bounded reader with offsets, and append helpers with
// length back-patch. It knows nothing of BGP.
package octet

import (
	"encoding/binary"
	"fmt"
)

// Short is the error of a read past the end.
type Short struct {
	Offset     int // where the read began, counted from the start of the outermost buffer
	Want, Left int // octets
}

func (s *Short) Error() string {
	return fmt.Sprintf("at octet %d: want %d octets, %d left", s.Offset, s.Want, s.Left)
}

// Reader reads big-endian numbers and views from a buffer. The first read that
// does not fit sets a sticky error and moves to the end; every later read then
// gives zero, so that a decoder checks Err once.
type Reader struct {
	b    []byte
	pos  int
	base int
	err  *Short
}

// NewReader reads b; offset is what Offset gives for its first octet.
func NewReader(b []byte, offset int) Reader { return Reader{b: b, base: offset} }

// Len is how many octets are left.
func (r *Reader) Len() int { return len(r.b) - r.pos }

// Offset is where the next read begins, counted from the outermost buffer.
func (r *Reader) Offset() int { return r.base + r.pos }

// Err is the first read that did not fit, or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// End is Err, or an error if anything is left.
func (r *Reader) End() error {
	if r.err == nil && r.Len() > 0 {
		return fmt.Errorf("at octet %d: %d octets too many", r.Offset(), r.Len())
	}
	return r.Err()
}

// OK says that no read has failed yet.
func (r *Reader) OK() bool { return r.err == nil }

func (r *Reader) take(n int) []byte {
	if n < 0 || n > len(r.b)-r.pos {
		if r.err == nil {
			r.err = &Short{Offset: r.Offset(), Want: n, Left: r.Len()}
		}
		r.pos = len(r.b)
		return nil
	}
	v := r.b[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return v
}

// U8 reads one octet.
func (r *Reader) U8() uint8 {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

// U16 reads two octets.
func (r *Reader) U16() uint16 {
	if v := r.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

// U32 reads four octets.
func (r *Reader) U32() uint32 {
	if v := r.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

// Bytes is a view on the next n octets, nil if they are not there.
func (r *Reader) Bytes(n int) []byte { return r.take(n) }

// Rest is a view on all that is left.
func (r *Reader) Rest() []byte { return r.take(r.Len()) }

// Sub is a reader of the next n octets, which keeps counting offsets from the
// outermost buffer.
func (r *Reader) Sub(n int) Reader {
	at := r.Offset()
	return Reader{b: r.take(n), base: at, err: r.err}
}

// Len8 appends what body appends, after its length in one octet.
func Len8(b []byte, body func([]byte) []byte) []byte {
	at := len(b)
	b = body(append(b, 0))
	b[at] = byte(len(b) - at - 1)
	return b
}

// Len16 appends what body appends, after its length in two octets.
func Len16(b []byte, body func([]byte) []byte) []byte {
	at := len(b)
	b = body(append(b, 0, 0))
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-2))
	return b
}

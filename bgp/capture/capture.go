// Package capture is BGP messages out of files that others wrote: packets in
// pcap and pcapng, and tables and messages in MRT (RFC 6396, RFC 8050).
package capture

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"time"

	"holdfast/bgp"
)

// Message is a message of a capture.
type Message struct {
	Time            time.Time
	Peer, Local     netip.AddrPort // of packets, Peer sent it; port 0 is not known
	PeerAS, LocalAS bgp.ASN        // 0: not known
	ASN4            bool           // AS numbers have four octets; meaningless if Packet
	Packet          bool           // from packets: what was agreed on is not known
	AddPath         bool           // routes have path identifiers (RFC 7911)
	Table           bool           // made of an entry of a table
	Sent            bool           // Local sent it, to Peer
	Raw             []byte         // the message with its header; valid until the next one
	Offset          int64          // of its record in the file, in octets, after decompression
}

// Limits of what a file can make us hold.
const (
	maxRecord = 16 << 20 // a record of MRT or a block of pcapng
	chunk     = 64 << 10 // by which room for a record grows
)

// Messages gives the messages of a file, whose format shows in its first octets,
// and errors: of a record that can't be understood, and then what comes behind
// it, or of the file, and then nothing.
func Messages(r io.Reader) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		in, err := open(r)
		if err == nil {
			in.bad = func(err error) bool { return yield(Message{}, err) }
			err = in.messages(func(m Message) bool { return yield(m, nil) })
		}
		if err != nil && err != errEnough {
			yield(Message{}, err)
		}
	}
}

// errEnough ends the reading when nobody wants more.
var errEnough = errors.New("enough")

// input is a file with what was read of the record at hand.
type input struct {
	r      *bufio.Reader
	offset int64 // of the next octet
	start  int64 // of the record
	buf    []byte
	bad    func(error) bool // takes what is wrong with a record; false: enough
}

// open looks through compression.
func open(r io.Reader) (*input, error) {
	for range 3 { // a file in a file in a file is somebody's joke
		b := bufio.NewReaderSize(r, 1<<20)
		magic, _ := b.Peek(4)
		switch {
		case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
			z, err := gzip.NewReader(b)
			if err != nil {
				return nil, err
			}
			r = z
		case bytes.HasPrefix(magic, []byte("BZh")):
			r = bzip2.NewReader(b)
		default:
			return &input{r: b}, nil
		}
	}
	return nil, errors.New("compressed too often")
}

func (in *input) messages(yield func(Message) bool) error {
	magic, err := in.r.Peek(4)
	if len(magic) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("want a capture, got %d octets", len(magic))
	}
	switch binary.BigEndian.Uint32(magic) {
	case 0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1:
		return in.pcap(yield)
	case 0x0a0d0d0a:
		return in.pcapng(yield)
	}
	return in.mrt(yield)
}

// take reads n octets behind those of the record that are there already. Room
// for them grows with what really comes.
func (in *input) take(n int) ([]byte, error) {
	if n > maxRecord {
		return nil, in.wrong("a record of %d octets, want at most %d", n, maxRecord)
	}
	at := len(in.buf)
	for left := n; left > 0; {
		step := min(left, chunk)
		from := len(in.buf)
		in.buf = append(in.buf, make([]byte, step)...)
		got, err := io.ReadFull(in.r, in.buf[from:])
		in.offset += int64(got)
		switch {
		case err == io.EOF, err == io.ErrUnexpectedEOF:
			return nil, in.wrong("cut: %d octets are missing", left-got)
		case err != nil: // a file that can't be read or decompressed
			return nil, in.wrong("%s", err)
		}
		left -= step
	}
	return in.buf[at:], nil
}

// next begins a record with its n octets of header; false at the end of the file.
func (in *input) next(n int) ([]byte, bool, error) {
	in.start, in.buf = in.offset, in.buf[:0]
	if _, err := in.r.Peek(1); err == io.EOF {
		return nil, false, nil
	}
	b, err := in.take(n)
	return b, err == nil, err
}

func (in *input) wrong(format string, args ...any) error {
	return fmt.Errorf("record at octet %d: %s", in.start, fmt.Sprintf(format, args...))
}

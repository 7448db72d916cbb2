package chronicle

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"time"
)

// The file is a head, and behind it records, each at a multiple of align:
//
//	octets 0-3   mark
//	octets 4-7   length of the text
//	octets 8-15  sequence number
//	octets 16-19 CRC-32C of octets 4-15 and the text
//	octets 20-   the entry in JSON, its sequence number left out
//
// Numbers are big-endian. A record does not go over the end: the rest is then
// zeros, and the next one is behind the head again, where it takes the place of
// the oldest. So no place in the file says where the ring begins: the record with
// the highest number is the newest, wherever it is, and a write that a power cut
// tears costs the records that it was about to replace and its own.
const (
	headLen   = 64
	recordLen = 20 // before the text
	align     = 8
	textLimit = 64 << 10 // of a record; those that we write are shorter
)

// mark begins a record. JSON has no octets below 32 and none that is not UTF-8,
// so that none begins inside of another.
var mark = [4]byte{0x89, 'H', 0xf7, 0x01}

var table = crc32.MakeTable(crc32.Castagnoli)

// magic begins the file.
const magic = "holdfast history 1\n"

// appendHead is the head of a file of a size.
func appendHead(b []byte, size int64) []byte {
	h := make([]byte, headLen)
	copy(h, magic)
	binary.BigEndian.PutUint64(h[headLen-12:], uint64(size))
	binary.BigEndian.PutUint32(h[headLen-4:], crc32.Checksum(h[:headLen-4], table))
	return append(b, h...)
}

// checkHead says what is wrong with a file.
func checkHead(b []byte) error {
	switch {
	case len(b) < headLen || string(b[:len(magic)]) != magic:
		return fmt.Errorf("want %q at its beginning", magic)
	case crc32.Checksum(b[:headLen-4], table) != binary.BigEndian.Uint32(b[headLen-4:]):
		return fmt.Errorf("the checksum of its head is wrong")
	case binary.BigEndian.Uint64(b[headLen-12:]) != uint64(len(b)) || len(b)%align != 0:
		return fmt.Errorf("want %d octets, has %d", binary.BigEndian.Uint64(b[headLen-12:]), len(b))
	}
	return nil
}

// appendRecord is an entry as a record, with what brings the next one to its
// place.
func appendRecord(b []byte, e Entry) []byte {
	bare := e
	bare.Seq = 0
	text, err := json.Marshal(bare)
	if err != nil { // a year that RFC 3339 can't say, of a broken clock
		bare.At = time.Time{}
		text, _ = json.Marshal(bare)
	}
	at := len(b)
	b = append(b, mark[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = binary.BigEndian.AppendUint32(b, sum(b[at+4:], text))
	b = append(b, text...)
	for len(b)%align != 0 {
		b = append(b, 0)
	}
	return b
}

func sum(fixed, text []byte) uint32 {
	return crc32.Update(crc32.Checksum(fixed, table), table, text)
}

// record reads the record at the beginning of b, and says how long it is.
func record(b []byte) (e Entry, n int, ok bool) {
	if len(b) < recordLen || !bytes.HasPrefix(b, mark[:]) {
		return e, 0, false
	}
	size := binary.BigEndian.Uint32(b[4:])
	if size > textLimit || int(size) > len(b)-recordLen {
		return e, 0, false
	}
	text := b[recordLen : recordLen+int(size)]
	if sum(b[4:16], text) != binary.BigEndian.Uint32(b[16:]) || json.Unmarshal(text, &e) != nil {
		return Entry{}, 0, false
	}
	e.Seq = binary.BigEndian.Uint64(b[8:])
	return e, (recordLen + len(text) + align - 1) / align * align, true
}

// scan is every whole entry of a file, in their order, and where the next one
// goes.
func scan(b []byte) (es []Entry, next int) {
	next = headLen
	newest := uint64(0)
	for at := headLen; at < len(b); {
		e, n, ok := record(b[at:])
		if !ok {
			at += align
			continue
		}
		es = append(es, e)
		if at += n; e.Seq >= newest {
			newest, next = e.Seq, at
		}
	}
	slices.SortFunc(es, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return slices.CompactFunc(es, func(a, b Entry) bool { return a.Seq == b.Seq }), next
}

// Package uki is unified kernel images: one program for the firmware, made of
// systemd's stub, the kernel, its first files and its command line (the UAPI
// group's "Unified Kernel Image"; Microsoft's "PE Format").
package uki

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Section is a part of an image.
type Section struct {
	Name string // ".linux", at most 8 octets
	Data []byte
}

// offsets into the headers of a program for 64 bits (PE32+), behind its signature.
const (
	numberOfSections = 2
	timeDateStamp    = 4
	symbols          = 8 // where they are and how many
	sizeOfOptional   = 16
	optional         = 20
	sectionAlignment = optional + 32
	fileAlignment    = optional + 36
	sizeOfImage      = optional + 56
	sizeOfHeaders    = optional + 60
	checkSum         = optional + 64
	numberOfTables   = optional + 108
	certificates     = optional + 112 + 4*8 // the fifth table: where signatures are, and their size
	row              = 40                   // of the table of sections

	// apart is between added sections: the stub takes the kernel where it lies.
	apart = 64 << 10
	// readable data that is loaded: IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ
	readable = 0x40000040
)

var le = binary.LittleEndian

// header is where things stand in a program.
type header struct {
	pe, table, sections int // offset of the signature's end and of the table; how many rows
}

// read finds the headers, which must be whole.
func read(b []byte) (h header, err error) {
	bad := errors.New("is not a program for UEFI on 64 bits")
	if len(b) < 0x40 || string(b[:2]) != "MZ" {
		return h, bad
	}
	h.pe = int(le.Uint32(b[0x3c:])) + 4
	if h.pe < 4 || h.pe%4 != 0 || h.pe > len(b)-optional-112 || string(b[h.pe-4:h.pe]) != "PE\x00\x00" || le.Uint16(b[h.pe+optional:]) != 0x20b {
		return h, bad
	}
	h.sections = int(le.Uint16(b[h.pe+numberOfSections:]))
	h.table = h.pe + optional + int(le.Uint16(b[h.pe+sizeOfOptional:]))
	if h.table+h.sections*row > len(b) || int(le.Uint32(b[h.pe+sizeOfHeaders:])) > len(b) {
		return h, errors.New("is cut off within its headers")
	}
	return h, nil
}

// Add puts sections behind those of the stub. Equal parts give equal images: no
// time is in them.
func Add(stub []byte, parts ...Section) ([]byte, error) {
	h, err := read(stub)
	if err != nil {
		return nil, fmt.Errorf("the stub %w", err)
	}
	out := slices.Clone(stub)
	align := int(le.Uint32(out[h.pe+fileAlignment:]))
	if align <= 0 || align > apart || align&(align-1) != 0 {
		return nil, fmt.Errorf("the stub is aligned to %d octets", align)
	}
	out = room(out, h, len(parts), align)
	out = out[:max(behind(out, h), h.table+(h.sections+len(parts))*row)]
	clear(out[h.pe+symbols : h.pe+symbols+8])
	out = append(out, make([]byte, -len(out)&(align-1))...)
	next := int(le.Uint32(out[h.pe+sizeOfImage:]))
	for i, p := range parts {
		at := h.table + (h.sections+i)*row
		next = (next + apart - 1) &^ (apart - 1)
		padded := (len(p.Data) + align - 1) &^ (align - 1)
		if len(p.Name) > 8 {
			return nil, fmt.Errorf("section %s: want at most 8 octets", p.Name)
		}
		clear(out[at : at+row])
		copy(out[at:at+8], p.Name)
		for j, v := range []int{len(p.Data), next, padded, len(out)} { // VirtualSize, VirtualAddress, SizeOfRawData, PointerToRawData
			le.PutUint32(out[at+8+4*j:], uint32(v))
		}
		le.PutUint32(out[at+36:], readable)
		out = append(out, p.Data...)
		out = append(out, make([]byte, padded-len(p.Data))...)
		next += len(p.Data)
	}
	step := int(le.Uint32(out[h.pe+sectionAlignment:]))
	le.PutUint32(out[h.pe+sizeOfImage:], uint32((next+step-1)&^(step-1)))
	le.PutUint16(out[h.pe+numberOfSections:], uint16(h.sections+len(parts)))
	le.PutUint32(out[h.pe+timeDateStamp:], 0)
	return out, Seal(out)
}

// Seal writes the checksum of an image into it. Firmware does not look at it, and
// signatures do not cover it.
func Seal(b []byte) error {
	h, err := read(b)
	if err == nil {
		le.PutUint32(b[h.pe+checkSum:], sum(b, h.pe+checkSum))
	}
	return err
}

// Whole says by its checksum whether an image is as it was made; nil: it is, or it
// has none. One bit that has turned is always seen, and most of what else happens.
func Whole(b []byte) error {
	h, err := read(b)
	if err != nil {
		return err
	}
	if want := le.Uint32(b[h.pe+checkSum:]); want != 0 && sum(b, h.pe+checkSum) != want {
		return errors.New("is spoilt: its checksum is another one")
	}
	return nil
}

// sum is the checksum of a program, whose field for it does not count: its words of
// 16 bits, with what is carried, and its length.
func sum(b []byte, field int) uint32 {
	s := uint64(0)
	for i := 0; i < len(b)-1; i += 2 {
		s += uint64(le.Uint16(b[i:]))
	}
	if len(b)%2 != 0 {
		s += uint64(b[len(b)-1])
	}
	s -= uint64(le.Uint16(b[field:])) + uint64(le.Uint16(b[field+2:]))
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return uint32(s) + uint32(len(b))
}

// room makes place for more rows in the table of sections: what is behind the
// headers moves on, and the rows say so.
func room(b []byte, h header, more, align int) []byte {
	end := h.table + (h.sections+more)*row
	old := int(le.Uint32(b[h.pe+sizeOfHeaders:]))
	if end <= old {
		return b
	}
	size := (end + align - 1) &^ (align - 1)
	for i := range h.sections {
		at := h.table + i*row + 20 // PointerToRawData
		if p := int(le.Uint32(b[at:])); p != 0 {
			le.PutUint32(b[at:], uint32(p+size-old))
		}
	}
	le.PutUint32(b[h.pe+sizeOfHeaders:], uint32(size))
	return slices.Concat(b[:old], make([]byte, size-old), b[old:])
}

// behind is where the sections end. What comes then, a table of symbols, would be a
// gap between them and ours, and who signs an image and who proves it do not agree
// on what is in a gap.
func behind(b []byte, h header) int {
	end := int(le.Uint32(b[h.pe+sizeOfHeaders:]))
	for i := range h.sections {
		r := b[h.table+i*row:]
		end = max(end, int(le.Uint32(r[16:]))+int(le.Uint32(r[20:])))
	}
	return min(end, len(b))
}

// Sections are the parts of an image, which must be whole: one that is cut off
// would stop some firmware for good.
func Sections(b []byte) (parts []Section, err error) {
	h, err := read(b)
	if err != nil {
		return nil, err
	}
	for i := range h.sections {
		r := b[h.table+i*row:]
		name := string(bytes.TrimRight(r[:8], "\x00"))
		size, raw, at := uint64(le.Uint32(r[8:])), uint64(le.Uint32(r[16:])), uint64(le.Uint32(r[20:]))
		if at+raw > uint64(len(b)) {
			return nil, fmt.Errorf("section %s is cut off: it ends at octet %d, and the file at %d", name, at+raw, len(b))
		}
		parts = append(parts, Section{name, b[at : at+min(size, raw)]})
	}
	return parts, nil
}

// Signed says whether an image has a signature for Secure Boot; whose it is, and of
// what, is for the firmware to say.
func Signed(b []byte) bool {
	h, err := read(b)
	if err != nil || le.Uint32(b[h.pe+numberOfTables:]) < 5 || h.pe+certificates+8 > h.table {
		return false
	}
	at, size := uint64(le.Uint32(b[h.pe+certificates:])), uint64(le.Uint32(b[h.pe+certificates+4:]))
	return size > 0 && at+size <= uint64(len(b))
}

// Package vpls is all that the family l2vpn vpls knows (RFC 4761): bytes,
// words, JSON.
package vpls

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// Codec is the row of the family.
var Codec = nlri.Codec{Family: bgp.L2VPNVPLS, Next: next, View: View, Form: &Form, Key: key, NextHopLens: []int{4, 16}}

// size is the length of a label block, without the length itself, in octets.
const size = 17

// Block is a block of labels, one for each site of a VPLS (RFC 4761 section
// 3.2.2).
type Block struct {
	RD       nlri.RD
	Endpoint uint16 // VE ID
	Offset   uint16 // VE block offset
	Size     uint16 // VE block size
	Base     uint32 // the first label; 20 bits
	Low      uint8  // the four bits behind the label, as they came

	HasPath bool
	PathID  uint32
}

// Other is an NLRI of another length: multi-homing and the like, kept as it is.
type Other struct{ raw nlri.Raw }

// next reads the length in octets, and as many.
func next(b []byte) ([]byte, int, error) {
	if len(b) < 2 {
		return nil, 0, fmt.Errorf("want a length of 2 octets, %d left", len(b))
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	if n > len(b) {
		return nil, 0, fmt.Errorf("an NLRI of %d octets, %d left", n-2, len(b)-2)
	}
	if n == 2 {
		return nil, 0, errors.New("an NLRI of no octets")
	}
	return b[:n:n], n, nil
}

// key leaves the label base and the block's size out: a block is told apart by
// its site and its offset.
func key(_, body []byte) []byte {
	if len(body) != 2+size {
		return body
	}
	return body[:2+8+4]
}

// View is the typed form of a checked NLRI.
func View(r nlri.Raw) nlri.NLRI {
	b := r.Body
	if len(b) != 2+size {
		return Other{r}
	}
	label := uint32(b[16])<<16 | uint32(b[17])<<8 | uint32(b[18])
	if !fits(label>>4, binary.BigEndian.Uint16(b[14:])) {
		return Other{r} // no labels that anybody could use
	}
	return Block{RD: nlri.RD(b[2:10]), Endpoint: binary.BigEndian.Uint16(b[10:]), Offset: binary.BigEndian.Uint16(b[12:]),
		Size: binary.BigEndian.Uint16(b[14:]), Base: label >> 4, Low: uint8(label & 15), HasPath: r.HasPath, PathID: r.PathID}
}

// fits says whether there are so many labels from a base on (RFC 3032 section
// 2.1).
func fits(base uint32, n uint16) bool { return base+uint32(n) <= nlri.MaxLabel+1 }

// Raw is the NLRI in its canonical packed form.
func (v Block) Raw() nlri.Raw {
	return nlri.Raw{Family: bgp.L2VPNVPLS, HasPath: v.HasPath, PathID: v.PathID, Body: v.append(nil)}
}

func (v Block) append(b []byte) []byte {
	b = append(append(b, 0, size), v.RD[:]...)
	b = binary.BigEndian.AppendUint16(b, v.Endpoint)
	b = binary.BigEndian.AppendUint16(b, v.Offset)
	b = binary.BigEndian.AppendUint16(b, v.Size)
	return append(b, byte(v.Base>>12), byte(v.Base>>4), byte(v.Base<<4)|v.Low)
}

// Raw is the NLRI as it came.
func (o Other) Raw() nlri.Raw { return o.raw }

// Form is how a block is said: "endpoint 5 base 10702 offset 1 size 8 rd 192.0.2.1:123".
var Form = nlri.Form{Words: nlri.Words(leaves), Begin: func(bgp.Family) nlri.Draft { return &draft{Block: Block{Low: 1}} }}

type draft struct {
	Block
	said  uint8 // which of the numbers, and the distinguisher
	other []byte
}

var leaves = []nlri.Leaf[draft]{
	{Word: "rd", Args: "ASN:NUMBER|ADDRESS:NUMBER", Help: "route distinguisher", Say: sayRD},
	{Word: "endpoint", Args: "0-65535", Help: "the site's number (VE ID)", Say: number(func(d *draft, n uint64) { d.Endpoint = uint16(n) }, 1, 0xffff)},
	{Word: "offset", Args: "0-65535", Help: "the first site that the block is for", Say: number(func(d *draft, n uint64) { d.Offset = uint16(n) }, 2, 0xffff)},
	{Word: "size", Args: "0-65535", Help: "how many sites the block is for", Say: number(func(d *draft, n uint64) { d.Size = uint16(n) }, 4, 0xffff)},
	{Word: "base", Args: "0-1048575", Help: "the first label", Say: number(func(d *draft, n uint64) { d.Base = uint32(n) }, 8, nlri.MaxLabel)},
	{Word: "low-bits", Args: "0-15", Help: "the four bits behind the label; 1 is the bottom of the stack", Say: number(func(d *draft, n uint64) { d.Low = uint8(n) }, 0, 15)},
	{Word: "octets", Args: "0xHEX", Help: "an NLRI of another kind, without its length", Say: sayOctets},
}

const all = 1 | 2 | 4 | 8 | 16

func number(put func(*draft, uint64), bit uint8, most uint64) func(*draft, grammar.Source) error {
	return func(d *draft, s grammar.Source) error {
		n, err := grammar.Uint(s, most)
		put(d, n)
		d.said |= bit
		return err
	}
}

func sayRD(d *draft, s grammar.Source) (err error) {
	d.RD, err = nlri.SayRD(s)
	d.said |= 16
	return err
}

func sayOctets(d *draft, s grammar.Source) (err error) {
	d.other, err = nlri.SayOctets(s)
	if err == nil && (len(d.other) == 0 || len(d.other) > 0xffff) {
		err = errors.New("want 1-65535 octets")
	}
	return err
}

func (d *draft) Say(word string, s grammar.Source, _ *attr.Draft) (bool, error) {
	return nlri.Say(leaves, d, word, s)
}

// AppendBody wants every number, and that the labels fit.
func (d *draft) AppendBody(b []byte) ([]byte, error) {
	switch {
	case d.other != nil && d.said == 0:
		b = binary.BigEndian.AppendUint16(b, uint16(len(d.other)))
		return append(b, d.other...), nil
	case d.said != all:
		return b, errors.New("want rd, endpoint, base, offset and size")
	case !fits(d.Base, d.Size):
		return b, fmt.Errorf("base: want labels up to %d, got %d and %d more", nlri.MaxLabel, d.Base, d.Size)
	}
	return d.append(b), nil
}

// AppendText appends what Form reads.
func (v Block) AppendText(b []byte) []byte {
	b = v.RD.AppendText(append(b, "rd "...))
	b = strconv.AppendUint(append(b, " endpoint "...), uint64(v.Endpoint), 10)
	b = strconv.AppendUint(append(b, " base "...), uint64(v.Base), 10)
	b = strconv.AppendUint(append(b, " offset "...), uint64(v.Offset), 10)
	b = strconv.AppendUint(append(b, " size "...), uint64(v.Size), 10)
	if v.Low != 1 {
		b = strconv.AppendUint(append(b, " low-bits "...), uint64(v.Low), 10)
	}
	return nlri.AppendPathText(b, v.HasPath, v.PathID)
}

// AppendJSON appends the block as an object with ExaBGP's names.
func (v Block) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	b = v.RD.AppendJSON(append(b, `{ "rd": `...))
	b = fmt.Appendf(b, `, "endpoint": %d, "base": %d, "offset": %d, "size": %d`, v.Endpoint, v.Base, v.Offset, v.Size)
	return append(nlri.AppendPathJSON(b, v.HasPath, v.PathID), " }"...)
}

// AppendText appends what Form reads.
func (o Other) AppendText(b []byte) []byte {
	return nlri.AppendPathText(nlri.AppendOctets(append(b, "octets "...), o.raw.Body[2:]), o.raw.HasPath, o.raw.PathID)
}

// AppendJSON appends the octets.
func (o Other) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	return nlri.AppendOpaqueJSON(b, o.raw, o.raw.Body)
}

package wire

import (
	"encoding/binary"
	"fmt"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/capability"
	"holdfast/bgp/octet"
)

const (
	paramCapabilities = 2   // RFC 5492 section 4
	paramExtended     = 255 // RFC 9072: lengths of two octets follow
)

// AppendOpen appends an OPEN. Each capability travels in a parameter of its
// own, as ExaBGP's do; when they do not fit 255 octets, in the extended form.
func AppendOpen(b []byte, o Open) []byte {
	start := len(b)
	b = append(AppendHeader(b, TypeOpen), 4, byte(o.AS.Short()>>8), byte(o.AS.Short()))
	b = binary.BigEndian.AppendUint16(b, uint16(o.HoldTime/time.Second))
	b = binary.BigEndian.AppendUint32(b, uint32(o.ID))
	total := 0
	for _, c := range o.Capabilities {
		total += 4 + len(c.Value)
	}
	if total < 255 { // 255 says that the extended form follows (RFC 9072 section 2)
		b = appendParameters(append(b, byte(total)), o.Capabilities, false)
		return PatchLength(b, start)
	}
	total += len(o.Capabilities) // the second octet of each length
	b = append(b, 255, paramExtended, byte(total>>8), byte(total))
	return PatchLength(appendParameters(b, o.Capabilities, true), start)
}

func appendParameters(b []byte, cs []capability.Capability, extended bool) []byte {
	for _, c := range cs {
		b = append(b, paramCapabilities)
		if extended {
			b = append(b, byte((2+len(c.Value))>>8))
		}
		b = c.Append(append(b, byte(2+len(c.Value))))
	}
	return b
}

// ParseOpen reads a whole OPEN. What only the session can judge (the AS, an
// identifier like ours) is left to it.
func ParseOpen(msg []byte) (*Open, *Error) {
	r := octet.NewReader(msg[HeaderLen:], HeaderLen)
	o := &Open{Version: r.U8(), AS: bgp.ASN(r.U16())}
	hold := r.U16()
	o.HoldTime, o.ID = time.Duration(hold)*time.Second, bgp.ID(r.U32())
	if o.Version != 4 {
		return nil, openError(BadVersion, HeaderLen, []byte{0, 4}, "version %d, want 4", o.Version)
	}
	if hold == 1 || hold == 2 {
		return nil, openError(BadHoldTime, HeaderLen+3, msg[22:24], "hold time %d s, want 0 or 3 and more", hold)
	}
	if o.ID == 0 {
		return nil, openError(BadID, HeaderLen+5, nil, "the identifier is zero")
	}
	if err := o.parameters(&r); err != nil {
		return nil, err
	}
	if as, ok := capability.AS(o.Capabilities); ok {
		o.AS = as
	}
	if o.AS == 0 {
		return nil, openError(BadPeerAS, HeaderLen+1, nil, "AS 0 (RFC 7607)")
	}
	return o, nil
}

// parameters reads the optional parameters in either form.
func (o *Open) parameters(r *octet.Reader) *Error {
	at := r.Offset()
	total, wide := int(r.U8()), false
	if r.Len() >= 3 && total != 0 {
		if next := *r; next.U8() == paramExtended {
			r.U8()
			total, wide = int(r.U16()), true
		}
	}
	if total != r.Len() {
		return openError(0, at, nil, "optional parameters of %d octets, %d are there", total, r.Len())
	}
	for r.Len() > 0 {
		at, kind := r.Offset(), r.U8()
		size := 0
		if wide {
			size = int(r.U16())
		} else {
			size = int(r.U8())
		}
		p := r.Sub(size)
		if err := r.Err(); err != nil {
			return openError(0, at, nil, "optional parameter %d: %v", kind, err)
		}
		if kind != paramCapabilities {
			return openError(UnsupportedParameter, at, nil, "optional parameter %d is not known", kind)
		}
		var err error
		if o.Capabilities, err = capability.Parse(&p, o.Capabilities); err != nil {
			return openError(0, at, nil, "%v", err)
		}
	}
	return nil
}

func openError(subcode uint8, offset int, data []byte, format string, args ...any) *Error {
	return &Error{Code: CodeOpen, Subcode: subcode, Data: data, Offset: offset, Disposition: Reset,
		Reason: fmt.Sprintf(format, args...)}
}

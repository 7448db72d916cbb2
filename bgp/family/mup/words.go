package mup

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/family/inet"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// Form is how a route is said: "mup-isd 2001::/64 rd 100:100".
var Form = nlri.Form{Words: nlri.Words(leaves), Begin: func(f bgp.Family) nlri.Draft {
	return &draft{Route: Route{AFI: f.AFI(), NoSource: true}}
}}

type draft struct {
	Route
	rd, teid, tunnel bool
	other            []byte
}

var leaves = []nlri.Leaf[draft]{
	{Word: "mup-isd", Args: "PREFIX", Help: "interwork segment discovery", Say: kindWithPrefix(Interwork)},
	{Word: "mup-dsd", Args: "ADDRESS", Help: "direct segment discovery", Say: sayDirect},
	{Word: "mup-t1st", Args: "PREFIX", Help: "type 1 session transformed", Say: kindWithPrefix(Session1)},
	{Word: "mup-t2st", Args: "ADDRESS", Help: "type 2 session transformed, with its endpoint", Say: sayT2},
	{Word: "rd", Args: "ASN:NUMBER|ADDRESS:NUMBER", Help: "route distinguisher", Say: func(d *draft, s grammar.Source) (err error) {
		d.RD, err = nlri.SayRD(s)
		d.rd = true
		return err
	}},
	{Word: "teid", Args: "NUMBER[/BITS]", Help: "tunnel endpoint identifier, of mup-t2st also how many of its bits count", Say: sayTEID},
	{Word: "qfi", Args: "0-255", Help: "QoS flow identifier", Say: func(d *draft, s grammar.Source) error {
		n, err := grammar.Uint(s, 255)
		d.QFI = uint8(n)
		return err
	}},
	{Word: "endpoint", Args: "ADDRESS", Help: "the tunnel's endpoint, of mup-t1st", Say: func(d *draft, s grammar.Source) (err error) {
		d.Endpoint, err = grammar.Addr(s)
		d.tunnel = true
		return err
	}},
	{Word: "source", Args: "ADDRESS|none", Help: "the tunnel's source, of mup-t1st", Say: func(d *draft, s grammar.Source) (err error) {
		if d.NoSource = false; s.Peek() == "none" {
			s.Next()
			return nil
		}
		d.Source, err = grammar.Addr(s)
		return err
	}},
	{Word: "octets", Args: "0xHEX", Help: "a route of another kind, with its header", Say: func(d *draft, s grammar.Source) (err error) {
		d.other, err = nlri.SayOctets(s)
		return err
	}},
}

func kindWithPrefix(k Kind) func(*draft, grammar.Source) error {
	return func(d *draft, s grammar.Source) (err error) {
		d.Kind = k
		d.Prefix, err = grammar.Prefix(s)
		if err == nil && inet.AFI(d.Prefix) != d.AFI {
			err = fmt.Errorf("want a prefix of %s, got %q", bgp.MakeFamily(d.AFI, bgp.SAFIMUP), d.Prefix)
		}
		return err
	}
}

func (d *draft) ownAddress(s grammar.Source) (a netip.Addr, err error) {
	a, err = grammar.Addr(s)
	if err == nil && a.BitLen() != inet.MaxBits(d.AFI) {
		err = fmt.Errorf("want an address of %s, got %q", bgp.MakeFamily(d.AFI, bgp.SAFIMUP), a)
	}
	return a, err
}

func sayDirect(d *draft, s grammar.Source) (err error) {
	d.Kind = Direct
	d.Address, err = d.ownAddress(s)
	return err
}

func sayT2(d *draft, s grammar.Source) (err error) {
	d.Kind = Session2
	d.Endpoint, err = d.ownAddress(s)
	return err
}

// sayTEID reads a number, and how many bits of 32 it has: "12345/32". With
// fewer, the number is that of the leading bits.
func sayTEID(d *draft, s grammar.Source) error {
	const want = "a TEID like 12345 or 12345/32"
	w, err := grammar.Value(s, want)
	if err != nil {
		return err
	}
	number, length, sized := strings.Cut(w, "/")
	bits := uint64(32)
	if sized {
		if bits, err = strconv.ParseUint(length, 10, 8); err != nil || bits > 32 {
			return grammar.Wish(want, w)
		}
	}
	n, err := grammar.ParseUint(number)
	if err != nil || n>>bits != 0 {
		return grammar.Wish(want, w)
	}
	d.teid, d.TEIDBits, d.TEID = true, int(bits), uint32(n<<(32-bits))
	return nil
}

func (d *draft) Say(word string, s grammar.Source, _ *attr.Draft) (bool, error) {
	return nlri.Say(leaves, d, word, s)
}

// AppendBody wants all that the route type has.
func (d *draft) AppendBody(b []byte) ([]byte, error) {
	if d.other != nil {
		return d.appendOther(b)
	}
	switch {
	case d.Kind == 0:
		return b, errors.New("want mup-isd, mup-dsd, mup-t1st or mup-t2st")
	case !d.rd:
		return b, errors.New("want rd")
	case d.Kind >= Session1 && !d.teid:
		return b, errors.New("want teid")
	case d.Kind == Session1 && (!d.Endpoint.IsValid() || d.TEIDBits != 32):
		return b, errors.New("want endpoint, and a teid of 32 bits")
	}
	if w := d.foreign(); w != "" {
		return b, nlri.None(w)
	}
	return d.append(b), nil
}

// foreign is a word that was said and that the route type has not.
func (d *draft) foreign() string {
	switch session := d.Kind == Session1; {
	case d.teid && d.Kind < Session1:
		return "teid"
	case d.QFI != 0 && !session:
		return "qfi"
	case d.tunnel && !session:
		return "endpoint"
	case !d.NoSource && !session:
		return "source"
	}
	return ""
}

func (d *draft) appendOther(b []byte) ([]byte, error) {
	_, n, err := next(d.other, d.AFI)
	if err != nil {
		return b, fmt.Errorf("octets: %w", err)
	}
	if _, known := kindOf(d.other); n != len(d.other) || known || d.Kind != 0 {
		return b, errors.New("octets: want one whole route of a type that has no word")
	}
	return append(b, d.other...), nil
}

// AppendText appends what Form reads.
func (r Route) AppendText(b []byte) []byte {
	switch r.Kind {
	case Interwork:
		b = r.Prefix.AppendTo(append(b, "mup-isd "...))
	case Direct:
		b = r.Address.AppendTo(append(b, "mup-dsd "...))
	case Session1:
		b = r.Prefix.AppendTo(append(b, "mup-t1st "...))
	default:
		b = r.Endpoint.AppendTo(append(b, "mup-t2st "...))
	}
	b = r.RD.AppendText(append(b, " rd "...))
	switch r.Kind {
	case Session1:
		b = fmt.Appendf(b, " teid %d qfi %d endpoint %s", r.TEID, r.QFI, r.Endpoint)
		switch {
		case r.Source.IsValid():
			b = r.Source.AppendTo(append(b, " source "...))
		case !r.NoSource:
			b = append(b, " source none"...)
		}
	case Session2:
		b = fmt.Appendf(b, " teid %d/%d", uint64(r.TEID)>>(32-r.TEIDBits), r.TEIDBits)
	}
	return nlri.AppendPathText(b, r.HasPath, r.PathID)
}

var names = [...]string{Interwork: "InterworkSegmentDiscoveryRoute", Direct: "DirectSegmentDiscoveryRoute",
	Session1: "Type1SessionTransformedRoute", Session2: "Type2SessionTransformedRoute"}

// AppendJSON appends the route as an object with ExaBGP's names.
func (r Route) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	b = fmt.Appendf(b, `{ "name": "%s", "arch": %d, "code": %d`, names[r.Kind], arch5G, r.Kind)
	switch r.Kind {
	case Interwork, Session1:
		b = fmt.Appendf(b, `, "prefix_ip_len": %d, "prefix_ip": "%s"`, r.Prefix.Bits(), r.Prefix.Addr())
	case Direct:
		b = fmt.Appendf(b, `, "ip": "%s"`, r.Address)
	default:
		b = fmt.Appendf(b, `, "endpoint_len": %d, "endpoint_ip": "%s", "teid": "%d"`, r.Endpoint.BitLen()+r.TEIDBits, r.Endpoint, uint64(r.TEID)>>(32-r.TEIDBits))
	}
	if r.Kind == Session1 {
		b = fmt.Appendf(b, `, "teid": "%d", "qfi": "%d"`, r.TEID, r.QFI)
	}
	b = r.RD.AppendJSON(append(b, `, "rd": `...))
	if r.Kind == Session1 {
		b = fmt.Appendf(b, `, "endpoint_ip_len": %d, "endpoint_ip": "%s"`, r.Endpoint.BitLen(), r.Endpoint)
		if r.Source.IsValid() {
			b = fmt.Appendf(b, `, "source_ip_len": %d, "source_ip": "%s"`, r.Source.BitLen(), r.Source)
		}
	}
	b = fmt.Appendf(b, `, "raw": "%X"`, r.append(nil))
	return append(nlri.AppendPathJSON(b, r.HasPath, r.PathID), " }"...)
}

// AppendText appends what Form reads.
func (o Other) AppendText(b []byte) []byte {
	return nlri.AppendPathText(nlri.AppendOctets(append(b, "octets "...), o.raw.Body), o.raw.HasPath, o.raw.PathID)
}

// AppendJSON appends the octets.
func (o Other) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	return nlri.AppendOpaqueJSON(b, o.raw, o.raw.Body)
}

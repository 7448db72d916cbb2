package mvpn

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// Form is how a route is said: "source-join source 10.99.12.2 group 239.255.1.1
// rd 65000:1 source-as 65000". The words of types 1 to 3 are ours.
var Form = nlri.Form{Words: nlri.Words(leaves), Begin: func(f bgp.Family) nlri.Draft { return &draft{Route: Route{AFI: f.AFI()}} }}

type draft struct {
	Route
	rd, as, source, group bool
	other                 []byte
}

var leaves = []nlri.Leaf[draft]{
	kind("intra-as", IntraAS, "intra-AS I-PMSI A-D"),
	kind("inter-as", InterAS, "inter-AS I-PMSI A-D"),
	kind("s-pmsi", SPMSI, "S-PMSI A-D"),
	kind("source-ad", SourceAD, "source active A-D"),
	kind("shared-join", SharedJoin, "join of the tree of a rendezvous point"),
	kind("source-join", SourceJoin, "join of the tree of a source"),
	{Word: "rd", Args: "ASN:NUMBER|ADDRESS:NUMBER", Help: "route distinguisher", Say: func(d *draft, s grammar.Source) (err error) {
		d.RD, err = nlri.SayRD(s)
		d.rd = true
		return err
	}},
	{Word: "source", Args: "ADDRESS|*", Help: "where the packets come from", Say: func(d *draft, s grammar.Source) (err error) {
		d.Source, err = wild(s)
		d.source = true
		return err
	}},
	{Word: "rp", Args: "ADDRESS|*", Help: "the rendezvous point, of shared-join", Say: func(d *draft, s grammar.Source) (err error) {
		d.Source, err = wild(s)
		d.source = true
		return err
	}},
	{Word: "group", Args: "ADDRESS|*", Help: "the group that they go to", Say: func(d *draft, s grammar.Source) (err error) {
		d.Group, err = wild(s)
		d.group = true
		return err
	}},
	{Word: "source-as", Args: "ASN", Help: "the AS of the source", Say: func(d *draft, s grammar.Source) error {
		w, err := grammar.Value(s, "an AS number")
		if err != nil {
			return err
		}
		d.as = true
		d.SourceAS, err = bgp.ParseASN(w)
		return err
	}},
	{Word: "originator", Args: "ADDRESS", Help: "the router that the route comes from", Say: func(d *draft, s grammar.Source) (err error) {
		d.Originator, err = grammar.Addr(s)
		return err
	}},
	{Word: "octets", Args: "0xHEX", Help: "a leaf A-D or a route of another type, with its header", Say: func(d *draft, s grammar.Source) (err error) {
		d.other, err = nlri.SayOctets(s)
		return err
	}},
}

func kind(word string, k Kind, help string) nlri.Leaf[draft] {
	return nlri.Leaf[draft]{Word: word, Help: help, Say: func(d *draft, _ grammar.Source) error {
		if d.Kind != 0 {
			return errors.New("want one route type")
		}
		d.Kind = k
		return nil
	}}
}

// wild takes an address, or a star for any.
func wild(s grammar.Source) (netip.Addr, error) {
	if s.Peek() == "*" {
		s.Next()
		return netip.Addr{}, nil
	}
	return grammar.Addr(s)
}

func (d *draft) Say(word string, s grammar.Source, _ *attr.Draft) (bool, error) {
	return nlri.Say(leaves, d, word, s)
}

// AppendBody wants all that the route type has.
func (d *draft) AppendBody(b []byte) ([]byte, error) {
	switch {
	case d.other != nil:
		return d.appendOther(b)
	case d.Kind == 0:
		return b, errors.New("want source-ad, shared-join, source-join, intra-as, inter-as or s-pmsi")
	case !d.rd:
		return b, errors.New("want rd")
	case d.hasGroup() && !(d.source && d.group):
		return b, errors.New("want source (or rp) and group")
	case d.hasAS() && !d.as:
		return b, errors.New("want source-as")
	case d.hasOriginator() && !d.Originator.IsValid():
		return b, errors.New("want originator")
	case d.source && !d.hasGroup():
		return b, nlri.None("source")
	case d.group && !d.hasGroup():
		return b, nlri.None("group")
	case d.as && !d.hasAS():
		return b, nlri.None("source-as")
	case d.Originator.IsValid() && !d.hasOriginator():
		return b, nlri.None("originator")
	}
	return d.append(b), nil
}

func (d *draft) appendOther(b []byte) ([]byte, error) {
	_, n, err := next(d.other, d.AFI)
	if err != nil {
		return b, fmt.Errorf("octets: %w", err)
	}
	if n != len(d.other) || known(d.other) || d.Kind != 0 {
		return b, errors.New("octets: want one whole route of a type that has no word")
	}
	return append(b, d.other...), nil
}

var typeWords = [...]string{IntraAS: "intra-as", InterAS: "inter-as", SPMSI: "s-pmsi", SourceAD: "source-ad", SharedJoin: "shared-join", SourceJoin: "source-join"}

// AppendText appends what Form reads.
func (r Route) AppendText(b []byte) []byte {
	b = append(b, typeWords[r.Kind]...)
	if r.hasGroup() {
		word := " source "
		if r.Kind == SharedJoin {
			word = " rp "
		}
		b = appendWild(append(b, word...), r.Source)
		b = appendWild(append(b, " group "...), r.Group)
	}
	b = r.RD.AppendText(append(b, " rd "...))
	if r.hasAS() {
		b = strconv.AppendUint(append(b, " source-as "...), uint64(r.SourceAS), 10)
	}
	if r.hasOriginator() {
		b = r.Originator.AppendTo(append(b, " originator "...))
	}
	return nlri.AppendPathText(b, r.HasPath, r.PathID)
}

func appendWild(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(b, '*')
	}
	return a.AppendTo(b)
}

var names = [...]string{IntraAS: "Intra-AS I-PMSI A-D route", InterAS: "Inter-AS I-PMSI A-D route", SPMSI: "S-PMSI A-D route",
	SourceAD: "Source Active A-D Route", SharedJoin: "C-Multicast Shared Tree Join route", SourceJoin: "C-Multicast Source Tree Join route"}

// AppendJSON appends the route as an object with ExaBGP's names.
func (r Route) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	b = fmt.Appendf(b, `{ "code": %d, "parsed": true, "raw": "%X", "name": "%s", "rd": `, r.Kind, r.append(nil), names[r.Kind])
	b = r.RD.AppendJSON(b)
	if r.hasAS() {
		b = fmt.Appendf(b, `, "source-as": "%d"`, r.SourceAS)
	}
	if r.hasGroup() {
		b = append(appendWild(append(b, `, "source": "`...), r.Source), '"')
		b = append(appendWild(append(b, `, "group": "`...), r.Group), '"')
	}
	if r.hasOriginator() {
		b = fmt.Appendf(b, `, "originator": "%s"`, r.Originator)
	}
	return append(nlri.AppendPathJSON(b, r.HasPath, r.PathID), " }"...)
}

// AppendText appends what Form reads.
func (o Other) AppendText(b []byte) []byte {
	return nlri.AppendPathText(nlri.AppendOctets(append(b, "octets "...), o.raw.Body), o.raw.HasPath, o.raw.PathID)
}

// AppendJSON appends the octets.
func (o Other) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	b = fmt.Appendf(b, `{ "code": %d, "parsed": false, "raw": "%X"`, o.raw.Body[0], o.raw.Body)
	return append(nlri.AppendPathJSON(b, o.raw.HasPath, o.raw.PathID), " }"...)
}

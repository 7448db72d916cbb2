package evpn

import (
	"errors"
	"fmt"
	"strconv"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// Form is how a route is said: its type, and then words in any order, as in
// "mac-ip rd 192.0.2.1:1 ethernet-tag 0 mac 00:11:22:33:44:55 ip 10.0.0.1 label 100".
// ExaBGP has no words for EVPN: these are ours.
var Form = nlri.Form{Words: nlri.Words(leaves), Begin: func(bgp.Family) nlri.Draft { return &draft{} }}

type draft struct {
	Route
	rd, mac, withdrawn bool
	other              []byte
}

var leaves = []nlri.Leaf[draft]{
	kind("ethernet-ad", EthernetAD, "Ethernet auto-discovery (RFC 7432 7.1)"),
	kind("mac-ip", MACIP, "MAC/IP advertisement (RFC 7432 7.2)"),
	kind("multicast", Multicast, "inclusive multicast Ethernet tag (RFC 7432 7.3)"),
	kind("segment", Segment, "Ethernet segment (RFC 7432 7.4)"),
	kind("ip-prefix", IPPrefix, "IP prefix (RFC 9136)"),
	{Word: "rd", Args: "ASN:NUMBER|ADDRESS:NUMBER", Help: "route distinguisher", Say: func(d *draft, s grammar.Source) (err error) {
		d.RD, err = nlri.SayRD(s)
		d.rd = true
		return err
	}},
	{Word: "esi", Args: "-|XX:XX:…", Help: "Ethernet segment identifier; - for a single homed site", Say: func(d *draft, s grammar.Source) (err error) {
		d.ESI, err = nlri.SayESI(s)
		return err
	}},
	{Word: "ethernet-tag", Args: "0-4294967295", Help: "Ethernet tag; 0 if it is not said", Say: func(d *draft, s grammar.Source) error {
		n, err := grammar.Uint(s, 1<<32-1)
		d.Tag = uint32(n)
		return err
	}},
	{Word: "mac", Args: "XX:XX:XX:XX:XX:XX", Help: "MAC address, of mac-ip", Say: func(d *draft, s grammar.Source) (err error) {
		d.MAC, err = nlri.SayMAC(s)
		d.mac = true
		return err
	}},
	{Word: "ip", Args: "ADDRESS", Help: "the host's address, of mac-ip; the originator's, of multicast and segment", Say: func(d *draft, s grammar.Source) (err error) {
		d.IP, err = grammar.Addr(s)
		return err
	}},
	{Word: "prefix", Args: "PREFIX", Help: "of ip-prefix", Say: func(d *draft, s grammar.Source) (err error) {
		d.Prefix, err = grammar.Prefix(s)
		return err
	}},
	{Word: "gateway", Args: "ADDRESS", Help: "the gateway of ip-prefix; none if it is not said", Say: func(d *draft, s grammar.Source) (err error) {
		d.Gateway, err = grammar.Addr(s)
		return err
	}},
	{Word: "label", Args: "[ 0-1048575 … ]", Help: "one MPLS label, of mac-ip one or two", Say: fields(nlri.MaxLabel, 4, 1)},
	{Word: "vni", Args: "[ 0-16777215 … ]", Help: "one VNI in place of a label, of mac-ip one or two (RFC 8365)", Say: fields(1<<24-1, 0, 0)},
	{Word: "octets", Args: "0xHEX", Help: "a route of another type, with its header", Say: func(d *draft, s grammar.Source) (err error) {
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

// fields takes numbers for the label fields, shifted, with low bits set. Each
// label of EVPN stands for itself, so each has the bottom bit.
func fields(most uint64, shift uint, low uint64) func(*draft, grammar.Source) error {
	return func(d *draft, s grammar.Source) error {
		d.Labels = nil
		return grammar.Items(s, fmt.Sprintf("a number 0-%d", most), func(w string) error {
			n, err := grammar.ParseUint(w)
			if err != nil || n > most {
				return fmt.Errorf("want a number 0-%d, got %q", most, w)
			}
			n = n<<shift | low
			d.Labels = append(d.Labels, byte(n>>16), byte(n>>8), byte(n))
			return nil
		})
	}
}

func (d *draft) Say(word string, s grammar.Source, _ *attr.Draft) (bool, error) {
	return nlri.Say(leaves, d, word, s)
}

// Withdrawn makes labels dispensable: they do not tell routes apart.
func (d *draft) Withdrawn() { d.withdrawn = true }

// AppendBody wants all that the route type has, and nothing else.
func (d *draft) AppendBody(b []byte) ([]byte, error) {
	if d.other != nil {
		return d.appendOther(b)
	}
	if err := d.check(); err != nil {
		return b, err
	}
	return d.append(b), nil
}

func (d *draft) check() error {
	if d.withdrawn && d.Labels == nil && d.Kind != Multicast && d.Kind != Segment {
		d.Labels = nlri.Labels{0, 0, 0}
	}
	labels := len(d.Labels) / 3
	switch {
	case d.Kind == 0:
		return errors.New("want ethernet-ad, mac-ip, multicast, segment or ip-prefix")
	case !d.rd:
		return errors.New("want rd")
	case d.Kind == MACIP && !d.mac:
		return errors.New("want mac")
	case (d.Kind == Multicast || d.Kind == Segment) && !d.IP.IsValid():
		return errors.New("want ip")
	case d.Kind == IPPrefix && !d.Prefix.IsValid():
		return errors.New("want prefix")
	case d.foreign() != "":
		return nlri.None(d.foreign())
	case d.Kind == Multicast || d.Kind == Segment:
	case labels == 0 || labels > 2 || labels == 2 && d.Kind != MACIP:
		return fmt.Errorf("label: want one label or vni, or two of mac-ip, got %d", labels)
	}
	if d.Kind == IPPrefix && !d.Gateway.IsValid() {
		d.Gateway = zeroGateway(d.Prefix)
	}
	if d.Kind == IPPrefix && d.Gateway.BitLen() != d.Prefix.Addr().BitLen() {
		return errors.New("gateway: want an address of the prefix's address family")
	}
	return nil
}

// foreign is a word that was said and that the route type has not.
func (d *draft) foreign() string {
	switch k := d.Kind; {
	case d.mac && k != MACIP:
		return "mac"
	case d.IP.IsValid() && (k == EthernetAD || k == IPPrefix):
		return "ip"
	case d.Prefix.IsValid() && k != IPPrefix:
		return "prefix"
	case d.Gateway.IsValid() && k != IPPrefix:
		return "gateway"
	case d.ESI != nlri.ESI{} && k == Multicast:
		return "esi"
	case d.Tag != 0 && k == Segment:
		return "ethernet-tag"
	case d.Labels != nil && (k == Multicast || k == Segment):
		return "label"
	}
	return ""
}

func (d *draft) appendOther(b []byte) ([]byte, error) {
	_, n, err := next(d.other)
	if err != nil {
		return b, fmt.Errorf("octets: %w", err)
	}
	if n != len(d.other) || known(d.other) || d.Kind != 0 {
		return b, errors.New("octets: want one whole route of a type that has no word")
	}
	return append(b, d.other...), nil
}

var typeWords = [...]string{EthernetAD: "ethernet-ad", MACIP: "mac-ip", Multicast: "multicast", Segment: "segment", IPPrefix: "ip-prefix"}

// AppendText appends what Form reads.
func (r Route) AppendText(b []byte) []byte {
	b = append(append(b, typeWords[r.Kind]...), " rd "...)
	b = r.RD.AppendText(b)
	if r.Kind != Multicast {
		b = r.ESI.AppendText(append(b, " esi "...))
	}
	if r.Kind != Segment {
		b = strconv.AppendUint(append(b, " ethernet-tag "...), uint64(r.Tag), 10)
	}
	if r.Kind == MACIP {
		b = r.MAC.AppendText(append(b, " mac "...))
	}
	if r.IP.IsValid() {
		b = r.IP.AppendTo(append(b, " ip "...))
	}
	if r.Kind == IPPrefix {
		b = r.Prefix.AppendTo(append(b, " prefix "...))
		b = r.Gateway.AppendTo(append(b, " gateway "...))
	}
	return nlri.AppendPathText(r.appendLabels(b), r.HasPath, r.PathID)
}

// appendLabels says labels, or VNIs where a field is no label with the bottom
// bit.
func (r *Route) appendLabels(b []byte) []byte {
	if len(r.Labels) == 0 {
		return b
	}
	word, shift := " label ", 4
	for f := range r.Labels.All {
		if f&15 != 1 {
			word, shift = " vni ", 0
		}
	}
	b = append(b, word...)
	if len(r.Labels) > 3 {
		b = append(b, "[ "...)
	}
	for f := range r.Labels.All {
		b = append(strconv.AppendUint(b, uint64(f>>shift), 10), ' ')
	}
	if len(r.Labels) > 3 {
		return append(b, ']')
	}
	return b[:len(b)-1]
}

// names are ExaBGP's.
var names = [...]string{EthernetAD: "Ethernet Auto-Discovery", MACIP: "MAC/IP advertisement", Multicast: "Inclusive Multicast Ethernet Tag",
	Segment: "Ethernet Segment", IPPrefix: "IP Prefix Advertisement"}

// AppendJSON appends the route as an object with ExaBGP's names.
func (r Route) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	b = fmt.Appendf(b, `{ "code": %d, "parsed": true, "raw": "%X", "name": "%s", "rd": `, r.Kind, r.append(nil), names[r.Kind])
	b = r.RD.AppendJSON(b)
	if r.Kind != Multicast {
		b = append(r.ESI.AppendText(append(b, `, "esi": "`...)), '"')
	}
	if r.Kind != Segment {
		b = strconv.AppendUint(append(b, `, "ethernet-tag": `...), uint64(r.Tag), 10)
	}
	if r.Kind == MACIP {
		b = append(r.MAC.AppendText(append(b, `, "mac": "`...)), '"')
	}
	if len(r.Labels) > 0 {
		b = r.Labels.AppendJSON(append(b, `, "label": `...))
	}
	if r.IP.IsValid() {
		b = fmt.Appendf(b, `, "ip": "%s"`, r.IP)
	}
	if r.Kind == IPPrefix {
		b = fmt.Appendf(b, `, "ip": "%s", "iplen": %d, "gateway": "%s"`, r.Prefix.Addr(), r.Prefix.Bits(), r.Gateway)
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

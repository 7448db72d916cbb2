package ls

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// Form is how an object is said: its type, and then descriptors in any order:
// "node protocol isis-l1 identifier 0 local [ as 65000 router-id
// 1921.6800.0001 ]". ExaBGP has no words for BGP-LS: these are ours.
var Form = nlri.Form{Words: words(), Begin: func(f bgp.Family) nlri.Draft { return &draft{Object: Object{VPN: f == bgp.BGPLSVPN}} }}

// protocols are the words of the protocols (RFC 9552 section 5.2), by number.
var protocols = []string{1: "isis-l1", 2: "isis-l2", 3: "ospfv2", 4: "direct", 5: "static", 6: "ospfv3", 7: "bgp"}

var kinds = []struct {
	word string
	kind Kind
	json string
	help string
}{
	{"node", Node, "bgpls-node", "a router"},
	{"link", Link, "bgpls-link", "a link, seen from its local end"},
	{"prefix-v4", PrefixV4, "bgpls-prefix-v4", "an IPv4 prefix of a router"},
	{"prefix-v6", PrefixV6, "bgpls-prefix-v6", "an IPv6 prefix of a router"},
	{"srv6-sid", SRv6SID, "bgpls-srv6-sid", "an SRv6 SID of a router (RFC 9514)"},
}

type draft struct {
	Object
	tlvs   []byte
	rd     bool
	proto  bool
	prefix netip.Prefix
	other  []byte
}

var leaves = []nlri.Leaf[draft]{
	{Word: "rd", Args: "ASN:NUMBER|ADDRESS:NUMBER", Help: "route distinguisher, of bgp-ls-vpn", Say: func(d *draft, s grammar.Source) (err error) {
		d.RD, err = nlri.SayRD(s)
		d.rd = true
		return err
	}},
	{Word: "protocol", Args: "isis-l1|isis-l2|ospfv2|ospfv3|direct|static|bgp|0-255", Help: "who knows it", Say: sayProtocol},
	{Word: "identifier", Args: "NUMBER", Help: "instance of the protocol; 0 if it is not said", Say: func(d *draft, s grammar.Source) (err error) {
		d.Identifier, err = grammar.Uint(s, 1<<64-1)
		return err
	}},
	{Word: "local", Args: "[ DESCRIPTORS ]", Help: "the router, or the local end of a link", Say: sayNode(codeLocal)},
	{Word: "remote", Args: "[ DESCRIPTORS ]", Help: "the other end of a link", Say: sayNode(codeRemote)},
	{Word: "prefix", Args: "PREFIX", Help: "of prefix-v4 and prefix-v6", Say: sayPrefix},
	{Word: "tlv", Args: "CODE 0xHEX", Help: "a descriptor that has no word", Say: func(d *draft, s grammar.Source) (err error) {
		d.tlvs, err = sayAny(d.tlvs, s, true)
		return err
	}},
	{Word: "octets", Args: "0xHEX", Help: "an NLRI that the other words can not say, with its header", Say: func(d *draft, s grammar.Source) (err error) {
		d.other, err = nlri.SayOctets(s)
		return err
	}},
}

func words() (ws []nlri.Word) {
	for _, k := range kinds {
		ws = append(ws, nlri.Word{Word: k.word, Help: k.help})
	}
	ws = append(ws, nlri.Words(leaves)...)
	for _, r := range descriptors {
		if !slices.ContainsFunc(ws, func(w nlri.Word) bool { return w.Word == r.word }) {
			ws = append(ws, nlri.Word{Word: r.word, Args: r.args, Help: r.help})
		}
	}
	return ws
}

func sayProtocol(d *draft, s grammar.Source) error {
	w := s.Peek()
	d.proto = true
	if i := slices.Index(protocols, w); i > 0 {
		d.Protocol = uint8(i)
		s.Next()
		return nil
	}
	n, err := grammar.Uint(s, 255)
	if err != nil {
		return grammar.Wish("a protocol like ospfv2, or 0-255", w)
	}
	d.Protocol = uint8(n)
	return nil
}

// sayNode reads the descriptors of a node in brackets.
func sayNode(code uint16) func(*draft, grammar.Source) error {
	return func(d *draft, s grammar.Source) (err error) {
		if err := grammar.Expect(s, "["); err != nil {
			return err
		}
		d.tlvs, err = appendTLV(d.tlvs, code, func(b []byte) ([]byte, error) {
			var node []byte
			for s.Peek() != "]" {
				w := s.Next()
				if node, err = sayTLV(node, nodeDescriptors, w, s); err != nil {
					return b, err
				}
			}
			s.Next()
			return append(b, sorted(node)...), nil
		})
		return err
	}
}

func sayTLV(b []byte, rows []descriptor, w string, s grammar.Source) (_ []byte, err error) {
	if w == "tlv" {
		b, err = sayAny(b, s, false)
	} else if row := byWord(rows, w); row != nil {
		b, err = appendTLV(b, row.code, func(b []byte) ([]byte, error) { return row.say(b, s) })
	} else {
		return b, grammar.Wish("a descriptor or ]", w)
	}
	if err != nil {
		return b, fmt.Errorf("%s: %w", w, err)
	}
	return b, nil
}

// sayPrefix appends the reachability information: as many octets as count.
func sayPrefix(d *draft, s grammar.Source) (err error) {
	p, err := grammar.Prefix(s)
	if err != nil {
		return err
	}
	d.prefix = p
	d.tlvs, err = appendTLV(d.tlvs, codePrefix, func(b []byte) ([]byte, error) {
		return append(append(b, byte(p.Bits())), p.Addr().AsSlice()[:(p.Bits()+7)/8]...), nil
	})
	return err
}

func (d *draft) Say(word string, s grammar.Source, _ *attr.Draft) (bool, error) {
	for _, k := range kinds {
		if k.word == word && d.Kind == 0 {
			d.Kind = k.kind
			return true, nil
		}
	}
	if mine, err := nlri.Say(leaves, d, word, s); mine {
		return true, err
	}
	row := byWord(descriptors, word)
	if row == nil {
		return false, nil
	}
	var err error
	if row.say == nil {
		d.tlvs, err = sayEnd(d.tlvs, row.code, s)
		return true, err
	}
	d.tlvs, err = appendTLV(d.tlvs, row.code, func(b []byte) ([]byte, error) { return row.say(b, s) })
	return true, err
}

// sayEnd reads the address of an end of a link; the code of IPv6 is two more.
func sayEnd(b []byte, code uint16, s grammar.Source) ([]byte, error) {
	a, err := grammar.Addr(s)
	if err != nil {
		return b, err
	}
	if a.Is6() {
		code += codeIPv6Here - codeIPv4Here
	}
	return appendTLV(b, code, func(b []byte) ([]byte, error) { return append(b, a.AsSlice()...), nil })
}

// AppendBody wants a type, a protocol, and for a VPN a route distinguisher.
func (d *draft) AppendBody(b []byte) ([]byte, error) {
	if d.other != nil {
		return d.appendOther(b)
	}
	switch {
	case d.Kind == 0:
		return b, errors.New("want node, link, prefix-v4, prefix-v6 or srv6-sid")
	case !d.proto:
		return b, errors.New("want protocol")
	case d.VPN != d.rd:
		return b, errors.New("rd: want it for bgp-ls-vpn, and only there")
	case d.prefix.IsValid() && d.prefix.Addr().Is4() != (d.Kind == PrefixV4):
		return b, fmt.Errorf("prefix: %s does not fit the type", d.prefix)
	case len(d.tlvs) > 0xffff-fixed-8:
		return b, errors.New("want descriptors that fit an NLRI of 65535 octets")
	}
	d.TLVs = string(sorted(d.tlvs))
	if err := d.lacks(); err != nil {
		return b, err
	}
	return d.append(b), nil
}

func (d *draft) appendOther(b []byte) ([]byte, error) {
	rd := 0
	if d.VPN {
		rd = len(d.RD)
	}
	_, n, err := next(d.other, rd)
	if err != nil {
		return b, fmt.Errorf("octets: %w", err)
	}
	if n != len(d.other) || d.Kind != 0 {
		return b, errors.New("octets: want one whole NLRI, and no type beside it")
	}
	return append(b, d.other...), nil
}

// AppendText appends what Form reads.
func (o Object) AppendText(b []byte) []byte {
	if !o.plain() {
		return Other{o.Raw()}.AppendText(b)
	}
	for _, k := range kinds {
		if k.kind == o.Kind {
			b = append(b, k.word...)
		}
	}
	if o.VPN {
		b = o.RD.AppendText(append(b, " rd "...))
	}
	b = append(b, " protocol "...)
	if p := int(o.Protocol); p > 0 && p < len(protocols) {
		b = append(b, protocols[p]...)
	} else {
		b = strconv.AppendUint(b, uint64(p), 10)
	}
	b = strconv.AppendUint(append(b, " identifier "...), o.Identifier, 10)
	for code, v := range tlvs(o.TLVs) {
		b = o.textOne(append(b, ' '), code, v)
	}
	return nlri.AppendPathText(b, o.HasPath, o.PathID)
}

func (o Object) textOne(b []byte, code uint16, v string) []byte {
	switch code {
	case codeLocal, codeRemote:
		b = append(b, map[uint16]string{codeLocal: "local [ ", codeRemote: "remote [ "}[code]...)
		for code, v := range tlvs(v) {
			b = append(textTLV(b, nodeDescriptors, code, v), ' ')
		}
		return append(b, ']')
	case codePrefix:
		if p, ok := o.reach(v); ok && int(v[0]+7)/8 == len(v)-1 && p == p.Masked() {
			return p.AppendTo(append(b, "prefix "...))
		}
	}
	return textTLV(b, descriptors, code, v)
}

// reach is the prefix of reachability information (RFC 9552 section 5.2.3.2).
func (o Object) reach(v string) (netip.Prefix, bool) {
	size := 16
	if o.Kind == PrefixV4 {
		size = 4
	}
	if o.Kind != PrefixV4 && o.Kind != PrefixV6 || v == "" || int(v[0]) > 8*size || len(v)-1 > size {
		return netip.Prefix{}, false
	}
	var b [16]byte
	copy(b[:], v[1:])
	a, _ := netip.AddrFromSlice(b[:size])
	return netip.PrefixFrom(a, int(v[0])), true
}

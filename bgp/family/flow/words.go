package flow

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// Form is how a specification is said: its components in any order, and its
// actions: "destination 192.0.2.1/32 protocol tcp port [ =80 >1024&<2048 ] discard".
var Form = nlri.Form{Words: allWords(), NoHop: true, Begin: func(f bgp.Family) nlri.Draft {
	return &draft{afi: f.AFI(), vpn: f.SAFI() == bgp.SAFIFlowVPN}
}}

func allWords() []nlri.Word {
	ws := []nlri.Word{
		{Word: "rd", Args: "ASN:NUMBER|ADDRESS:NUMBER", Help: "route distinguisher: the specification is one of a VPN"},
		{Word: "destination", Args: "PREFIX[/OFFSET]", Help: components[0].help, Section: "match"},
		{Word: "source", Args: "PREFIX[/OFFSET]", Help: components[1].help, Section: "match"},
	}
	for i := range components {
		c := &components[i]
		for _, w := range []string{c.word, c.word6} {
			if w == "" {
				continue
			}
			args := "[ OPERATOR VALUE … ]"
			if c.form == prefixForm {
				args = "PREFIX"
			}
			ws = append(ws, nlri.Word{Word: w, Args: args, Help: c.help, Section: "match"})
		}
	}
	for _, a := range actions {
		section := "then"
		if a.word == "interface-set" {
			section = "scope"
		}
		ws = append(ws, nlri.Word{Word: a.word, Args: a.args, Help: a.help, Section: section})
	}
	return ws
}

// draft is a specification while it is being said.
type draft struct {
	afi   bgp.AFI // 0: not known yet
	words bgp.AFI // that the words are of, which then only make it likely
	vpn   bool
	rd    nlri.RD
	hasRD bool
	value [len(components)][]byte // what the wire has behind a component's type
	ops   [len(components)][]operator
}

func (d *draft) six() bool { return cmp.Or(d.afi, d.words) == bgp.AFIIPv6 }

// Family is what was said of it.
func (d *draft) Family() bgp.Family {
	switch {
	case d.six() && d.hasRD:
		return bgp.IPv6FlowVPN
	case d.six():
		return bgp.IPv6Flow
	case d.hasRD:
		return bgp.IPv4FlowVPN
	}
	return bgp.IPv4Flow
}

// Say takes a component or an action.
func (d *draft) Say(word string, s grammar.Source, a *attr.Draft) (bool, error) {
	switch word {
	case "rd", "route-distinguisher":
		var err error
		d.rd, err = nlri.SayRD(s)
		d.hasRD = err == nil
		return true, err
	case "destination":
		return true, d.prefix(0, s)
	case "source":
		return true, d.prefix(1, s)
	}
	for i := range components {
		c := &components[i]
		if word != c.word && word != c.word6 {
			continue
		}
		if err := d.version(c, word); err != nil {
			return true, err
		}
		if c.form == prefixForm {
			return true, d.prefix(i, s)
		}
		return true, d.operators(i, word, s)
	}
	return say(word, s, a)
}

// version wants a word to fit the address family, or tells it. A component with
// two words is the same in both: ExaBGP takes either.
func (d *draft) version(c *component, word string) error {
	switch {
	case c.only6, c.form == prefixForm && word == c.word6:
		return d.is(bgp.AFIIPv6)
	case c.form == prefixForm:
		return d.is(bgp.AFIIPv4)
	case word == c.word6:
		d.words = bgp.AFIIPv6
	}
	return nil
}

func (d *draft) is(afi bgp.AFI) error {
	if d.afi == 0 {
		d.afi = afi
	}
	if d.afi != afi {
		return fmt.Errorf("want what is of %s", bgp.MakeFamily(d.afi, bgp.SAFIFlow))
	}
	return nil
}

// prefix takes "192.0.2.0/24", or "2001:db8::/32/16" with an offset.
func (d *draft) prefix(i int, s grammar.Source) error {
	w, err := grammar.Value(s, "a prefix")
	if err != nil {
		return err
	}
	text, offset := w, uint64(0)
	if at := strings.LastIndexByte(w, '/'); at >= 0 && strings.Count(w, "/") == 2 {
		if offset, err = strconv.ParseUint(w[at+1:], 10, 7); err != nil {
			return grammar.Wish("an offset 0-127", w[at+1:])
		}
		text = w[:at]
	}
	p, err := parsePattern(text)
	if err != nil {
		return err
	}
	if d.value[i] != nil {
		return errors.New("want one prefix")
	}
	if p.Addr().Is4() {
		if offset > 0 {
			return fmt.Errorf("an offset is for IPv6, got %q", w)
		}
		d.value[i] = appendPrefix4(nil, p.Masked())
		warnIgnored(s, w, p, p.Masked())
		return d.is(bgp.AFIIPv4)
	}
	if offset >= uint64(p.Bits()) && offset > 0 {
		return fmt.Errorf("want an offset below %d, got %d", p.Bits(), offset)
	}
	pattern := prefix6{from(p, int(offset)), int(offset)}
	d.value[i] = pattern.append(nil)
	warnIgnored(s, w, p, pattern.net)
	return d.is(bgp.AFIIPv6)
}

// parsePattern reads a prefix, of which ExaBGP takes all bits.
func parsePattern(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p, nil
	}
	return grammar.ParsePrefix(s)
}

// warnIgnored tells of bits that packets are not compared with.
func warnIgnored(s grammar.Source, said string, p, meant netip.Prefix) {
	if c, ok := s.(*grammar.Cursor); ok && p != meant {
		c.Warn("%s has bits set that nothing is compared with, %s is meant", said, meant)
	}
}

// operators takes one comparison, or several in brackets, each of parts joined
// by "&".
func (d *draft) operators(i int, word string, s grammar.Source) error {
	c := &components[i]
	most := c.greatest(word)
	want := fmt.Sprintf("a value like %s, at most %d", c.example(), most)
	return grammar.Items(s, want, func(w string) error {
		for n, part := range strings.Split(w, "&") {
			o, ok := c.parse(part, most)
			if !ok {
				return grammar.Wish(want, cmp.Or(part, w))
			}
			if n > 0 {
				o.bits |= opAnd
			}
			d.ops[i] = append(d.ops[i], o)
		}
		return nil
	})
}

func (c *component) example() string {
	switch {
	case c.form == maskForm:
		return c.named.words[1].word + " or !" + c.named.words[2].word
	case c.named != nil && c.named != &services:
		return "=" + c.named.words[0].word
	}
	return "=80 or >1024&<2048"
}

// comparisons are those of numbers, the longer ones first; "=" may be left out.
var comparisons = []struct {
	word string
	bits byte
}{
	{">=", opGreater | opEqual}, {"<=", opLess | opEqual}, {"!=", opLess | opGreater}, {"true:", opLess | opGreater | opEqual}, {"false:", 0},
	{">", opGreater}, {"<", opLess}, {"=", opEqual}, {"", opEqual},
}

// matches are those of bit masks; none is "any of these bits".
var matches = []struct {
	word string
	bits byte
}{
	{"!=", opNot | opMatch}, {"!", opNot}, {"=", opMatch}, {"", 0},
}

// parse reads one comparison. Beyond what the header field can have, a value is
// taken in hexadecimal only: somebody else said it, and nobody by mistake.
func (c *component) parse(s string, most uint64) (o operator, ok bool) {
	table := comparisons
	if c.form == maskForm {
		table = matches
	}
	for _, t := range table {
		if value, is := strings.CutPrefix(s, t.word); is {
			o.bits = t.bits
			o.value, ok = c.named.parse(value)
			return o, ok && (o.value <= most || strings.HasPrefix(value, "0x"))
		}
	}
	return o, false
}

// AppendBody wants a component at least, in types that ascend.
func (d *draft) AppendBody(b []byte) ([]byte, error) {
	if d.vpn && !d.hasRD {
		return b, errors.New("want rd")
	}
	var rules []byte
	for i := range components {
		c := &components[i]
		switch {
		case len(d.ops[i]) > 0:
			rules = appendOperators(append(rules, c.code), d.ops[i])
		case d.value[i] != nil:
			rules = append(append(rules, c.code), d.value[i]...)
		}
	}
	n := len(rules)
	if d.hasRD {
		n += rdLen
	}
	switch {
	case len(rules) == 0:
		return b, errors.New("want what matches, such as destination 192.0.2.0/24")
	case n > longest:
		return b, fmt.Errorf("want a specification of at most %d octets, got %d", longest, n)
	}
	return appendSpec(b, d.hasRD, d.rd, rules), nil
}

// AppendText appends what Form reads.
func (s Spec) AppendText(b []byte) []byte {
	at := len(b)
	b = s.appendRules(b, false)
	if len(b) > at && b[at] == ' ' {
		b = slices.Delete(b, at, at+1)
	}
	return nlri.AppendPathText(b, s.HasPath, s.PathID)
}

// appendRules appends each component, and a distinguisher, with a blank before
// it, to be read again or to be shown.
func (s Spec) appendRules(b []byte, shown bool) []byte {
	for c, v := range s.components {
		b = append(append(append(b, ' '), c.name(s.six())...), ' ')
		values := c.values(v, s.six(), shown)
		if len(values) > 1 {
			b = append(b, "[ "...)
		}
		b = append(b, strings.Join(values, " ")...)
		if len(values) > 1 {
			b = append(b, " ]"...)
		}
	}
	if s.vpn() {
		b = s.RD.AppendText(append(b, " rd "...))
	}
	return b
}

// values are what a component says, one word for each that stands alone.
func (c *component) values(v []byte, six, shown bool) (words []string) {
	if c.form == prefixForm {
		if !six {
			return []string{parsePrefix4(v).String()}
		}
		p := parsePrefix6(v, false)
		return []string{p.text()}
	}
	var b []byte
	for o := range operators(c, v) {
		if o.bits&opAnd != 0 {
			b = append(b, '&')
		} else if b != nil {
			words, b = append(words, string(b)), nil
		}
		if shown {
			b = c.show(b, o)
		} else {
			b = c.append(b, o, c.greatest(c.name(six)))
		}
	}
	return append(words, string(b))
}

// show appends a comparison as ExaBGP shows it: without a value where none
// matters.
func (c *component) show(b []byte, o operator) []byte {
	if c.form == numberForm {
		switch o.bits & c.meaning() {
		case 0:
			return append(b, "false"...)
		case c.meaning():
			return append(b, "true"...)
		}
	}
	return c.append(b, o, math.MaxUint64)
}

// append appends what parse reads, the value in hexadecimal if it is beyond most.
func (c *component) append(b []byte, o operator, most uint64) []byte {
	table := comparisons
	if c.form == maskForm {
		table = matches
	}
	for _, t := range table {
		if t.bits == o.bits&c.meaning() {
			b = append(b, t.word...)
			break
		}
	}
	if o.value > most {
		return fmt.Appendf(b, "0x%x", o.value)
	}
	return c.named.append(b, o.value)
}

// AppendJSON appends the specification as an object with ExaBGP's names.
func (s Spec) AppendJSON(b []byte, j *nlri.JSON) []byte {
	b = append(b, "{ "...)
	for c, v := range s.components {
		b = append(append(append(b, '"'), c.name(s.six())...), `": [ `...)
		for i, value := range c.values(v, s.six(), true) {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(append(append(b, '"'), value...), '"')
		}
		b = append(b, " ], "...)
	}
	if s.vpn() {
		b = append(s.RD.AppendJSON(append(b, `"rd": `...)), ", "...)
	}
	hop, inside := netip.Addr{}, false
	if j != nil && j.Legacy {
		hop, inside = netip.AddrFromSlice(j.NextHop)
	}
	if inside {
		b = fmt.Appendf(b, `"next-hop": "%s", `, hop)
	}
	b = s.appendRules(append(b, `"string": "flow`...), true)
	if inside {
		b = fmt.Appendf(b, " next-hop %s", hop)
	}
	return append(nlri.AppendPathJSON(append(b, '"'), s.HasPath, s.PathID), " }"...)
}

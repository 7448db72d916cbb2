package attr

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"holdfast/bgp/grammar"
)

// textOrder is the order in which ExaBGP says attributes, the next hop first;
// those that are not here follow by their code.
var textOrder = []uint8{
	NextHop, Origin, ASPath, LocalPref, MED, AtomicAggregate, Aggregator, Community, LargeCommunity,
	ExtCommunity, OriginatorID, ClusterList,
}

// AppendText appends the attributes in the words of a route command, with one
// blank between them: "next-hop 192.0.2.1 origin igp community [ 65000:1 ]".
func (s Set) AppendText(b []byte) []byte {
	at := len(b)
	for _, code := range textOrder {
		if v, ok := s.value(code); ok {
			b = Attr{Code: code, Value: v}.AppendText(append(b, ' '))
		}
	}
	for a := range s.All() {
		if !slices.Contains(textOrder, a.Code) {
			b = a.AppendText(append(b, ' '))
		}
	}
	if len(b) > at {
		b = slices.Delete(b, at, at+1)
	}
	return b
}

// AppendTold appends the attributes as ExaBGP's text tells helpers of them: in the
// order of their codes, without the next hop, with a blank before each.
func (s Set) AppendTold(b []byte) []byte {
	for a := range s.All() {
		if !a.told() {
			continue
		}
		if table[a.Code].name == "" {
			a.Flags |= Partial // as it would be passed on
		}
		at := len(b)
		b = a.AppendText(append(b, ' '))
		if n := alone[a.Code]; n > 0 && len(a.Value) == n {
			open := at + bytes.IndexByte(b[at:], '[')
			b = slices.Delete(b[:len(b)-len(" ]")], open, open+len("[ "))
		}
	}
	return b
}

// alone is how long the value of a list is that ExaBGP tells without brackets:
// it has one item.
var alone = map[uint8]int{Community: 4, ExtCommunity: 8, LargeCommunity: 12}

// AppendText appends the attribute as a route command says it; one that has no
// words as its octets.
func (a Attr) AppendText(b []byte) []byte {
	r := &table[a.Code]
	ok := a.sayable(r)
	if ok && r.words != nil {
		at := len(b)
		if b, ok = r.words(b, a.Value); ok {
			return b
		}
		b = b[:at]
	}
	if !ok || r.text == nil {
		b = fmt.Appendf(b, "attribute [ 0x%02x 0x%02x 0x", a.Code, a.Flags)
		return append(hex.AppendEncode(b, []byte(a.Value)), " ]"...)
	}
	return r.text(append(b, r.name...), a.Value)
}

func textAddress(b []byte, v string) []byte {
	a, _ := netip.AddrFromSlice([]byte(v))
	return a.AppendTo(append(b, ' '))
}

func textNumber(b []byte, v string) []byte {
	return strconv.AppendUint(append(b, ' '), uint64(asAt(v, 0)), 10)
}

func textNothing(b []byte, _ string) []byte { return b }

// textList appends items of a size in square brackets.
func textList(b []byte, v string, size int, item func([]byte, string) []byte) []byte {
	b = append(b, " [ "...)
	for ; len(v) >= size; v = v[size:] {
		b = append(item(b, v[:size]), ' ')
	}
	return append(b, ']')
}

func textDotted(b []byte, v string) []byte {
	return netip.AddrFrom4([4]byte([]byte(v))).AppendTo(b)
}

// saysAgain says whether words of Free leaves give a value octet for octet.
func saysAgain(code uint8, text, v string) bool {
	tokens, errs := grammar.Lex("", text)
	if errs != nil {
		return false
	}
	s := tokenSource(tokens)
	var d Draft
	for s.Peek() != "" {
		if !sayFree(&d, s.Next(), &s) {
			return false
		}
	}
	got, _ := d.Get(code)
	return string(got) == v
}

func sayFree(d *Draft, word string, s grammar.Source) bool {
	for i := range Leaves {
		if l := &Leaves[i]; l.Word == word && l.Form == Free {
			d.Begin()
			return l.Say(d, s) == nil
		}
	}
	return false
}

// tokenSource gives the words of a text.
type tokenSource []grammar.Token

// Peek is the word that comes next.
func (t *tokenSource) Peek() string {
	if len(*t) == 0 {
		return ""
	}
	return (*t)[0].Text
}

// Next takes it.
func (t *tokenSource) Next() string {
	w := t.Peek()
	if w != "" {
		*t = (*t)[1:]
	}
	return w
}

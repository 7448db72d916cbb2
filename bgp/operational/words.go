package operational

import (
	"encoding/json"
	"fmt"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
)

// Words are the kinds that can be said, and what follows them.
var Words = []struct{ Word, Args, Help string }{
	{"asm", advisoryArgs, "an advisory that holds until the next one"},
	{"adm", advisoryArgs, "an advisory to look at now"},
	{"rpcq", questionArgs, "ask how many prefixes the neighbor reaches by us"},
	{"rpcp", answerArgs, "answer that"},
	{"apcq", questionArgs, "ask how many prefixes the neighbor tells us"},
	{"apcp", answerArgs, "answer that"},
	{"lpcq", questionArgs, "ask how many prefixes the neighbor has"},
	{"lpcp", answerArgs, "answer that"},
}

const (
	family       = "afi AFI safi SAFI "
	advisoryArgs = family + "advisory TEXT"
	questionArgs = family + "sequence NUMBER router-id ROUTER-ID"
	answerArgs   = questionArgs + " counter NUMBER"
)

// Say reads a message behind the word of its kind: "afi ipv4 safi unicast
// advisory "maintenance at ten"".
func Say(word string, s grammar.Source) (m Message, err error) {
	for k, row := range kinds {
		if strings.EqualFold(row.name, word) {
			m.Kind = k
		}
	}
	if m.Kind == 0 {
		return m, grammar.Wish("asm, adm, rpcq, rpcp, apcq, apcp, lpcq or lpcp", word)
	}
	var afi, safi string
	for s.Peek() != "" {
		if err := m.say(s.Next(), s, &afi, &safi); err != nil {
			return m, err
		}
	}
	f, ok := bgp.FamilyByWords(afi, safi)
	if m.Family = f; !ok {
		return m, fmt.Errorf("want a family like afi ipv4 safi unicast, got afi %q safi %q", afi, safi)
	}
	if kinds[m.Kind].form == advisory && m.Advisory == "" {
		return m, grammar.Wish("advisory TEXT", "")
	}
	return m, nil
}

// say takes the value of a word that belongs to the kind.
func (m *Message) say(word string, s grammar.Source, afi, safi *string) (err error) {
	form := kinds[m.Kind].form
	switch {
	case word == "afi":
		*afi, err = grammar.Value(s, "an address family")
	case word == "safi":
		*safi, err = grammar.Value(s, "a subsequent address family")
	case word == "advisory" && form == advisory:
		m.Advisory, err = grammar.Value(s, "a text")
		if err == nil && len(m.Advisory) > MaxAdvisory {
			err = fmt.Errorf("advisory: want at most %d octets, got %d", MaxAdvisory, len(m.Advisory))
		}
	case word == "router-id" && form != advisory:
		var id string
		if id, err = grammar.Value(s, "a router-id"); err == nil {
			m.RouterID, err = bgp.ParseID(id)
		}
	case word == "sequence" && form != advisory:
		m.Sequence, err = number(s)
	case word == "counter" && form == answer:
		m.Counter, err = number(s)
	default:
		err = fmt.Errorf("unexpected %q in %s", word, strings.ToLower(m.Kind.String()))
	}
	return err
}

func number(s grammar.Source) (uint32, error) {
	n, err := grammar.Uint(s, 1<<32-1)
	return uint32(n), err
}

// AppendText appends what Say reads, the word of the kind first. A kind that is
// not known has no words.
func (m *Message) AppendText(b []byte) []byte {
	form := kinds[m.Kind].form
	if form == 0 {
		return fmt.Appendf(b, "%s 0x%X", m.Kind, m.Unknown)
	}
	afi, safi := m.Family.Words()
	b = fmt.Appendf(b, "%s afi %s safi %s", strings.ToLower(m.Kind.String()), afi, safi)
	if form == advisory {
		return fmt.Appendf(b, " advisory %s", grammar.Quote(m.Advisory))
	}
	b = fmt.Appendf(b, " sequence %d router-id %s", m.Sequence, m.RouterID)
	if form == answer {
		b = fmt.Appendf(b, " counter %d", m.Counter)
	}
	return b
}

// AppendJSON appends the object that ExaBGP's events have: a question's number
// is not in it.
func (m *Message) AppendJSON(b []byte) []byte {
	form := kinds[m.Kind].form
	if form == 0 {
		return fmt.Appendf(b, `{ "name": "%s", "raw": "%X" }`, m.Kind, m.Unknown)
	}
	afi, safi := m.Family.Words()
	b = fmt.Appendf(b, `{ "name": "%s", "afi": "%s", "safi": "%s"`, m.Kind, afi, safi)
	switch form {
	case advisory:
		text, _ := json.Marshal(m.Advisory) // a string always can be
		b = append(append(b, `, "advisory": `...), text...)
	case answer:
		b = fmt.Appendf(b, `, "router-id": "%s", "sequence": %d, "counter": %d`, m.RouterID, m.Sequence, m.Counter)
	}
	return append(b, " }"...)
}

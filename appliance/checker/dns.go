package checker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"holdfast/appliance/health"
)

// lookDNS asks one question, over UDP, and over TCP if the answer has no room
// there (RFC 7766 section 5). A question that is lost is not asked again: the
// next look does.
func lookDNS(ctx context.Context, p health.Probe) error {
	id := uint16(rand.Uint32())
	question, err := ask(id, p)
	if err != nil {
		return err
	}
	err = overUDP(ctx, question, id, p)
	if errors.Is(err, errTruncated) {
		return overTCP(ctx, question, id, p)
	}
	return err
}

var (
	// errOther is an answer to somebody else's question, or somebody's who wants
	// us to take his for the server's.
	errOther     = errors.New("answers another question")
	errTruncated = errors.New("the answer is cut short, over TCP too")
)

// ask is a question on the wire (RFC 1035 section 4).
func ask(id uint16, p health.Probe) ([]byte, error) {
	name, err := dnsmessage.NewName(strings.TrimSuffix(p.Name, ".") + ".")
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.Type(p.Type), Class: dnsmessage.ClassINET}},
	}
	return m.Pack()
}

func overUDP(ctx context.Context, question []byte, id uint16, p health.Probe) error {
	conn, err := dial(ctx, "udp", p)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(question); err != nil {
		return err
	}
	b := make([]byte, 4<<10) // more than 512 would be against RFC 1035 section 2.3.4
	for {
		n, err := conn.Read(b)
		if err != nil {
			return err
		}
		if err := answered(b[:n], id, p); !errors.Is(err, errOther) {
			return err
		}
	}
}

// overTCP puts the length before each message (RFC 1035 section 4.2.2).
func overTCP(ctx context.Context, question []byte, id uint16, p health.Probe) error {
	conn, err := dial(ctx, "tcp", p)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(question))), question...)); err != nil {
		return err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return err
	}
	return answered(b, id, p)
}

// rcodes are the names of what a server says when it has no answer (RFC 1035
// section 4.1.1).
var rcodes = map[dnsmessage.RCode]string{1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}

// answered looks at an answer: whether it is to our question, and as wanted.
func answered(b []byte, id uint16, p health.Probe) error {
	var m dnsmessage.Parser
	h, err := m.Start(b)
	if err != nil || !h.Response || h.ID != id {
		return errOther
	}
	qs, err := m.AllQuestions()
	switch {
	case err != nil:
		return errOther
	case len(qs) == 0 && h.RCode != dnsmessage.RCodeSuccess: // some refuse without it
	case len(qs) != 1 || !same(qs[0], p):
		return errOther
	}
	switch name := rcodes[h.RCode]; {
	case h.RCode == dnsmessage.RCodeSuccess:
	case name == "":
		return fmt.Errorf("RCODE %d", h.RCode)
	default:
		return errors.New(name)
	}
	if h.Truncated {
		return errTruncated
	}
	return records(&m, p)
}

// same compares questions; letters count without their case (RFC 4343).
func same(q dnsmessage.Question, p health.Probe) bool {
	return q.Type == dnsmessage.Type(p.Type) && q.Class == dnsmessage.ClassINET &&
		strings.EqualFold(strings.TrimSuffix(q.Name.String(), "."), strings.TrimSuffix(p.Name, "."))
}

// records looks for one of the wanted type, whoever's it is: what a name stands
// for is in the same answer.
func records(m *dnsmessage.Parser, p health.Probe) error {
	var said []string
	for {
		h, err := m.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return fmt.Errorf("the answer can't be read: %w", err)
		}
		if h.Type != dnsmessage.Type(p.Type) || h.Class != dnsmessage.ClassINET {
			if err := m.SkipAnswer(); err != nil {
				return fmt.Errorf("the answer can't be read: %w", err)
			}
			continue
		}
		text, err := record(m, h.Type)
		if err != nil {
			return fmt.Errorf("the answer can't be read: %w", err)
		}
		if wanted(text, p) {
			return nil
		}
		said = append(said, text)
	}
	if len(said) == 0 {
		return fmt.Errorf("no record of type %s", health.TypeName(p.Type))
	}
	return fmt.Errorf("said %s, want %q", listed(said), p.Expect)
}

// wanted compares addresses as such, and looks for other texts in the record's.
func wanted(text string, p health.Probe) bool {
	switch dnsmessage.Type(p.Type) {
	case dnsmessage.TypeA, dnsmessage.TypeAAAA:
		a, err := netip.ParseAddr(p.Expect)
		return p.Expect == "" || err == nil && text == a.String()
	}
	return strings.Contains(strings.ToLower(text), strings.ToLower(p.Expect))
}

// listed is the first records, in an order that is always the same: servers turn
// them round from answer to answer.
func listed(said []string) string {
	slices.Sort(said)
	if most := 3; len(said) > most {
		said = append(said[:most], "…")
	}
	return strings.Join(said, ", ")
}

// record is the text of the record that is next.
func record(m *dnsmessage.Parser, t dnsmessage.Type) (string, error) {
	switch t {
	case dnsmessage.TypeA:
		r, err := m.AResource()
		return netip.AddrFrom4(r.A).String(), err
	case dnsmessage.TypeAAAA:
		r, err := m.AAAAResource()
		return netip.AddrFrom16(r.AAAA).String(), err
	case dnsmessage.TypeTXT:
		r, err := m.TXTResource()
		return strings.Join(r.TXT, ""), err
	case dnsmessage.TypeSOA:
		r, err := m.SOAResource()
		return fmt.Sprintf("%s %s %d", r.NS, r.MBox, r.Serial), err
	case dnsmessage.TypeNS:
		r, err := m.NSResource()
		return r.NS.String(), err
	case dnsmessage.TypeCNAME:
		r, err := m.CNAMEResource()
		return r.CNAME.String(), err
	case dnsmessage.TypePTR:
		r, err := m.PTRResource()
		return r.PTR.String(), err
	case dnsmessage.TypeMX:
		r, err := m.MXResource()
		return fmt.Sprintf("%d %s", r.Pref, r.MX), err
	case dnsmessage.TypeSRV:
		r, err := m.SRVResource()
		return fmt.Sprintf("%d %d %d %s", r.Priority, r.Weight, r.Port, r.Target), err
	}
	return "", m.SkipAnswer()
}

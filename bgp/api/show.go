package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"holdfast/bgp"
)

// PeerView is a neighbor, as questions are told of it.
type PeerView struct {
	Peer
	Description string
	State       string        // IDLE … ESTABLISHED
	Age         time.Duration // of the session, or of being without one
	LastError   string
	Hold        [2]time.Duration // ours, or what was agreed, and the neighbor's
	PeerID      bgp.ID           // 0: it has not said it
	Offers      []Offer
	Families    []FamilyView
	Messages    []Count
}

// SelectAddress names the neighbor with an address; nil if p is none.
func SelectAddress(p netip.Prefix) *Selector {
	if !p.IsSingleIP() {
		return nil
	}
	return &Selector{terms: []term{{address: p.Addr()}}}
}

// Side is what one of the two speakers offers.
type Side uint8

// What can be known of it.
const (
	Off Side = iota
	On
	Unknown // there is no session
)

func (s Side) String() string { return [...]string{"disabled", "enabled", "n/a"}[s] }

// MarshalJSON is null for what is not known.
func (s Side) MarshalJSON() ([]byte, error) {
	return []byte([...]string{"false", "true", "null"}[s]), nil
}

// Offer is something that both have to offer, or neither uses it.
type Offer struct {
	Name  string `json:"-"`
	Local Side   `json:"local"`
	Peer  Side   `json:"peer"`
}

// FamilyView is an address family, and whether it was agreed that it has several
// routes for a prefix.
type FamilyView struct {
	Offer
	AddPath bgp.Direction `json:"-"`
}

// Count is how many messages of a type there were on the connection at hand, or
// on the last one.
type Count struct {
	Name     string `json:"-"`
	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
}

// up says whether there is a session.
func (v *PeerView) up() bool { return v.State == "ESTABLISHED" }

// messages is the counters of a type.
func (v *PeerView) messages(name string) (c Count) {
	for _, c := range v.Messages {
		if c.Name == name {
			return c
		}
	}
	return c
}

// AppendName appends how selectors name the neighbor, with all that tells it
// from others, as ExaBGP writes it.
func (p *Peer) AppendName(b []byte, full bool) []byte {
	b = p.Address.AppendTo(append(b, "neighbor "...))
	if !full {
		return b
	}
	return fmt.Appendf(b, " local-ip %s local-as %s peer-as %s router-id %s family-allowed %s", orAuto(p.Local.IsValid(), p.Local),
		orAuto(p.LocalAS != 0, p.LocalAS), orAuto(p.PeerAS != 0, p.PeerAS), p.RouterID, cmp.Or(p.Families, "in-open"))
}

// orAuto is what was said, or the word for what only a session tells.
func orAuto(said bool, v any) string {
	if !said {
		return "auto"
	}
	return fmt.Sprint(v)
}

// AppendPeers appends the answer to ListPeers and ShowPeers, but for what the
// configuration says, which its own room does.
func (q *Question) AppendPeers(b []byte, vs []PeerView) []byte {
	switch {
	case !q.Text:
		return q.appendPeersJSON(b, vs)
	case q.What == ListPeers:
		for i := range vs {
			v := &vs[i]
			b = fmt.Appendf(v.AppendName(b, false), " peer-as %s state %s\n", orAuto(v.PeerAS != 0, v.PeerAS), v.State)
		}
		return b
	case q.Detail == Extensive:
		for i := range vs {
			b = vs[i].appendExtensive(b)
		}
		return b
	}
	// ExaBGP answers "show neighbor" with how it should be said; the table is
	// nearer to what was asked.
	b = append(b, "Peer            AS        up/down state       |     #sent     #recvd\n"...)
	for i := range vs {
		b = vs[i].appendSummary(b)
	}
	return b
}

// appendSummary appends a row of ExaBGP 4's table. Neighbors without a session
// have one too: it is them that one looks for.
func (v *PeerView) appendSummary(b []byte) []byte {
	u := v.messages("update")
	return fmt.Appendf(b, "%-15s %-7s %9s %-12s %10d %10d\n", v.Address, orAuto(v.PeerAS != 0, v.PeerAS), span(v.Age),
		strings.ToLower(v.State), u.Sent, u.Received)
}

// span is a duration as ExaBGP tells it: "0:00:03", "2 days, 3:04:05".
func span(d time.Duration) string {
	days, s := d/(24*time.Hour), ""
	switch {
	case days == 1:
		s = "1 day, "
	case days > 1:
		s = fmt.Sprintf("%d days, ", days)
	}
	left := int(d % (24 * time.Hour) / time.Second)
	return fmt.Sprintf("%s%d:%02d:%02d", s, left/3600, left/60%60, left%60)
}

// appendExtensive appends ExaBGP 4's page, blanks at the ends of its lines
// included: helpers cut it at columns.
func (v *PeerView) appendExtensive(b []byte) []byte {
	known := func(s string) string {
		if v.PeerID == 0 {
			return Unknown.String()
		}
		return s
	}
	b = fmt.Appendf(b, "Neighbor %s\n\n", v.Address)
	b = head(b, "Session", "Local")
	b = row(b, "local", orAuto(v.Local.IsValid(), v.Local), "", "")
	b = row(b, "state", v.State, "", "")
	b = row(b, map[bool]string{true: "up for", false: "down for"}[v.up()], span(v.Age), "", "")
	b = head(append(b, '\n'), "Setup", "Local", "Remote")
	b = row(b, "AS", orAuto(v.LocalAS != 0, v.LocalAS), orAuto(v.PeerAS != 0, v.PeerAS), "")
	b = row(b, "ID", v.RouterID.String(), known(v.PeerID.String()), "")
	b = row(b, "hold-time", seconds(v.Hold[0]), known(seconds(v.Hold[1])), "")
	b = head(append(b, '\n'), "Capability", "Local", "Remote")
	for _, o := range v.Offers {
		b = row(b, o.Name+":", o.Local.String(), o.Peer.String(), "")
	}
	b = head(append(b, '\n'), "Families", "Local", "Remote", "Add-Path")
	for _, f := range v.Families {
		paths := Off
		if f.AddPath != 0 {
			paths = On
		}
		b = row(b, f.Name+":", f.Local.String(), f.Peer.String(), paths.String())
	}
	b = head(append(b, '\n'), "Message Statistic", "Sent", "Received")
	total := Count{Name: "total"}
	for _, c := range v.Messages {
		b = countRow(b, c)
		total.Sent, total.Received = total.Sent+c.Sent, total.Received+c.Received
	}
	return append(countRow(b, total), '\n')
}

// head appends the line above rows.
func head(b []byte, name string, columns ...string) []byte {
	b = fmt.Appendf(b, "  %-21s", name)
	for _, c := range columns {
		b = fmt.Appendf(b, " %15s", c)
	}
	return append(b, '\n')
}

func row(b []byte, name, one, two, three string) []byte {
	return fmt.Appendf(b, "   %-20s %15s %15s %15s\n", name, one, two, three)
}

func countRow(b []byte, c Count) []byte {
	return row(b, c.Name+":", strconv.FormatUint(c.Sent, 10), strconv.FormatUint(c.Received, 10), "")
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// shortJSON is a neighbor in a list, and in the summary.
type shortJSON struct {
	Address  string  `json:"peer-address"`
	AS       bgp.ASN `json:"peer-as"`
	State    string  `json:"state"`
	Duration *int    `json:"duration,omitempty"` // seconds
	Sent     *uint64 `json:"sent,omitempty"`     // UPDATEs
	Received *uint64 `json:"received,omitempty"`
}

func (v *PeerView) short() shortJSON {
	return shortJSON{Address: v.Address.String(), AS: v.PeerAS, State: v.State}
}

func (v *PeerView) summary() shortJSON {
	s, age, u := v.short(), int(v.Age/time.Second), v.messages("update")
	s.Duration, s.Sent, s.Received = &age, &u.Sent, &u.Received
	return s
}

// longJSON is all of a neighbor. What only a session tells is null without one.
type longJSON struct {
	shortJSON
	LocalAddress string                `json:"local-address"`
	LocalAS      bgp.ASN               `json:"local-as"`
	RouterID     string                `json:"router-id"`
	PeerRouterID *string               `json:"peer-router-id"`
	Description  string                `json:"description"`
	LastError    string                `json:"last-error"`
	HoldTime     holdJSON              `json:"hold-time"`
	Capabilities map[string]Offer      `json:"capabilities"`
	Families     map[string]familyJSON `json:"families"`
	Messages     map[string]Count      `json:"messages"`
}

type holdJSON struct {
	Local int  `json:"local"`
	Peer  *int `json:"peer"`
}

type familyJSON struct {
	Offer
	AddPath string `json:"add-path"`
}

func (v *PeerView) long() longJSON {
	j := longJSON{shortJSON: v.short(), LocalAddress: orAuto(v.Local.IsValid(), v.Local), LocalAS: v.LocalAS, RouterID: v.RouterID.String(),
		Description: v.Description, LastError: v.LastError, HoldTime: holdJSON{Local: int(v.Hold[0] / time.Second)},
		Capabilities: map[string]Offer{}, Families: map[string]familyJSON{}, Messages: map[string]Count{}}
	age := int(v.Age / time.Second)
	j.Duration = &age
	if v.PeerID != 0 {
		id, hold := v.PeerID.String(), int(v.Hold[1]/time.Second)
		j.PeerRouterID, j.HoldTime.Peer = &id, &hold
	}
	for _, o := range v.Offers {
		j.Capabilities[o.Name] = o
	}
	for _, f := range v.Families {
		j.Families[f.Name] = familyJSON{f.Offer, f.AddPath.String()}
	}
	for _, c := range v.Messages {
		j.Messages[c.Name] = c
	}
	return j
}

// appendPeersJSON appends a list of objects, in one line.
func (q *Question) appendPeersJSON(b []byte, vs []PeerView) []byte {
	list := make([]any, len(vs))
	for i := range vs {
		switch v := &vs[i]; {
		case q.What == ListPeers:
			list[i] = v.short()
		case q.Detail == Summary:
			list[i] = v.summary()
		default:
			list[i] = v.long()
		}
	}
	return AppendJSON(b, list)
}

// AppendJSON appends a value that always can be told as a line of JSON.
func AppendJSON(b []byte, v any) []byte {
	w := bytes.NewBuffer(b)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // it is no page
	_ = e.Encode(v)
	return w.Bytes()
}

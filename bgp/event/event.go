// Package event is what is told of messages: ExaBGP's JSON, one object a line,
// in both of its versions.
package event

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/bgp"
	"holdfast/bgp/operational"
	"holdfast/bgp/wire"
)

// The versions of the JSON, as its key "exabgp" tells them.
const (
	version6 = "6.0.0"
	version4 = "4.0.1" // frozen when version 4 of the API was
)

// Event is what all objects begin with.
type Event struct {
	Legacy  bool // the form of API version 4
	Compact bool // see Form
	Time    time.Time
	Source
	Counter uint64 // of the neighbor's events, from 1
	Neighbor
	Octets []byte // of the message, where they are told along with what it says
}

// Neighbor is whom an event is about.
type Neighbor struct {
	Local, Peer     netip.Addr
	LocalAS, PeerAS bgp.ASN
	RouterID        bgp.ID // 0: not told
	Direction       Direction
}

// Direction is which way a message went.
type Direction uint8

// The directions.
const (
	None Direction = iota // the event is no message
	In
	Out
)

// begin appends the object up to what the event itself is. Blanks before commas
// and colons are those of version 4: some read its lines without a parser.
func (e *Event) begin(b []byte, kind string) []byte {
	b = strconv.AppendUint(append(e.header(b), `, "counter": `...), e.Counter, 10)
	b = append(append(append(b, `, "type": "`...), kind...), '"')
	if e.Octets != nil {
		b = appendOctets(append(b, ", "...), e.Octets, false)
	}
	b = append(b, `, "neighbor": { "address": { "local": "`...)
	b = e.Local.AppendTo(b)
	b = e.Peer.AppendTo(append(b, `", "peer": "`...))
	b = strconv.AppendUint(append(b, `" }, "asn": { "local": `...), uint64(e.LocalAS), 10)
	b = strconv.AppendUint(append(b, `, "peer": `...), uint64(e.PeerAS), 10)
	b = append(e.blank(append(b, " }"...)), ", "...)
	if e.RouterID != 0 {
		b = append(e.RouterID.AppendTo(append(b, `"router-id": "`...)), `", `...)
	}
	switch e.Direction {
	case In:
		b = append(b, `"direction": "in", `...)
	case Out:
		b = append(b, `"direction": "out", `...)
	}
	return b
}

// header appends what every object begins with.
func (e *Event) header(b []byte) []byte {
	version := version6
	if e.Legacy {
		version = version4
	}
	b = append(append(b, `{ "exabgp": "`...), version...)
	b = appendTime(append(b, `", "time": `...), e.Time)
	b = appendString(append(e.blank(append(b, `, "host"`...)), ": "...), e.Host)
	b = strconv.AppendInt(append(e.blank(append(b, `, "pid"`...)), ": "...), int64(e.PID), 10)
	return strconv.AppendInt(append(e.blank(append(b, `, "ppid"`...)), ": "...), int64(e.PPID), 10)
}

// blank appends one in version 4.
func (e *Event) blank(b []byte) []byte {
	if e.Legacy {
		b = append(b, ' ')
	}
	return b
}

// appendTime appends seconds since 1970, to the microsecond.
func appendTime(b []byte, t time.Time) []byte {
	us := t.UnixMicro()
	if us < 0 {
		return append(b, '0')
	}
	b = strconv.AppendInt(b, us/1e6, 10)
	if us %= 1e6; us == 0 {
		return b
	}
	b = append(b, '.')
	for unit := int64(1e5); us > 0; unit /= 10 {
		b, us = append(b, '0'+byte(us/unit)), us%unit
	}
	return b
}

// end closes the neighbor and the event.
func end(b []byte) []byte { return append(b, " } }"...) }

// open appends the event of an OPEN.
func (e *Event) open(b []byte, o *wire.Open) []byte {
	b = fmt.Appendf(e.begin(b, "open"), `"open": { "version": %d, "asn": %d, "hold_time": %d, "router_id": "%s", "capabilities": { `,
		o.Version, o.AS, o.HoldTime/time.Second, o.ID)
	b = appendCapabilities(b, o.Capabilities)
	return end(append(b, " } }"...))
}

// keepalive appends the event of a KEEPALIVE.
func (e *Event) keepalive(b []byte) []byte {
	b = e.begin(b, "keepalive")
	return end(e.blank(b[:len(b)-len(", ")]))
}

// notification appends the event of a NOTIFICATION.
func (e *Event) notification(b []byte, n wire.Notification) []byte {
	b = fmt.Appendf(e.begin(b, "notification"), `"notification": { "code": %d, "subcode": %d, "data": "0x%X", "message": `,
		n.Code, n.Subcode, n.Data)
	text := n.Text()
	if text == "" {
		text = wire.CodeText(n.Code, n.Subcode)
	}
	return end(e.blank(append(appendString(b, text), " }"...)))
}

// refreshWords are ExaBGP's for the subtypes.
var refreshWords = [...]string{wire.RefreshRequest: "query", wire.BoRR: "begin", wire.EoRR: "end"}

func refreshWord(s wire.RefreshSubtype) string {
	if int(s) < len(refreshWords) {
		return refreshWords[s]
	}
	return "invalid"
}

// refresh appends the event of a ROUTE-REFRESH.
func (e *Event) refresh(b []byte, r wire.Refresh) []byte {
	afi, safi := r.Family.Words()
	b = fmt.Appendf(e.begin(b, "refresh"), `"route-refresh": { "afi": "%s", "safi": "%s", "subtype": "%s" }`, afi, safi, refreshWord(r.Subtype))
	return end(b)
}

// operational appends the event of an OPERATIONAL message.
func (e *Event) operational(b []byte, m operational.Message) []byte {
	b = append(e.begin(b, "operational"), `"operational": `...)
	return end(m.AppendJSON(b))
}

// appendString appends any octets as a JSON string: UTF-8 stays, what is not is
// told in hexadecimal.
func appendString(b []byte, s string) []byte {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r) }) {
		return append(append(append(b, '"'), s...), '"')
	}
	if !utf8.ValidString(s) {
		return append(hex.AppendEncode(append(b, `"0x`...), []byte(s)), '"')
	}
	q, _ := json.Marshal(s) // a string always can be
	return append(b, q...)
}

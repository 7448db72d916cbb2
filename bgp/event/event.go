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
	Time    time.Time
	Host    string
	PID     int
	PPID    int
	Counter uint64 // of the neighbor's events, from 1
	Neighbor
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

// begin appends the object up to what the event itself is.
func (e *Event) begin(b []byte, kind string) []byte {
	version := version6
	if e.Legacy {
		version = version4
	}
	b = append(append(b, `{ "exabgp": "`...), version...)
	b = appendTime(append(b, `", "time": `...), e.Time)
	b = appendString(append(b, `, "host": `...), e.Host)
	b = strconv.AppendInt(append(b, `, "pid": `...), int64(e.PID), 10)
	b = strconv.AppendInt(append(b, `, "ppid": `...), int64(e.PPID), 10)
	b = strconv.AppendUint(append(b, `, "counter": `...), e.Counter, 10)
	b = append(append(append(b, `, "type": "`...), kind...), `", "neighbor": { "address": { "local": "`...)
	b = e.Local.AppendTo(b)
	b = e.Peer.AppendTo(append(b, `", "peer": "`...))
	b = strconv.AppendUint(append(b, `" }, "asn": { "local": `...), uint64(e.LocalAS), 10)
	b = strconv.AppendUint(append(b, `, "peer": `...), uint64(e.PeerAS), 10)
	b = append(b, ` }, `...)
	if e.RouterID != 0 {
		b = append(append(append(b, `"router-id": "`...), e.RouterID.String()...), `", `...)
	}
	switch e.Direction {
	case In:
		b = append(b, `"direction": "in", `...)
	case Out:
		b = append(b, `"direction": "out", `...)
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

// AppendOpen appends the event of an OPEN.
func (e *Event) AppendOpen(b []byte, o *wire.Open) []byte {
	b = fmt.Appendf(e.begin(b, "open"), `"open": { "version": %d, "asn": %d, "hold_time": %d, "router_id": "%s", "capabilities": { `,
		o.Version, o.AS, o.HoldTime/time.Second, o.ID)
	b = appendCapabilities(b, o.Capabilities)
	return end(append(b, " } }"...))
}

// AppendKeepalive appends the event of a KEEPALIVE.
func (e *Event) AppendKeepalive(b []byte) []byte {
	b = e.begin(b, "keepalive")
	return end(b[:len(b)-len(", ")])
}

// AppendNotification appends the event of a NOTIFICATION.
func (e *Event) AppendNotification(b []byte, n wire.Notification) []byte {
	b = fmt.Appendf(e.begin(b, "notification"), `"notification": { "code": %d, "subcode": %d, "data": "0x%X", "message": `,
		n.Code, n.Subcode, n.Data)
	text := n.Text()
	if text == "" {
		text = wire.CodeText(n.Code, n.Subcode)
	}
	return end(append(appendString(b, text), " }"...))
}

// refreshWords are ExaBGP's for the subtypes.
var refreshWords = [...]string{wire.RefreshRequest: "query", wire.BoRR: "begin", wire.EoRR: "end"}

// AppendRefresh appends the event of a ROUTE-REFRESH.
func (e *Event) AppendRefresh(b []byte, r wire.Refresh) []byte {
	word := "invalid"
	if int(r.Subtype) < len(refreshWords) {
		word = refreshWords[r.Subtype]
	}
	afi, safi := r.Family.Words()
	b = fmt.Appendf(e.begin(b, "refresh"), `"route-refresh": { "afi": "%s", "safi": "%s", "subtype": "%s" }`, afi, safi, word)
	return end(b)
}

// AppendOperational appends the event of an OPERATIONAL message.
func (e *Event) AppendOperational(b []byte, m operational.Message) []byte {
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

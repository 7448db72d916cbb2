package event

import (
	"fmt"
	"strings"
	"time"

	"holdfast/bgp"
)

// AppendReport appends the event of a report that is no message.
func (e *Event) AppendReport(b []byte, r *Report) []byte {
	switch r.Kind {
	case State:
		b = appendString(append(e.begin(b, "state"), `"state": `...), r.State)
		if r.State == "down" {
			b = appendString(append(b, `, "reason": `...), round.Replace(r.Reason))
		}
	case FSM:
		b = appendString(append(e.begin(b, "fsm"), `"state": `...), r.State)
	case Signal:
		b = fmt.Appendf(e.begin(b, "signal"), `"code": "%d", "name": "%s"`, r.Signal, signalName(r.Signal))
	case Negotiated:
		b = e.blank(e.negotiated(e.begin(b, "negotiated"), r.Negotiated))
	case Shutdown:
		return append(e.header(b), `, "type": "notification", "notification": "shutdown" }`...)
	}
	return end(b)
}

// round has reasons as ExaBGP's JSON has them: its text has the other brackets.
var round = strings.NewReplacer("[", "(", "]", ")")

// signals are those that a daemon is told with, by their numbers in Linux.
var signals = map[int]string{1: "SIGHUP", 2: "SIGINT", 10: "SIGUSR1", 12: "SIGUSR2", 14: "SIGALRM", 15: "SIGTERM"}

func signalName(n int) string {
	if name, ok := signals[n]; ok {
		return name
	}
	return "UNKNOWN"
}

// negotiated appends what the two OPENs have in common.
func (e *Event) negotiated(b []byte, n *bgp.Negotiated) []byte {
	if n == nil {
		n = new(bgp.Negotiated)
	}
	b = fmt.Appendf(b, `"negotiated": { "message_size": %d, "hold_time": %d, "asn4": %t, "multisession": %t, "operational": %t, "refresh": "%s"`,
		n.MaxLen(), n.HoldTime/time.Second, n.ASN4, n.MultiSession, n.Operational, refreshes(n))
	b = e.names(append(b, `, "families": `...), words(n.Families, n.Has, ""))
	hops := words(n.Families, func(f bgp.Family) bool { return n.HasHop(f, bgp.AFIIPv4) }, " ipv4")
	hops = append(hops, words(n.Families, func(f bgp.Family) bool { return n.HasHop(f, bgp.AFIIPv6) }, " ipv6")...)
	b = e.names(append(b, `, "nexthop": `...), hops)
	b = e.names(append(b, `, "add_path": { "send": `...), words(n.Families, n.SendPath, ""))
	b = e.names(append(b, `, "receive": `...), words(n.Families, n.ReceivePath, ""))
	return append(b, " } }"...)
}

func refreshes(n *bgp.Negotiated) string {
	switch {
	case n.EnhancedRefresh:
		return "enhanced"
	case n.Refresh:
		return "normal"
	}
	return "absent"
}

// words are those of the families that are wanted, with a tail behind each.
func words(fs []bgp.Family, want func(bgp.Family) bool, tail string) (names []string) {
	for _, f := range fs {
		if want(f) {
			names = append(names, spaced(f)+tail)
		}
	}
	return names
}

// names appends a list of strings.
func (e *Event) names(b []byte, names []string) []byte {
	b = append(b, "[ "...)
	for i, name := range names {
		if i > 0 {
			b = append(b, map[bool]string{true: " ,", false: ", "}[e.Legacy]...)
		}
		b = appendString(b, name)
	}
	return append(b, " ]"...)
}

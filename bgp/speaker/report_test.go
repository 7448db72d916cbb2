package speaker

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/config"
	"holdfast/bgp/event"
	"holdfast/bgp/fsm"
	"holdfast/bgp/wire"
)

// listen notes what is reported, as one line each.
func (r *rig) listen() *[]string {
	var heard []string
	r.do(func() {
		r.s.options.Report = func(n *config.Neighbor, e *event.Report) { heard = append(heard, describe(e)) }
	})
	return &heard
}

var kindNames = [event.Kinds]string{event.State: "state", event.Negotiated: "negotiated", event.FSM: "fsm", event.Signal: "signal"}

func describe(r *event.Report) string {
	s := [...]string{event.None: "", event.In: "< ", event.Out: "> "}[r.Direction] + kindNames[r.Kind] + r.State
	if r.Reason != "" {
		s += ": " + r.Reason
	}
	switch {
	case r.Kind == event.Signal:
		s += fmt.Sprint(" ", r.Signal)
	case r.Kind == event.Unknown:
		s += fmt.Sprintf("%x", r.Message[18:])
	case r.Message != nil:
		for msg := r.Message; len(msg) > 0; {
			n, t, err := wire.Frame(msg, bgp.MaxExtended)
			if err != nil || n == 0 {
				return s + "BROKEN"
			}
			s, msg = s+t.String()+" ", msg[n:]
		}
		s = strings.TrimSpace(s)
	case r.Peer.String() != "127.0.0.2" || r.PeerAS != 65001 || r.LocalAS != 65000 || r.Time.IsZero():
		s += fmt.Sprintf(" %+v", r)
	}
	if r.Kind == event.Update && (r.Negotiated == nil || !r.Negotiated.ASN4 || r.Local.String() != "127.0.0.1") {
		s += " without its session"
	}
	return s
}

// heard waits for reports, and compares them. The next attempt may have begun since.
func (r *rig) heard(to *[]string, want string) {
	r.t.Helper()
	lines := strings.Split(strings.TrimSpace(want), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	var got []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && len(got) < len(lines); {
		r.do(func() { got = slices.Clone(*to) })
	}
	if n := len(lines); len(got) > n && (got[n] == "fsmCONNECT" || got[n] == "stateconnected") {
		got = got[:n]
	}
	if !slices.Equal(got, lines) {
		r.t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
	r.do(func() { *to = nil })
}

const everything = `neighbor-changes; negotiated; fsm; signal;
	send { parsed; open; update; notification; keepalive; refresh; operational; }
	receive { packets; open; update; notification; keepalive; refresh; operational; }`

func listened(words string) string { return "api { processes [ a ]; " + words + " }" }

func TestReports(t *testing.T) {
	r := newRig(t)
	heard := r.listen()
	n, l := r.neighbor(2, "capability { route-refresh; } static { route 10.0.0.1/32 next-hop self; } "+listened(everything))
	r.do(r.s.Release)
	r.apply("process a { run x; }\n" + n)
	p := r.meet(l)
	p.expect("+10.0.0.1", "EOR")
	p.Write(wire.PatchLength(append(wire.AppendHeader(nil, wire.TypeUpdate), 0, 0, 0, 0), 0))
	p.Write(wire.AppendRefresh(nil, wire.Refresh{Family: bgp.IPv4Unicast}))
	p.expect("+10.0.0.1")
	r.heard(heard, `fsmCONNECT
		stateconnected
		> OPEN
		fsmOPENSENT
		< OPEN
		> KEEPALIVE
		fsmOPENCONFIRM
		< KEEPALIVE
		fsmESTABLISHED
		negotiated
		stateup
		> UPDATE UPDATE
		< UPDATE
		< ROUTE-REFRESH
		> UPDATE`)
	r.do(func() { r.s.Signal(10) })
	p.Write(wire.AppendNotification(nil, wire.Shutdown(wire.AdminReset, "bye")))
	r.heard(heard, `signal 10
		< NOTIFICATION
		fsmIDLE
		fsmACTIVE
		statedown: peer reset, message [notification received (6,4)] error[cease/administrative reset ("bye")]`)
}

// TestNobodyHears: a listener of one thing has nothing else made, and one that
// comes with a reload hears from then on, in the same session.
func TestNobodyHears(t *testing.T) {
	r := newRig(t)
	heard := r.listen()
	n, l := r.neighbor(2, "WORDS")
	apply := func(words string) {
		r.apply("process a { run x; }\n" + strings.Replace(n, "WORDS", listened(words), 1))
	}
	r.do(r.s.Release)
	apply("")
	p := r.meet(l)
	p.expect("EOR")
	apply("receive { packets; keepalive; } neighbor-changes;")
	p.Write(wire.AppendKeepalive(nil))
	p.Write(append(append([]byte(nil), wire.AppendHeader(nil, 77)[:16]...), 0, 21, 77, 1, 2))
	p.expect("NOTIFICATION message header error")
	r.heard(heard, `< KEEPALIVE
		< 4d0102
		statedown: peer reset, message [notification sent (1,0)] error[message header error / `+wire.Type(77).Unknown().Error()+`]`)
}

// TestDownIsOnceForEachAttempt has connections that end before a session.
func TestDownIsOnceForEachAttempt(t *testing.T) {
	r := newRig(t)
	heard := r.listen()
	n, l := r.neighbor(2, listened("neighbor-changes;"))
	r.apply("process a { run x; }\n" + n)
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.(*net.TCPConn).CloseWrite()
	r.heard(heard, "stateconnected\nstatedown: peer reset, message [closing connection] error[the TCP connection was closed by the remote end]")
}

// TestStopSaysSo: why neighbors go when we do, or the configuration has them no
// more.
func TestStopSaysSo(t *testing.T) {
	for _, removed := range []bool{true, false} {
		r := newRig(t)
		heard := r.listen()
		n, l := r.neighbor(2, listened("neighbor-changes;"))
		other := "process a { run x; }\nneighbor 127.0.0.77 { router-id 1.1.1.1; local-as 1; peer-as 2; connect 1; }\n"
		r.apply(other + n)
		p := r.meet(l)
		r.event("127.0.0.2 true")
		want := "stop, message [removed]"
		if removed {
			r.apply(other)
		} else {
			want = "stop, message [shutting down]"
			r.do(func() { r.s.Stop("", time.Second, func() {}) })
		}
		p.Close()
		r.heard(heard, "stateconnected\nstateup\nstatedown: "+want)
	}
}

func TestReason(t *testing.T) {
	p := &peer{s: &Speaker{}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{net.ErrClosed, "peer reset, message [closing connection] error[use of closed network connection]"},
		{&fsm.Ended{Sent: true, Notification: wire.Notification{Code: wire.CodeHoldTimer}, Err: fmt.Errorf("nothing came for 9s")},
			"peer reset, message [notification sent (4,0)] error[hold timer expired / nothing came for 9s]"},
		{&fsm.Ended{Sent: true, Notification: wire.Shutdown(wire.OtherChange, ""), Err: fmt.Errorf("stopped")},
			"peer reset, message [notification sent (6,6)] error[cease/other configuration change]"},
	} {
		if got := p.reason(c.err); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// TestFillIsReportedWithOneCopy: all messages of a turn are one copy of its
// octets, and nothing at all where nobody listens.
func TestFillIsReportedWithOneCopy(t *testing.T) {
	frames := wire.AppendKeepalive(wire.AppendKeepalive(nil))
	p := &peer{}
	if n := testing.AllocsPerRun(100, func() { p.sent(frames); p.received(event.Update, frames) }); n != 0 {
		t.Errorf("%v allocations for nobody", n)
	}
}

// TestUpdatesInARow: what comes at once is one report, and is told before what
// came after it, with the session that it belongs to.
func TestUpdatesInARow(t *testing.T) {
	r := newRig(t)
	heard := r.listen()
	n, l := r.neighbor(2, listened("neighbor-changes; receive { update; notification; }"))
	r.apply("process a { run x; }\n" + n)
	p := r.meet(l)
	r.event("127.0.0.2 true")
	update := wire.PatchLength(append(wire.AppendHeader(nil, wire.TypeUpdate), 0, 0, 0, 0), 0)
	rows := append(append(append([]byte(nil), update...), update...), wire.AppendKeepalive(nil)...)
	rows = append(append(rows, update...), wire.AppendNotification(nil, wire.Shutdown(wire.AdminReset, ""))...)
	p.Write(rows)
	r.heard(heard, `stateconnected
		stateup
		< UPDATE UPDATE UPDATE
		< NOTIFICATION
		statedown: peer reset, message [notification received (6,4)] error[cease/administrative reset]`)
}

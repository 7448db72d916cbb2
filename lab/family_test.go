package lab_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
)

// exchange is a route of a family in each direction.
type exchange struct {
	family  string
	ours    string   // what stands in our configuration, behind the family's words
	show    []string // a question to the peer
	sees    string   // a part of the answer, once it has our route
	add     []string // has the peer announce one; nil: its configuration does
	decoded string   // a part of our JSON of it; "": it has none of its own
}

// speaker is what a peer can speak, besides IPv4 and IPv6 unicast.
type speaker struct {
	top, channels string
	exchanges     []exchange
}

// TestFamilies has a session with each peer in all the families that it speaks:
// it shows our route of each, and what it announces is decoded from the packets.
func TestFamilies(t *testing.T) {
	for name, s := range map[string]speaker{"bird": birdSpeaks, "frr": frrSpeaks, "frr labelled": frrLabelled, "gobgp": gobgpSpeaks(), "gobgp with rtc": gobgpRTC} {
		t.Run(name, func(t *testing.T) { s.run(t, name) })
	}
}

func (s speaker) config() string {
	var families, routes strings.Builder
	done := map[string]bool{}
	for _, x := range s.exchanges {
		afi, safi, _ := strings.Cut(x.family, " ")
		if !done[x.family] {
			fmt.Fprintf(&families, "\t\t%s;\n", x.family)
		}
		done[x.family] = true
		if x.ours != "" {
			fmt.Fprintf(&routes, "\t\t%s { %s %s; }\n", afi, safi, x.ours)
		}
	}
	return fmt.Sprintf(`neighbor %s {
	router-id 192.0.2.1;
	local-address %s;
	local-as %d;
	peer-as %d;
	hold-time 9;
	family {
		ipv4 unicast;
		ipv6 unicast;
%s	}
	announce {
%s	}
}
`, peer4, box4, boxAS, peerAS, families.String(), routes.String())
}

func (s speaker) run(t *testing.T, name string) {
	t.Parallel()
	l := lab.New(t)
	box, upstream := l.Host("box"), l.Host("upstream")
	lab.Wire(box, "eth0", upstream, "eth0")
	box.Address("eth0", box4.String()+"/24", box6.String()+"/64")
	upstream.Address("eth0", peer4.String()+"/24", peer6.String()+"/64")
	packets := filepath.Join(box.Dir, "session.pcap")
	dump := box.Start("tcpdump", nil, "tcpdump", "-U", "-Z", "root", "-i", "eth0", "-w", packets, "tcp", "port", "179")
	l.Until(soon, "tcpdump listens", func() bool { return strings.Contains(dump.Log(), "listening on") })
	kind, _, _ := strings.Cut(name, " ")
	peer := lab.Peers[kind](upstream, lab.Session{Local: peer4, Remote: box4, LocalAS: peerAS, RemoteAS: boxAS, Passive: true,
		Top: s.top, Channels: s.channels})
	peer.Start()
	l.Until(soon, name+" listens", func() bool { return upstream.Listens(179) })
	daemon := box.Box(lab.Holdfast, s.config())
	daemon.Start()
	l.Until(soon, name+" says established", peer.Established)
	console := peer.(lab.Console)
	for _, x := range s.exchanges {
		if x.add != nil {
			if out := console.Ask(x.add...); out != "" {
				l.Fatalf("%s: %v: %s", x.family, x.add, out)
			}
		}
	}
	// All have been told by now, so one wait is for all.
	until := time.Now().Add(soon)
	left := func() time.Duration { return max(time.Until(until), time.Second) }
	for _, x := range s.exchanges {
		var got string
		if x.sees == "" || !lab.Poll(left(), func() bool { got = console.Ask(x.show...); return strings.Contains(got, x.sees) }) {
			t.Errorf("%s %s: %s does not show %q:\n%s", x.family, x.ours, name, x.sees, got)
		}
	}
	for _, x := range s.exchanges {
		if x.decoded == "" {
			continue
		}
		var got string
		if !lab.Poll(left(), func() bool { got = theirs(box, packets); return strings.Contains(got, x.decoded) }) {
			t.Errorf("%s: nothing that %s sent has %s:\n%s", x.family, name, x.decoded, got)
		}
	}
	if !peer.Established() {
		t.Errorf("%s ended the session: %s", name, daemon.Log())
	}
}

// theirs is what we decode of the UPDATEs that came from the peer.
func theirs(h *lab.Host, packets string) string {
	out, _ := h.Try(lab.Binary(h), "decode", packets)
	var lines []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, fmt.Sprintf(`"peer": "%s"`, peer4)) && strings.Contains(line, `"type": "update"`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

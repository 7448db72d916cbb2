// Package offline is messages without a session: octets to ExaBGP's JSON, to a
// tree or to commands, and commands to octets.
package offline

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/config"
	"holdfast/bgp/event"
	"holdfast/bgp/family"
	"holdfast/bgp/wire"
)

// Session is what has to be known of a session to read and write its messages.
type Session struct {
	event.Neighbor
	Negotiated bgp.Negotiated
	linkLocal  netip.Addr
	llOnly     bool
}

// Default is the session that ExaBGP takes for granted: inside AS 65533, with
// every family, and AS numbers of four octets.
func Default() *Session {
	s := &Session{Neighbor: event.Neighbor{Local: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Peer: netip.AddrFrom4([4]byte{127, 0, 0, 1}),
		LocalAS: 65533, PeerAS: 65533, RouterID: 0x7f000001, Direction: event.In}}
	for _, c := range family.Table {
		s.Negotiated.Families = append(s.Negotiated.Families, c.Family)
	}
	s.Negotiated.ASN4, s.Negotiated.Extended = true, true
	s.finish()
	return s
}

// Of is the session of a neighbor whose OPEN says what ours does.
func Of(n *config.Neighbor) *Session {
	s := &Session{Neighbor: event.Neighbor{Local: n.LocalAddress, Peer: n.Peer.Addr(), LocalAS: n.LocalAS, PeerAS: n.PeerAS,
		RouterID: n.RouterID, Direction: event.In}, linkLocal: n.LinkLocal, llOnly: n.Capabilities.LinkLocalPrefer}
	if s.LocalAS == 0 {
		s.LocalAS = s.PeerAS
	}
	if s.PeerAS == 0 {
		s.PeerAS = s.LocalAS
	}
	if !s.Local.IsValid() {
		s.Local = netip.IPv4Unspecified()
	}
	g := &s.Negotiated
	g.Families = slices.Clone(n.Families)
	g.ASN4, g.Extended, g.AIGP = n.Capabilities.ASN4, n.Capabilities.ExtendedMessage, n.Capabilities.AIGP
	g.Hops, g.LinkLocalHop = n.Hops(), n.Capabilities.LinkLocalNextHop
	g.AddPath = map[bgp.Family]bgp.Direction{}
	for _, p := range n.PathList() {
		g.AddPath[p.Family] = bgp.Send | bgp.Receive
	}
	s.finish()
	return s
}

// AllPaths has every family carry path identifiers.
func (s *Session) AllPaths() {
	s.Negotiated.AddPath = map[bgp.Family]bgp.Direction{}
	for _, f := range s.Negotiated.Families {
		s.Negotiated.AddPath[f] = bgp.Send | bgp.Receive
	}
}

// SetAS sets the two AS numbers; 0 leaves one as it is.
func (s *Session) SetAS(local, peer bgp.ASN) {
	if local != 0 {
		s.LocalAS = local
	}
	if peer != 0 {
		s.PeerAS = peer
	}
	s.finish()
}

func (s *Session) finish() {
	g := &s.Negotiated
	g.LocalAS, g.PeerAS, g.LocalAddr, g.PeerAddr = s.LocalAS, s.PeerAS, s.Local, s.Peer
	g.AIGP = g.AIGP || s.LocalAS == s.PeerAS
}

// Octets reads hexadecimal; blanks, colons and 0x are left out.
func Octets(text string) ([]byte, error) {
	clean := strings.NewReplacer(" ", "", ":", "", "\t", "", "\r", "", "\n", "", "0x", "").Replace(text)
	b, err := hex.DecodeString(clean)
	if err != nil {
		return nil, fmt.Errorf("want octets in hexadecimal: %w", err)
	}
	return b, nil
}

// marker opens every message.
var marker = bytes.Repeat([]byte{0xff}, 16)

// Messages cuts octets into whole messages. Those without a marker are the body
// of one message of the given type.
func Messages(b []byte, t wire.Type) ([][]byte, error) {
	if !bytes.HasPrefix(b, marker) {
		msg := append(wire.AppendHeader(nil, t), b...)
		if len(msg) > bgp.MaxExtended {
			return nil, fmt.Errorf("%d octets, want at most %d", len(b), bgp.MaxExtended-wire.HeaderLen)
		}
		return [][]byte{wire.PatchLength(msg, 0)}, nil
	}
	var out [][]byte
	for at := 0; at < len(b); {
		if len(b)-at < wire.HeaderLen || !bytes.HasPrefix(b[at:], marker) {
			return out, fmt.Errorf("octet %d: want a header of %d octets that begins with 16 of 0xff", at, wire.HeaderLen)
		}
		n := wire.FrameLen(b[at:])
		if n < wire.HeaderLen || n > len(b)-at {
			return out, fmt.Errorf("octet %d: a message of %d octets, %d are there", at+16, n, len(b)-at)
		}
		out = append(out, b[at:at+n])
		at += n
	}
	return out, nil
}

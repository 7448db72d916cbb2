package speaker

import (
	"testing"

	"holdfast/bgp"
	"holdfast/bgp/capability"
	"holdfast/bgp/operational"
	"holdfast/bgp/wire"
)

const advises = `family { ipv4 unicast; } capability { route-refresh; operational; multi-session; }
	operational { asm afi ipv4 safi unicast advisory "maintenance at ten"; rpcq afi ipv4 safi unicast sequence 7; }
	static { route 10.0.0.1/32 next-hop self; }`

// TestOperational: where both sides offer it, the messages of the configuration
// are sent, and what comes, malformed or not, ends nothing.
func TestOperational(t *testing.T) {
	r := newRig(t)
	text, l := r.neighbor(2, advises)
	r.apply(text)
	p := r.meet(l, append(capability.ForMultiSession(), capability.Flag(capability.Operational))...)
	p.expect(`OPERATIONAL asm afi ipv4 safi unicast advisory "maintenance at ten"`)
	p.expect("OPERATIONAL rpcq afi ipv4 safi unicast sequence 7 router-id 1.1.1.1")
	r.do(func() {
		for _, peer := range r.s.peers {
			if n := peer.session.Negotiated; !n.Operational || !n.MultiSession {
				t.Errorf("agreed on %+v", n)
			}
		}
	})
	p.Write(wire.AppendOperational(nil, operational.Message{Kind: operational.RPCP, Family: bgp.IPv4Unicast, Sequence: 7, Counter: 1}, 5))
	p.Write(malformed())
	p.expect("+10.0.0.1")
	p.Write(wire.AppendRefresh(nil, wire.Refresh{Family: bgp.IPv4Unicast}))
	p.expect("+10.0.0.1") // the session lives
}

// TestOperationalUnasked: where it was not agreed on, it is a message like any
// other that is not known.
func TestOperationalUnasked(t *testing.T) {
	r := newRig(t)
	text, l := r.neighbor(2, advises)
	r.apply(text)
	p := r.meet(l)
	p.expect("+10.0.0.1")
	p.Write(malformed())
	p.expect("NOTIFICATION message header error")
}

// malformed says two octets of what should be eleven.
func malformed() []byte {
	b := append(wire.AppendHeader(nil, wire.TypeOperational), 0, 3, 0, 11, 0, 1)
	return wire.PatchLength(b, 0)
}

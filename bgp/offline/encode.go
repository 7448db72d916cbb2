package offline

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/attr"
	"holdfast/bgp/wire"
)

// Encoder makes messages of API commands.
type Encoder struct {
	Session *Session
	parser  api.Parser
	batch   api.Batch
}

// announced are the words behind "announce" that may stand without it.
var announced = []string{"route", "attribute", "attributes", "ipv4", "ipv6", "l2vpn", "bgp-ls", "flow", "vpls", "vpn", "evpn"}

// Line appends the messages that a command has us send. A route may stand there
// without "announce".
func (e *Encoder) Line(b []byte, line string) ([]byte, error) {
	if first, _, _ := strings.Cut(strings.TrimSpace(line), " "); slices.Contains(announced, first) {
		line = "announce " + strings.TrimSpace(line)
	}
	e.batch.Reset()
	e.parser.Line(&e.batch, []byte(line))
	at := len(b)
	for i := 0; i < len(e.batch.Items); {
		item := &e.batch.Items[i]
		if item.Err != nil {
			return b[:at], item.Err
		}
		n, err := 1, error(nil)
		switch item.Kind {
		case api.Nothing:
		case api.EOR:
			b = wire.AppendEOR(b, item.Family)
		case api.Announce:
			b, n, err = e.announce(b, e.batch.Items[i:])
		case api.Withdraw:
			b, n, err = e.withdraw(b, e.batch.Items[i:])
		default:
			err = fmt.Errorf("no message comes of %q", line)
		}
		if err != nil {
			return b[:at], err
		}
		i += n
	}
	return b, nil
}

// same counts the items at the beginning that fit one message.
func same(items []api.Item) int {
	first := &items[0]
	for n := range items {
		i := &items[n]
		if i.Err != nil || i.Kind != first.Kind || i.Route.NLRI.Family != first.Route.NLRI.Family || i.Route.Attrs != first.Route.Attrs {
			return n
		}
	}
	return len(items)
}

func (e *Encoder) announce(b []byte, items []api.Item) ([]byte, int, error) {
	f := items[0].Route.NLRI.Family
	export := attr.ExportFor(&e.Session.Negotiated)
	if e.Session.Negotiated.LinkLocalHop {
		export.LinkLocal, export.LinkLocalOnly = e.Session.linkLocal, e.Session.llOnly
	}
	if items[0].Route.ForeignHop && !e.Session.Negotiated.HasHop(f, otherAFI(f)) {
		return b, 0, fmt.Errorf("%s: the next hop is of the other address family, which was not agreed on (nexthop)", f)
	}
	start := len(b)
	b, frame, ok := wire.BeginAnnounce(b, f, items[0].Route.Attrs.Value(), &export)
	if !ok {
		return b, 0, fmt.Errorf("%s: there is no next hop for it", f)
	}
	n := 0
	for max := same(items); n < max; n++ {
		at := len(b)
		b = items[n].Route.NLRI.AppendWire(b, e.Session.Negotiated.SendPath(f))
		if frame.Len(b) > e.Session.Negotiated.MaxLen() {
			if n == 0 {
				return b[:start], 0, e.tooLong(f)
			}
			b = b[:at]
			break
		}
	}
	return frame.End(b), n, nil
}

func (e *Encoder) withdraw(b []byte, items []api.Item) ([]byte, int, error) {
	f := items[0].Route.NLRI.Family
	export := attr.ExportFor(&e.Session.Negotiated)
	var said attr.Set
	if h := items[0].Route.Attrs; h != (attr.Handle{}) {
		said = h.Value()
	}
	start := len(b)
	b, frame := wire.BeginWithdraw(b, f, said, &export)
	n := 0
	for max := same(items); n < max; n++ {
		at := len(b)
		b = items[n].Route.NLRI.AppendWire(b, e.Session.Negotiated.SendPath(f))
		if frame.Len(b) > e.Session.Negotiated.MaxLen() {
			if n == 0 {
				return b[:start], 0, e.tooLong(f)
			}
			b = b[:at]
			break
		}
	}
	return frame.End(b), n, nil
}

func (e *Encoder) tooLong(f bgp.Family) error {
	return fmt.Errorf("%s: the route does not fit a message of %d octets", f, e.Session.Negotiated.MaxLen())
}

func otherAFI(f bgp.Family) bgp.AFI {
	if f.AFI() == bgp.AFIIPv4 {
		return bgp.AFIIPv6
	}
	return bgp.AFIIPv4
}

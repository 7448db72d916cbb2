// Package speaker is the owner: peers, RIB and timers on one loop. It is the
// only room where bgp meets netio.
//
// Everything here runs on the loop's goroutine. Others hand values in with
// Loop.Post.
package speaker

import (
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/config"
	"holdfast/bgp/event"
	"holdfast/bgp/fsm"
	"holdfast/bgp/rib"
	"holdfast/bgp/wire"
	"holdfast/netio"
)

// Options is what the speaker is told once. The functions are called on the
// loop and must not block; nil ones are not called.
type Options struct {
	Log *slog.Logger
	// Version is what "software-version" tells the neighbors of us.
	Version string
	Port    uint16 // where neighbors listen if their section does not say; 0 is 179
	// Restarting says that we were here before: the neighbors are told not to
	// wait for us (RFC 4724 section 4.1), until their first session.
	Restarting bool
	// Forwarding says whether packets of a family have been taken all the while
	// (RFC 4724 section 3); nil: they have. It is asked for the first session.
	Forwarding func(bgp.Family) bool
	// Kept are listening sockets of a life before. The first Apply takes those that
	// it needs, and closes the others.
	Kept     []netio.Kept
	Jitter   func() float64
	Session  func(neighbor netip.Addr, up bool, why error)
	Watchdog func(group string, on bool) error // a helper's "announce watchdog"
	// Said is called when helpers have spoken of groups, in the turn in which they
	// have: those that are off are closed already, and open again with Groups only.
	Said func()
	// Learned is called when a neighbor begins or ends to announce a route that
	// Watch asked for.
	Learned func(from netip.Addr, prefix netip.Prefix, there bool)
	// Receipt is called when a neighbor has acknowledged that a group is closed or
	// degraded.
	Receipt func(Receipt)
	// Report is called for what somebody listens to (config.Neighbor.Listeners),
	// with a report that is the callee's.
	Report func(*config.Neighbor, *event.Report)
}

// Speaker is the BGP side of the daemon.
type Speaker struct {
	loop      *netio.Loop
	options   Options
	log       *slog.Logger
	table     *rib.Table
	peers     map[key]*peer
	order     []*peer // as the configuration says them, dynamic ones last
	ranges    []*config.Neighbor
	listeners map[listenKey]*listener
	released  bool // End-of-RIB may go
	sweeping  bool // peers that were dropped are still in the table
	stopping  *stopping
	conns     uint64
	watching  watching

	lastAudience audience
	owners       map[string]rib.Owner // helpers that have announced something
	met          map[key]bool         // who was up of ranges: such a peer goes with its session
	processes    []config.Process
	scratch      []byte
}

// key is what tells neighbors apart. Of a dynamic peer it has the peer's address
// and link, and the address of ours that it has connected to.
type key = config.Ends

// New makes a speaker without neighbors.
func New(l *netio.Loop, o Options) *Speaker {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Port == 0 {
		o.Port = 179
	}
	if o.Session == nil {
		o.Session = func(netip.Addr, bool, error) {}
	}
	if o.Watchdog == nil {
		o.Watchdog = func(string, bool) error { return nil }
	}
	if o.Said == nil {
		o.Said = func() {}
	}
	if o.Forwarding == nil {
		o.Forwarding = func(bgp.Family) bool { return true }
	}
	if o.Report == nil {
		o.Report = func(*config.Neighbor, *event.Report) {}
	}
	return &Speaker{loop: l, options: o, log: o.Log, table: rib.NewTable(), peers: map[key]*peer{},
		listeners: map[listenKey]*listener{}, owners: map[string]rib.Owner{}, met: map[key]bool{}}
}

// Apply makes the neighbors and their configured routes those of c. A neighbor
// that has not changed keeps its session; one of which only routes changed, is
// told the difference.
func (s *Speaker) Apply(c *config.Config) error {
	if s.stopping != nil {
		return nil
	}
	diff := newRouteDiff()
	want := map[key]bool{}
	var order, start []*peer
	s.ranges = nil
	for i := range c.Neighbors {
		n := &c.Neighbors[i]
		if !n.Peer.IsSingleIP() {
			s.ranges = append(s.ranges, n)
			continue
		}
		k := n.Ends()
		want[k] = true
		p := s.named(k)
		if p == nil {
			p = s.addPeer(k, n)
			start = append(start, p)
			diff.neighbor(p.out, nil, n.Routes)
		} else {
			diff.neighbor(p.out, p.config.Routes, n.Routes)
			s.change(p, n)
		}
		order = append(order, p)
	}
	s.dropOthers(want, &order, diff)
	s.order = order
	s.lastAudience = audience{}
	s.processes = c.Processes
	diff.apply(s.table)
	resumed := len(s.options.Kept) > 0
	err := s.listen()
	for _, p := range start {
		// Who keeps routes over a restart takes a second connection for the next one
		// (RFC 4724 section 4.2), and one of its own may be waiting to be accepted.
		p.step(fsm.Event{Kind: fsm.Start, Patient: resumed && p.config.Listen != 0})
	}
	s.wake()
	return err
}

// change gives a peer its new configuration.
func (s *Speaker) change(p *peer, n *config.Neighbor) {
	restart := !p.config.SameSession(n)
	p.configure(n)
	if restart {
		s.log.Info("neighbor changed", "neighbor", p.name)
		p.restart(wire.OtherChange)
	}
}

// dropOthers ends the peers that the configuration does not have; dynamic ones
// stay while a range has them, and no section of their own does.
func (s *Speaker) dropOthers(want map[key]bool, order *[]*peer, diff *routeDiff) {
	for _, p := range s.sorted() {
		if want[p.key] {
			continue
		}
		own := func(x *peer) bool { return !x.dynamic && x.serves(p.key.Peer, p.key.Zone, p.key.Local) }
		if p.dynamic && !slices.ContainsFunc(*order, own) {
			if n := s.rangeOf(p.key.Peer.Addr(), p.key.Local); n != nil {
				diff.neighbor(p.out, p.config.Routes, n.Routes)
				p.configure(n)
				*order = append(*order, p)
				continue
			}
		}
		s.remove(p)
	}
}

// named is the peer of a section; one that was dynamic gives way to it.
func (s *Speaker) named(k key) *peer {
	if p := s.peers[k]; p != nil && p.dynamic {
		s.remove(p)
	}
	return s.peers[k]
}

// remove ends a peer that the configuration does not have.
func (s *Speaker) remove(p *peer) {
	s.log.Info("neighbor removed", "neighbor", p.name)
	p.stop(wire.Deconfigured, "")
	s.drop(p)
}

// sorted is the peers in a stable order.
func (s *Speaker) sorted() []*peer {
	return slices.SortedFunc(maps.Values(s.peers), func(a, b *peer) int { return a.number - b.number })
}

func (s *Speaker) drop(p *peer) {
	p.alarm.Stop()
	delete(s.peers, p.key)
	s.order = slices.DeleteFunc(s.order, func(x *peer) bool { return x == p })
	s.lastAudience = audience{}
	p.unlearn()
	if s.table.DropPeer(p.out); !s.sweeping {
		s.sweeping = true
		s.loop.Post(s.sweep)
	}
}

// sweepAtOnce is how many places of the table are looked at in one turn.
const sweepAtOnce = 4096

// sweep takes peers that were dropped out of the table.
func (s *Speaker) sweep() {
	if s.sweeping = s.table.Sweep(sweepAtOnce); s.sweeping {
		s.loop.Post(s.sweep)
	}
}

// rangeOf is the range of somebody who has connected to an address of ours.
func (s *Speaker) rangeOf(a, local netip.Addr) *config.Neighbor {
	for _, n := range s.ranges {
		if at := listenAt(n); n.Peer.Contains(a) && (!at.IsValid() || at.WithZone("") == local) {
			return n
		}
	}
	return nil
}

// Groups opens, closes and degrades named groups of routes, and all that have no
// name here, in one step; the withdraws are the next thing on the wire. The time
// of the cause is for receipts.
func (s *Speaker) Groups(stands map[string]rib.Stand, rest rib.Stand, cause time.Time) {
	s.await(s.table.Groups(stands, rest), cause)
	s.wake()
}

// Become is Groups and Apply in one step: neighbors hear of what both come to, and
// of nothing in between.
func (s *Speaker) Become(c *config.Config, stands map[string]rib.Stand, rest rib.Stand, cause time.Time) error {
	s.await(s.table.Groups(stands, rest), cause)
	defer s.wake() // a speaker that stops takes no configuration
	return s.Apply(c)
}

// Release lets End-of-RIB go: every gate has had its first verdict, or has had
// its time.
func (s *Speaker) Release() {
	if s.released {
		return
	}
	s.released = true
	for _, p := range s.order {
		p.out.ReleaseEOR()
	}
	s.wake()
}

// wake gives the peers what they have to be told: withdraws are pushed if
// nothing of theirs is still in our hands, announcements are pulled.
func (s *Speaker) wake() {
	s.table.Dirty(func(o *rib.Out) {
		p := o.Owner.(*peer)
		if p.live != nil {
			p.pushWithdraws()
		}
		if p.live != nil { // the push may have ended the session
			p.live.conn.Wake()
		}
	})
}

// stopping is a stop that waits for its peers.
type stopping struct {
	left  int
	text  string
	done  func()
	alarm *netio.Alarm
}

// Stop withdraws everything, waits for each peer to acknowledge the bytes, and
// then ends its session with a Cease and the text. done is called when all are
// through, or after timeout.
func (s *Speaker) Stop(text string, timeout time.Duration, done func()) {
	if s.stopping != nil {
		return
	}
	st := &stopping{text: text, done: done}
	st.alarm = s.loop.At(s.loop.Now().Add(timeout), func(time.Time) { s.stopAll() })
	for _, p := range s.order {
		if p.live != nil {
			st.left++
		}
	}
	s.stopping = st // from here on, sessions that end are counted
	s.await([]rib.Change{s.table.Off()}, s.loop.Now())
	s.wake()
	for _, l := range s.listeners {
		l.Close()
	}
	for _, p := range s.sorted() {
		if p.live == nil {
			p.stop(wire.AdminShutdown, text)
			continue
		}
		p.live.conn.NotifyAcked()
	}
	s.stopped()
}

// acked is called when a peer has acknowledged the last withdraw.
func (s *Speaker) acked(p *peer) {
	if s.stopping == nil {
		return
	}
	s.log.Info("withdraw acknowledged", "neighbor", p.name)
	p.stop(wire.AdminShutdown, s.stopping.text)
}

// stopAll ends what has not acknowledged in time.
func (s *Speaker) stopAll() {
	for _, p := range s.sorted() {
		if p.live != nil {
			s.log.Warn("withdraw not acknowledged in time", "neighbor", p.name)
			p.stop(wire.AdminShutdown, s.stopping.text)
		}
	}
}

// ended counts a session that is over while we stop. It does not come back,
// whoever has ended it.
func (s *Speaker) ended(p *peer) {
	if s.stopping != nil {
		p.stop(wire.AdminShutdown, "")
		s.stopping.left--
		s.stopped()
	}
}

// stopped calls done once nothing is left; the NOTIFICATIONs are on their way
// then, and have a moment to arrive.
func (s *Speaker) stopped() {
	st := s.stopping
	if st.left > 0 || st.done == nil {
		return
	}
	done := st.done
	st.done = nil
	st.alarm.Stop()
	end := s.loop.Now().Add(time.Second)
	var poll *netio.Alarm
	poll = s.loop.At(s.loop.Now(), func(now time.Time) {
		if s.loop.Lingering() == 0 || now.After(end) {
			done()
			return
		}
		poll.Reset(now.Add(2 * time.Millisecond))
	})
}

// connID numbers connections for the machines.
func (s *Speaker) connID() uint64 {
	s.conns++
	return s.conns
}

// unmap is an address as the configuration names it.
func unmap(a netip.Addr) netip.Addr { return a.Unmap() }

func (s *Speaker) neighborName(n *config.Neighbor) string {
	a := n.Peer.Addr()
	if n.Zone != "" {
		a = a.WithZone(n.Zone)
	}
	return a.String()
}

// identifier is the BGP identifier of a neighbor's session; 0 while it has to
// be made of the address that the connection will have.
func identifier(n *config.Neighbor) bgp.ID {
	if n.RouterID != 0 {
		return n.RouterID
	}
	return bgp.IDFromAddr(n.LocalAddress)
}

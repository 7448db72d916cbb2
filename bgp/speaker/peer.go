package speaker

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/bgp"
	"holdfast/bgp/api"
	"holdfast/bgp/attr"
	"holdfast/bgp/capability"
	"holdfast/bgp/config"
	"holdfast/bgp/event"
	"holdfast/bgp/fsm"
	"holdfast/bgp/rib"
	"holdfast/bgp/wire"
	"holdfast/netio"
)

// peer is one neighbor: its machine, its connections, and its side of the
// table.
type peer struct {
	s       *Speaker
	key     key
	number  int
	name    string
	dynamic bool // made when somebody of a range connected
	met     bool // it has had a connection
	config  *config.Neighbor
	out     *rib.Out
	machine *fsm.Machine
	alarm   *netio.Alarm
	conns   map[fsm.Conn]*conn
	dialing *conn
	live    *conn // of the established session
	session *fsm.Session

	queue     []fsm.Event // events that came while one was being served
	busy      bool
	since     time.Time
	turned    time.Time // when the session came up, or went down
	lastError string
	sessions  uint64
	counters  received
	pace      pace // of "rate-limit"
	tally     tally
	waits     []wait
	in        *rib.In // nil: what is received is not kept
	inWhole   bool    // all of the session is in it
	learned   *rib.Learned
	answer    *netio.Alarm // of what is asked for

	ears    ears
	updates []byte // received, and not reported yet
	told    string // the state that was reported last: "", "connected" or "up"
	why     error  // why the last connection has ended
}

// received is what a peer told us in this session.
type received struct{ updates, routes, bad uint64 }

func (s *Speaker) addPeer(k key, n *config.Neighbor) *peer {
	p := &peer{s: s, key: k, name: s.neighborName(n), out: s.table.AddPeer(), conns: map[fsm.Conn]*conn{}, since: s.loop.Now(), turned: s.loop.Now()}
	p.out.Owner = p
	p.configure(n)
	p.number = int(s.connID())
	p.alarm = s.loop.At(time.Time{}, func(now time.Time) { p.tick() })
	p.learned = rib.NewLearned()
	p.answer = s.loop.At(time.Time{}, func(time.Time) { p.learn(p.learned.Settle()) })
	p.watch()
	s.peers[k] = p
	p.renew()
	return p
}

// keep begins or ends keeping what the peer tells us, as the configuration says.
func (p *peer) keep() {
	if !p.config.AdjRIBIn {
		p.in, p.inWhole = nil, false
		return
	}
	if p.in != nil {
		return
	}
	p.in = rib.NewIn()
	if p.live != nil {
		for _, f := range p.session.Negotiated.Families {
			p.askRefresh(f) // what was not kept; the session may end with one
		}
	}
}

// renew makes a machine of the configuration.
func (p *peer) renew() {
	n := p.config
	p.machine = fsm.New(fsm.Config{LocalAS: n.LocalAS, PeerAS: n.PeerAS, ID: identifier(n), HoldTime: n.HoldTime,
		Passive: n.Passive || p.dynamic, Capabilities: p.capabilities(), Jitter: p.s.options.Jitter})
}

// capabilities is what our OPEN says, in ExaBGP's order.
func (p *peer) capabilities() (cs []capability.Capability) {
	n, c := p.config, p.config.Capabilities
	for _, f := range n.Families {
		cs = append(cs, capability.ForFamily(f))
	}
	if c.ASN4 {
		cs = append(cs, capability.ForASN(n.LocalAS))
	}
	if hops := n.HopList(); len(hops) > 0 {
		cs = append(cs, capability.ForHops(hops))
	}
	cs = append(cs, pathCapabilities(n)...)
	if c.GracefulRestart > 0 {
		been := p.sessions > 0 || p.s.met[p.key]
		r := capability.Restart{Restarting: p.s.options.Restarting && !been, Notify: true, Time: c.GracefulRestart}
		for _, f := range n.Families {
			r.Families = append(r.Families, capability.RestartFamily{Family: f, Forwarding: been || p.s.options.Forwarding(f)})
		}
		cs = append(cs, capability.ForRestart(r))
	}
	if c.RouteRefresh {
		cs = append(cs, capability.Flag(capability.RouteRefresh), capability.Flag(capability.EnhancedRefresh))
	}
	if c.Operational {
		cs = append(cs, capability.Flag(capability.Operational))
	}
	if c.ExtendedMessage {
		cs = append(cs, capability.Flag(capability.ExtendedMessage))
	}
	if n.HostName != "" {
		cs = append(cs, capability.ForHostName(n.HostName, n.DomainName))
	}
	if c.SoftwareVersion {
		cs = append(cs, capability.ForSoftware("Holdfast/"+p.s.options.Version))
	}
	if c.LinkLocalNextHop {
		cs = append(cs, capability.Flag(capability.LinkLocalNextHop))
	}
	if c.MultiSession {
		cs = append(cs, capability.ForMultiSession()...)
	}
	return cs
}

// pathCapabilities are those of ADD-PATH.
func pathCapabilities(n *config.Neighbor) (cs []capability.Capability) {
	var paths []capability.Path
	var limits []capability.Limit
	for _, p := range n.PathList() {
		paths = append(paths, capability.Path{Family: p.Family, Direction: p.Direction})
		if p.Limit > 0 {
			limits = append(limits, capability.Limit{Family: p.Family, Paths: p.Limit})
		}
	}
	if paths != nil {
		cs = append(cs, capability.ForPaths(paths))
	}
	if limits != nil {
		cs = append(cs, capability.ForLimits(limits))
	}
	return cs
}

func (p *peer) start() { p.step(fsm.Event{Kind: fsm.Start}) }

// stop ends the session with a subcode of Cease.
func (p *peer) stop(subcode uint8, text string) {
	p.step(fsm.Event{Kind: fsm.Stop, Subcode: subcode, Text: text})
}

// restart ends the session and begins again with the configuration as it is
// now.
func (p *peer) restart(subcode uint8) {
	p.stop(subcode, "")
	if p.s.peers[p.key] != p {
		return // a dynamic one is gone with its connection
	}
	p.renew()
	p.start()
}

func (p *peer) tick() {
	for id, c := range p.conns {
		p.machine.Progress(id, c.conn.LastProgress())
	}
	p.step(fsm.Event{Kind: fsm.Tick})
}

// step gives the machine an event and does what it says. What happens
// meanwhile waits for its turn.
func (p *peer) step(ev fsm.Event) {
	p.queue = append(p.queue, ev)
	if p.busy {
		return
	}
	p.busy = true
	for len(p.queue) > 0 {
		next := p.queue[0]
		p.queue = p.queue[:copy(p.queue, p.queue[1:])]
		for _, e := range p.machine.Step(p.s.loop.Now(), next) {
			p.do(e)
		}
	}
	p.busy = false
	p.disconnected()
	p.alarm.Reset(p.machine.Deadline())
	p.leave()
}

// leave forgets a dynamic peer that has no connection any more.
func (p *peer) leave() {
	if p.dynamic && p.met && len(p.conns) == 0 && p.s.peers[p.key] == p {
		p.alarm.Stop()
		p.s.drop(p)
	}
}

func (p *peer) do(e fsm.Effect) {
	switch e.Kind {
	case fsm.Dial:
		p.dial()
	case fsm.CancelDial:
		c := p.dialing
		p.dialing = nil
		c.conn.Abort(nil)
	case fsm.Send:
		if c := p.conns[e.Conn]; c != nil {
			c.push(e.Frame)
		}
	case fsm.Close:
		if c := p.conns[e.Conn]; c != nil {
			delete(p.conns, e.Conn)
			p.why = e.Err
			c.conn.Close(e.Err)
		}
	case fsm.Up:
		p.up(e.Session)
	case fsm.Down:
		p.down(e.Err)
	case fsm.Failed:
		p.why = e.Err
		p.note(e.Err)
	case fsm.Moved:
		p.since = p.s.loop.Now()
		p.s.log.Debug("state", "neighbor", p.name, "from", e.From, "to", e.To)
		p.moved(e.From, e.To)
	}
}

// note remembers and logs why an attempt failed; the same reason again and
// again is logged once.
func (p *peer) note(err error) {
	if err == nil || err.Error() == p.lastError {
		return
	}
	p.lastError = err.Error()
	p.s.log.Warn("no session", "neighbor", p.name, "error", err)
}

func (p *peer) up(session *fsm.Session) {
	c := p.conns[session.Conn]
	p.live, p.session, p.turned = c, session, p.s.loop.Now()
	p.sessions++
	if p.dynamic {
		p.s.met[p.key] = true
	}
	p.lastError = ""
	p.counters = received{}
	p.inWhole = p.in != nil
	n := session.Negotiated
	n.LocalAddr, n.PeerAddr = c.conn.Local().Addr(), c.conn.Remote().Addr()
	n.AIGP = p.config.Capabilities.AIGP || !n.EBGP()
	p.out.Up(rib.Session{Negotiated: n, Export: p.export(n), Single: !p.config.GroupUpdates,
		HoldEOR: !p.s.released, NoEOR: p.config.ManualEOR, Hold: !p.config.AutoFlush,
		Stale: n.GracefulRestart && (p.sessions > 1 || p.s.options.Restarting)})
	p.machine.SetCapabilities(p.capabilities())
	p.s.log.Info("session up", "neighbor", p.name, "as", n.PeerAS, "hold-time", n.HoldTime, "families", n.Families)
	p.s.options.Session(p.key.Peer.Addr(), true, nil)
	if p.ears.want(event.None, event.Negotiated) {
		p.tell(event.Report{Kind: event.Negotiated})
	}
	p.state(toldUp, "")
	p.advise(n)
	c.conn.Wake()
}

// advise sends the OPERATIONAL messages of the configuration.
func (p *peer) advise(n *bgp.Negotiated) {
	if !n.Operational {
		return
	}
	for _, m := range p.config.Operational {
		if c := p.live; c != nil {
			c.push(wire.AppendOperational(nil, m, n.LocalID))
		}
	}
}

// export is what makes this peer's bytes; an IPv6 address on a shared link is
// only a next hop together with a global one, which we may not have.
func (p *peer) export(n *bgp.Negotiated) attr.Export {
	e := attr.ExportFor(n)
	if p.config.LocalAddress.IsValid() {
		e.Self = p.config.LocalAddress.Unmap().WithZone("")
	}
	if n.LinkLocalHop {
		e.LinkLocal, e.LinkLocalOnly = p.config.LinkLocal, p.config.Capabilities.LinkLocalPrefer
	}
	return e
}

func (p *peer) down(err error) {
	p.tellUpdates()
	p.live, p.session, p.turned = nil, nil, p.s.loop.Now()
	p.missed()
	p.out.Down()
	p.in.Reset()
	p.unlearn()
	p.endWaits()
	p.note(err)
	p.s.log.Info("session down", "neighbor", p.name, "error", err)
	p.state(toldDown, p.reason(err))
	if !p.s.speaksWith(p.key.Peer) {
		p.s.options.Session(p.key.Peer.Addr(), false, err)
	}
	p.s.ended(p)
}

// speaksWith says whether there is a session with an address.
func (s *Speaker) speaksWith(a netip.Prefix) bool {
	return slices.ContainsFunc(s.order, func(p *peer) bool { return p.key.Peer == a && p.live != nil })
}

// dial begins a connection.
func (p *peer) dial() {
	n := p.config
	port := n.Connect
	if port == 0 {
		port = p.s.options.Port
	}
	remote := n.Peer.Addr()
	if n.Zone != "" {
		remote = remote.WithZone(n.Zone)
	}
	c := p.newConn()
	nc, err := p.s.loop.Dial(netio.DialOptions{Remote: netip.AddrPortFrom(remote, port), Local: n.LocalAddress,
		Socket: p.socket(), Auth: p.auth(), Timeout: dialTimeout}, c)
	if err != nil {
		p.step(fsm.Event{Kind: fsm.DialFailed, Err: err})
		return
	}
	c.conn = nc
	p.dialing = c
}

// dialTimeout is how long a neighbor may take to answer a SYN: the kernel has
// repeated it three times by then.
const dialTimeout = 10 * time.Second

func (p *peer) socket() netio.SocketOptions {
	n := p.config
	return netio.SocketOptions{TTL: n.OutgoingTTL, MinTTL: n.IncomingTTL, Device: n.SourceInterface}
}

func (p *peer) auth() netio.Auth { return authOf(p.config) }

func authOf(n *config.Neighbor) netio.Auth {
	a := netio.Auth{MD5: n.MD5Password}
	if k := n.TCPAO; k != nil {
		a.AO = netio.AO{KeyID: k.KeyID, Algorithm: kernelAO[k.Algorithm], Key: k.Password}
	}
	return a
}

// kernelAO is the kernel's names of the algorithms.
var kernelAO = map[string]string{"hmac-sha-1-96": "hmac(sha1)", "aes-128-cmac-96": "cmac(aes128)", "hmac-sha-256": "hmac(sha256)"}

// opened tells the machine of a connection that is there.
func (p *peer) opened(c *conn) {
	kind := fsm.Accepted
	if c == p.dialing {
		p.dialing = nil
		kind = fsm.Connected
	}
	if len(p.conns) == 0 {
		p.tally = tally{}
	}
	p.conns[c.id], p.met = c, true
	p.connected()
	if identifier(p.config) == 0 {
		p.machine.SetID(madeID(c.conn.Local().Addr()))
	}
	p.step(fsm.Event{Kind: kind, Conn: c.id, Local: c.conn.Local().Addr(), Remote: c.conn.Remote().Addr()})
}

// madeID is an identifier for a box that has no IPv4 address and was given
// none: always the same one for its address.
func madeID(a netip.Addr) bgp.ID {
	if a = a.Unmap(); a.Is4() {
		return bgp.IDFromAddr(a)
	}
	h := fnv.New32a()
	b := a.As16()
	h.Write(b[:])
	return bgp.ID(h.Sum32() | 1)
}

// closed tells the machine that a connection has ended by itself.
func (p *peer) closed(c *conn, err error) {
	switch {
	case c == p.dialing:
		p.dialing = nil
		p.step(fsm.Event{Kind: fsm.DialFailed, Err: err})
	case p.conns[c.id] == c:
		delete(p.conns, c.id)
		if err == nil {
			err = fmt.Errorf("the connection has ended")
		}
		p.step(fsm.Event{Kind: fsm.Lost, Conn: c.id, Err: err})
	case !p.busy: // it has never opened; a dynamic peer may have been made for it
		p.met = true
		p.leave()
	}
}

// pushWithdraws puts withdraws in front of everything, unless announcements of
// the same routes may still be in our hands: those are at most one turn's
// bulk, and the withdraws come right after them.
func (p *peer) pushWithdraws() {
	if p.live.conn.Unsent() > 0 {
		return
	}
	for more := true; more; {
		var b []byte
		b, more = p.out.Urgent(p.s.scratch[:0], pushAtOnce)
		p.s.scratch = b[:0]
		if len(b) == 0 {
			return
		}
		if p.live.push(b); p.live == nil {
			return
		}
		if p.pushed(); p.live.conn.Unsent() > 0 {
			return
		}
	}
}

// pushAtOnce bounds one push; a withdraw of thousands of routes goes on when
// the socket has taken it.
const pushAtOnce = 64 << 10

// who is what a helper's selector may name.
func (p *peer) who() api.Peer {
	w := api.Peer{Address: p.key.Peer.Addr(), Local: p.config.LocalAddress, LocalAS: p.config.LocalAS,
		PeerAS: p.config.PeerAS, RouterID: identifier(p.config)}
	if p.config.Capabilities.MultiSession {
		w.Families = allowed(p.config.Families)
	}
	if p.session != nil {
		n := p.session.Negotiated
		w.Local, w.LocalAS, w.PeerAS, w.RouterID = unmap(n.LocalAddr), n.LocalAS, n.PeerAS, n.LocalID
	}
	return w
}

// allowed is the families of a session of multi-session, as selectors name them.
func allowed(fs []bgp.Family) string {
	names := make([]string, len(fs))
	for i, f := range fs {
		afi, safi := f.Words()
		names[i] = afi + "-" + safi
	}
	return strings.Join(names, "/")
}

// refresh answers a ROUTE-REFRESH.
func (p *peer) refresh(r wire.Refresh) {
	if p.session == nil || !p.session.Negotiated.Refresh {
		return
	}
	if p.replayed(r); r.Subtype != wire.RefreshRequest {
		return
	}
	p.out.Refresh(r.Family)
	p.s.wake()
}

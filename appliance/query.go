package appliance

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast/appliance/helper"
	"holdfast/bgp/api"
	"holdfast/bgp/config"
	"holdfast/bgp/speaker"
)

// loopPatience is how long a question waits for the event loop, which serves
// others: it answers within milliseconds, or not any more.
const loopPatience = 10 * time.Second

// newUUID is a name for a life of the daemon (RFC 9562 section 5.4).
func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// query does a command that needs its time, away from the loop.
func (d *Daemon) query(b *api.Batch, done func()) {
	then := func() {}
	for i := range b.Items {
		if it := &b.Items[i]; it.Err == nil {
			q := asking{d: d, batch: b, Item: it, Question: &it.More.Query}
			then, it.Err = q.do()
		}
	}
	done()
	then()
}

// asking is a command on its way.
type asking struct {
	d     *Daemon
	batch *api.Batch
	*api.Item
	*api.Question
}

// do does it. What ends the one who asked comes after its answer.
func (q *asking) do() (then func(), err error) {
	d := q.d
	then = func() {}
	switch q.Kind {
	case api.Shutdown:
		q.progress("shutdown in progress")
		then = func() { d.ask("a helper said shutdown") }
	case api.Reload:
		q.progress("reload in progress")
		err = d.Reload()
	case api.Restart:
		q.progress("restart in progress")
		if err = d.Reload(); err == nil {
			d.loop.Post(d.speaker.Restart)
			then = d.helpers.Restart
		}
	case api.Crash:
		d.log.Warn("a helper said crash, which does nothing", "helper", q.batch.From)
	case api.Query:
		err = q.answer()
	}
	return then, err
}

// progress tells of what takes its time, as ExaBGP does. Whether it came to a
// good end is told behind it: ExaBGP says done before it has begun.
func (q *asking) progress(what string) { q.say(q.AppendProgress(nil, what)) }

func (q *asking) say(lines []byte) {
	if len(lines) > 0 {
		q.batch.Say(lines) // nobody is there to hear of those who are gone
	}
}

func (q *asking) answer() error {
	switch q.What {
	case api.QueueStatus:
		q.say(q.queues())
		return nil
	case api.ShowRIB, api.ListRoutes:
		return q.routes()
	}
	vs, configs, err := q.neighbors(q.Peers)
	switch {
	case err != nil:
	case q.What == api.DaemonStatus:
		d := q.d
		q.say(q.AppendDaemon(nil, &api.DaemonView{Version: d.options.Version, UUID: d.uuid, PID: os.Getpid(), Started: d.started,
			Age: time.Since(d.started), Peers: vs}))
	case q.What == api.ShowPeers && q.Detail == api.Configuration:
		q.say(q.configuration(configs))
	default:
		q.say(q.AppendPeers(nil, vs))
	}
	return err
}

// onLoop has f look at what belongs to the loop.
func (q *asking) onLoop(f func()) error {
	ctx, cancel := context.WithTimeout(context.Background(), loopPatience)
	defer cancel()
	return q.d.onLoop(ctx, f)
}

// neighbors are those that are named, or all.
func (q *asking) neighbors(sel *api.Selector) ([]api.PeerView, []*config.Neighbor, error) {
	var vs []api.PeerView
	var cs []*config.Neighbor
	if err := q.onLoop(func() { vs, cs = q.d.speaker.Neighbors(sel) }); err != nil {
		return nil, nil, err
	}
	if len(vs) == 0 && sel != nil {
		return nil, nil, speaker.ErrNoPeer
	}
	return vs, cs, nil
}

// configuration is what the configuration says of neighbors. It does not change
// once parsed, so that anybody may read it.
func (q *asking) configuration(cs []*config.Neighbor) (b []byte) {
	if !q.Text {
		list := []ExportedNeighbor{}
		for _, n := range cs {
			c := *n
			c.Routes = nil // "rib show" has them, and there may be many
			list = append(list, export(&c))
		}
		return api.AppendJSON(nil, list)
	}
	for _, n := range cs {
		b = n.AppendText(b)
	}
	return b
}

// queues is what waits for the helpers.
func (q *asking) queues() []byte {
	var names []string
	var queues []api.Queue
	for _, h := range q.d.helperStatus() {
		names, queues = append(names, h.Name), append(queues, api.Queue{Items: h.Waiting, Bytes: h.WaitingBytes})
	}
	return q.AppendQueues(nil, names, queues)
}

// helperStatus is that of all helpers, by name.
func (d *Daemon) helperStatus() []helper.Status {
	all := d.helpers.Status()
	slices.SortFunc(all, func(a, b helper.Status) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// routes tells of the table, a part for each turn of the loop. While the one who
// asked does not read, the table is not looked at.
func (q *asking) routes() error {
	sel := q.Peers
	if only := api.SelectAddress(q.Address); sel == nil && only != nil {
		// ExaBGP 4 takes an address for that of a neighbor.
		if _, _, err := q.neighbors(only); err == nil {
			sel, q.Address = only, netip.Prefix{}
		}
	}
	_, cs, err := q.neighbors(sel)
	if err == nil && q.In && sel != nil {
		err = kept(cs)
	}
	if err != nil {
		return err
	}
	lines := api.Lines{Question: q.Question, Say: q.batch.Say}
	part := &speaker.Part{Question: q.Question, Peers: sel}
	for more := true; more; {
		if err := q.onLoop(func() { more = q.d.speaker.Part(part) }); err != nil {
			return err
		}
		for i := range part.Routes {
			if !lines.Add(&part.Routes[i]) {
				return nil
			}
		}
	}
	lines.End()
	return nil
}

// kept is the error of a question for what was received, where nobody keeps it
// who was named.
func kept(cs []*config.Neighbor) error {
	for _, n := range cs {
		if n.AdjRIBIn {
			return nil
		}
	}
	return fmt.Errorf("neighbor %s: what it says is not kept; its section wants adj-rib-in", cs[0].Peer.Addr())
}

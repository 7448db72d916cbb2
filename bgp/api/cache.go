package api

import (
	"holdfast/bgp/attr"
	"holdfast/bgp/route"
)

// Bounds of a helper's caches: what is longer, or more than that at once, goes
// through the grammar.
const (
	cacheEntries = 1024
	cacheText    = 2048 // octets of one text
)

// cache keeps what the grammar made of a text. The last answer is tried first:
// helpers say the same thing about many prefixes in a row.
type cache[T any] struct {
	last *entry[T]
	all  map[string]*entry[T]
}

type entry[T any] struct {
	text  string
	value T
}

// get finds a text without making a string of it; nil when it is not there.
func (c *cache[T]) get(text []byte) *T {
	if c.last != nil && string(text) == c.last.text {
		return &c.last.value
	}
	e := c.all[string(text)]
	if e == nil {
		return nil
	}
	c.last = e
	return &e.value
}

// put remembers what a text means; when there are too many, any one goes.
func (c *cache[T]) put(text []byte, v T) {
	if len(text) > cacheText {
		return
	}
	if c.all == nil {
		c.all = make(map[string]*entry[T])
	}
	if len(c.all) >= cacheEntries {
		for k := range c.all {
			delete(c.all, k)
			break
		}
	}
	e := &entry[T]{text: string(text), value: v}
	c.last, c.all[e.text] = e, e
}

// tail is what stands behind the prefix of a route, or between "attributes"
// and "nlri": all of a route but the prefix.
type tail struct {
	attrs   attr.Handle
	group   string
	off     bool // "withdraw": the group starts switched off
	hasPath bool
	pathID  uint32
	foreign bool // the next hop is of the other address family
	self    bool // or our own
}

func tailOf(r *route.Route) tail {
	return tail{attrs: r.Attrs, group: r.Group, off: r.Withdraw, hasPath: r.NLRI.HasPath, pathID: r.NLRI.PathID, foreign: r.ForeignHop, self: r.SelfHop}
}

// fill puts the tail behind a prefix.
func (t *tail) fill(r *route.Route) {
	r.Attrs, r.Group, r.Withdraw = t.attrs, t.group, t.off
	r.NLRI.HasPath, r.NLRI.PathID, r.ForeignHop, r.SelfHop = t.hasPath, t.pathID, t.foreign, t.self
}

package settings

import (
	"net/netip"
	"strings"

	"holdfast/bgp/grammar"
)

// metrics is where Prometheus asks.
func (r *reader) metrics() *grammar.Node {
	const want = "a path from the root, or an address and port like 127.0.0.1:9179"
	return &grammar.Node{Word: "metrics", Args: "PATH|ADDRESS:PORT", Help: "where Prometheus asks for /metrics: a unix socket, or an address and port",
		Do: func(c *grammar.Cursor) error {
			s, err := c.One(want)
			if err != nil {
				return err
			}
			if _, err := netip.ParseAddrPort(s); err != nil && !strings.HasPrefix(s, "/") {
				return grammar.Wish(want, s)
			}
			r.s.Metrics = s
			return nil
		}}
}

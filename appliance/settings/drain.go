package settings

import (
	"time"

	"holdfast/bgp/grammar"
)

// LongestDrainWait bounds Drain.Wait: what has been drained for so long is
// withdrawn, whatever the configuration says.
const LongestDrainWait = time.Hour

// drain is how this box leaves.
func (r *reader) drain() *grammar.Node {
	return &grammar.Node{Word: "drain", Help: "how routes are taken out of service: by holdfast drain, before a reboot, and before a stop if it says so", Kids: []*grammar.Node{
		{Word: "wait", Args: "TIME", Help: "they are announced with GRACEFUL_SHUTDOWN (RFC 8326) for so long before they are withdrawn (30s)", Do: func(c *grammar.Cursor) (err error) {
			r.s.Drain.Wait, err = c.Duration(0, LongestDrainWait)
			return err
		}},
		{Word: "on-stop", Help: "a stop of the service is such a drain, too", Do: func(*grammar.Cursor) error {
			r.s.Drain.OnStop = true
			return nil
		}},
	}}
}

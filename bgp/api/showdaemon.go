package api

import (
	"fmt"
	"time"
)

// DaemonView is the daemon, as questions are told of it.
type DaemonView struct {
	Version string
	UUID    string // of this life
	PID     int
	Started time.Time
	Age     time.Duration
	Peers   []PeerView
}

// daemonJSON is its form.
type daemonJSON struct {
	Version string            `json:"version"`
	UUID    string            `json:"uuid"`
	PID     int               `json:"pid"`
	Uptime  int               `json:"uptime"`     // seconds
	Start   float64           `json:"start_time"` // since the epoch
	Peers   map[string]string `json:"peers"`      // states by name
}

// AppendDaemon appends the answer to DaemonStatus.
func (q *Question) AppendDaemon(b []byte, v *DaemonView) []byte {
	if !q.Text {
		j := daemonJSON{v.Version, v.UUID, v.PID, int(v.Age / time.Second), float64(v.Started.UnixMicro()) / 1e6, map[string]string{}}
		for i := range v.Peers {
			j.Peers[string(v.Peers[i].AppendName(nil, true))] = v.Peers[i].State
		}
		return AppendJSON(b, j)
	}
	b = fmt.Appendf(b, "Version: %s\nUUID: %s\nPID: %d\nUptime: %s\nStart time: %s\nPeers: %d\n", v.Version, v.UUID, v.PID, span(v.Age),
		v.Started.UTC().Format(time.DateTime), len(v.Peers))
	for i := range v.Peers {
		b = fmt.Appendf(v.Peers[i].AppendName(append(b, "  "...), true), " %s\n", v.Peers[i].State)
	}
	return b
}

// Queue is what waits for a helper to read it.
type Queue struct {
	Items uint64 `json:"items"`
	Bytes int    `json:"bytes"`
}

// AppendQueues appends the answer to QueueStatus, by helper.
func (q *Question) AppendQueues(b []byte, names []string, queues []Queue) []byte {
	if !q.Text {
		all := map[string]Queue{}
		for i, n := range names {
			all[n] = queues[i]
		}
		return AppendJSON(b, all)
	}
	for i, n := range names {
		b = fmt.Appendf(b, "%s: %d items, %d bytes\n", n, queues[i].Items, queues[i].Bytes)
	}
	return b
}

// AppendProgress appends the line that tells of something which takes its time.
func (q *Question) AppendProgress(b []byte, what string) []byte {
	if !q.Text {
		return AppendJSON(b, struct {
			Status string `json:"status"`
		}{what})
	}
	return append(append(b, what...), '\n')
}

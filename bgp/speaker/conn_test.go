package speaker

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"holdfast/bgp"
	"holdfast/bgp/wire"
)

// TestMalformedUpdatesAreLoggedFewerAndFewer: a log of a million lines would cost
// the loop more than the UPDATEs.
func TestMalformedUpdatesAreLoggedFewerAndFewer(t *testing.T) {
	var log bytes.Buffer
	p := &peer{s: &Speaker{log: slog.New(slog.NewTextHandler(&log, nil))}}
	msg := append(wire.AppendHeader(nil, wire.TypeUpdate), 0, 0, 0, 4, 0x40, 1, 1, 7, 24, 192, 0, 2) // ORIGIN 7
	var u wire.Update
	n := &bgp.Negotiated{Families: []bgp.Family{bgp.IPv4Unicast}}
	if err := wire.ParseUpdate(wire.PatchLength(msg, 0), n, &u); err != nil || u.Disposition != wire.Withdraw {
		t.Fatal(err, u.Disposition)
	}
	for range 1000 {
		p.malformed(&u)
	}
	if n := strings.Count(log.String(), "\n"); n != 10 || !strings.Contains(log.String(), "errors=512") {
		t.Errorf("%d lines\n%s", n, &log)
	}
}

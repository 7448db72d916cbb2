package systemd

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/google/go-cmp/cmp"
)

// sent is what a handler hands over, the fields in the order of their names.
func sent(log func(*slog.Logger)) (lines []string) {
	j := &Journal{Level: slog.LevelInfo, IDs: map[string]string{"session up": "0123"}, Send: func(message string, p journal.Priority, fields map[string]string) {
		lines = append(lines, fmt.Sprintf("%d %s %v", p, message, fields))
	}}
	log(slog.New(j))
	return lines
}

func TestJournal(t *testing.T) {
	got := sent(func(log *slog.Logger) {
		log.Info("session up", "neighbor", netip.MustParseAddr("192.0.2.1"), "hold-time", 9*time.Second)
		log.With("helper", "one").Warn("helper has ended", "error", io.ErrUnexpectedEOF, "message", "its own", "", "nothing")
		log.Error("quotes", "text", "a \"b\"\nc", "empty", "")
		log.Debug("not so much")
		log.WithGroup("loop").With("a", 1).Info("groups", "b", 2, slog.Group("c", "d", 3), slog.Group("", "e", 4))
		log.Info("names", "_2x", 1, "Ä", 2, "error", errors.New("x"))
	})
	want := []string{
		"6 session up neighbor=192.0.2.1 hold-time=9s map[HOLD_TIME:9s MESSAGE_ID:0123 NEIGHBOR:192.0.2.1]",
		"4 helper has ended helper=one error=\"unexpected EOF\" message=\"its own\" map[ERROR:unexpected EOF HELPER:one]",
		"3 quotes text=\"a \\\"b\\\"\\nc\" empty=\"\" map[EMPTY: TEXT:a \"b\"\nc]",
		"6 groups loop_a=1 loop_b=2 loop_c_d=3 loop_e=4 map[LOOP_A:1 LOOP_B:2 LOOP_C_D:3 LOOP_E:4]",
		"6 names _2x=1 Ä=2 error=x map[ERROR:x X:1]",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestWithIsItsOwn: two loggers of one do not share fields.
func TestWithIsItsOwn(t *testing.T) {
	got := sent(func(log *slog.Logger) {
		a := log.With("a", 1)
		b, c := a.With("b", 2), a.With("c", 3)
		b.Info("b")
		c.Info("c")
		a.Info("a")
	})
	if d := cmp.Diff([]string{"6 b a=1 b=2 map[A:1 B:2]", "6 c a=1 c=3 map[A:1 C:3]", "6 a a=1 map[A:1]"}, got); d != "" {
		t.Error(d)
	}
}

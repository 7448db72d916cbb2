package early

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/image/verity"
)

func TestParseLine(t *testing.T) {
	root := verity.Root{Hash: [32]byte{1}, Salt: [32]byte{2}, Blocks: 300}
	l, err := ParseLine("quiet holdfast.root=" + root.String() + " holdfast.watchdog=60 console=ttyS0,115200 holdfast.identity=\"i6300ESB timer\" init=/bin/x holdfast.watchdog=240\n")
	if err != nil {
		t.Fatal(err)
	}
	want := Line{Root: root, Watchdog: 240 * time.Second, Identity: "i6300ESB timer", Init: "/bin/x", Wait: 30 * time.Second}
	if d := cmp.Diff(want, l); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for line, want := range map[string]string{
		"quiet":           "holdfast.root is missing",
		"holdfast.root=x": `holdfast.root: want HASH:SALT:BLOCKS, got "x"`,
		"holdfast.root=" + root.String() + " holdfast.watchdog=1m": `holdfast.watchdog: want seconds, got "1m"`,
	} {
		if _, err := ParseLine(line); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add("holdfast.root=" + (verity.Root{Blocks: 7}).String() + ` holdfast.identity="a b" init=/x`)
	f.Fuzz(func(t *testing.T, s string) {
		if l, err := ParseLine(s); err == nil && l.Root.Blocks == 0 {
			t.Error("a line without a root was taken")
		}
	})
}

// TestRequests: the octets are where linux/dm-ioctl.h has them.
func TestRequests(t *testing.T) {
	b := request(target(16, "verity", "1 /dev/x"))
	ne := binary.NativeEndian
	for name, c := range map[string]struct{ at, want uint32 }{"version": {0, 4}, "size": {12, dmBuffer}, "start": {16, dmHeader}, "targets": {20, 1}, "flags": {28, dmRead}} {
		if got := ne.Uint32(b[c.at:]); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	spec := b[dmHeader:]
	if n := ne.Uint64(spec[8:]); n != 16 || !strings.HasPrefix(string(spec[24:]), "verity\x00") || !strings.HasPrefix(string(spec[dmTarget:]), "1 /dev/x\x00") {
		t.Errorf("%d %q", n, spec[:64])
	}
}

package provision

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// house is a box that takes what it is told to, and its drop folder.
type house struct {
	*testing.T
	folder string
	drop   Drop
	now    time.Time
	wants  Wants
	answer Outcome
	took   []string
	while  func() // it is tried
}

func (h *house) Wants() Wants { return h.wants }

func (h *house) Take(_ context.Context, b *Bundle) Outcome {
	h.took = append(h.took, b.Name)
	if h.while != nil {
		h.while()
	}
	if h.answer.State == Kept {
		h.wants.Taken = Taken{Digest: b.Digest, Version: max(b.Version(), h.wants.Taken.Version)}
	}
	return h.answer
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, folder: t.TempDir(), now: time.Unix(1000, 0), answer: Outcome{State: Kept}}
	h.wants = Wants{Folder: h.folder, Identity: box}
	h.drop = Drop{Box: h, Log: slog.New(slog.DiscardHandler), Uptime: func() time.Duration { return 90 * time.Second }}
	return h
}

func (h *house) write(name, text string) {
	h.Helper()
	path := filepath.Join(h.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.Fatal(err)
	}
}

// later looks again after some time, and gives the time until the next look.
func (h *house) later(d time.Duration) time.Duration {
	h.now = h.now.Add(d)
	return h.drop.turn(context.Background(), h.now)
}

// settle looks until nothing is in a hurry any more.
func (h *house) settle() {
	h.Helper()
	for range 200 {
		if h.later(time.Second) == 0 {
			return
		}
	}
	h.Fatal("it never settles")
}

func (h *house) names() string {
	h.Helper()
	entries, err := os.ReadDir(h.folder)
	if err != nil {
		h.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func (h *house) text(name string) string {
	h.Helper()
	b, err := os.ReadFile(filepath.Join(h.folder, name))
	if err != nil {
		h.Fatal(err)
	}
	return string(b)
}

func tarOf(t *testing.T, c Candidate) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.WriteTar(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDropTaken(t *testing.T) {
	h := newHouse(t)
	h.write("edge.conf", "neighbor\n")
	if h.later(0) == 0 || len(h.took) > 0 {
		t.Fatal("it was taken at once")
	}
	h.settle()
	if d := cmp.Diff([]string{"edge.conf"}, h.took); d != "" {
		t.Fatal(d)
	}
	if got := h.names(); got != "edge.conf.result.txt" {
		t.Error(got)
	}
	want := "edge.conf: taken\nthis box runs it\ndigest: sha256 " + digest([]byte("neighbor\n")) +
		"\nbox: serial S1, uuid 0f0e, mac 02:00:00:00:00:01 02:00:00:00:00:02\nafter: 1m30s since the box started\n"
	if d := cmp.Diff(want, h.text("edge.conf.result.txt")); d != "" {
		t.Error(d)
	}
	h.write("edge.conf", "neighbor\n")
	h.settle()
	if len(h.took) != 1 || !strings.Contains(h.text("edge.conf.result.txt"), "taken\nthis box runs it already\n") {
		t.Errorf("again: %v", h.took)
	}
}

// TestDroppedAgain: what comes under the name of one that is being tried is not
// lost with it.
func TestDroppedAgain(t *testing.T) {
	for _, state := range []State{Kept, Rejected} {
		h := newHouse(t)
		h.answer.State = state
		h.while = func() {
			h.while = nil
			h.write("next", "mended\n")
			if err := os.Rename(filepath.Join(h.folder, "next"), filepath.Join(h.folder, "edge.conf")); err != nil {
				t.Fatal(err)
			}
		}
		h.write("edge.conf", "neighbor\n")
		h.settle()
		h.settle() // as an event has it look again
		if got := strings.Join(h.took, " "); got != "edge.conf edge.conf" {
			t.Errorf("state %d: took %s", state, got)
		}
	}
}

// TestUntold: what can't be told beside a bundle is not tried again and again.
func TestUntold(t *testing.T) {
	h := newHouse(t)
	h.answer.State = Rejected
	name := strings.Repeat("x", 245) + ".conf" // there is no room for ".rejected"
	h.write(name, "neighbor\n")
	for range 3 {
		h.settle()
	}
	if len(h.took) != 1 {
		t.Errorf("it was tried %d times", len(h.took))
	}
	h.write(name, "neighbor 1\n")
	h.settle()
	if len(h.took) != 2 {
		t.Errorf("another one was tried %d times", len(h.took)-1)
	}
}

// TestPipe: nobody writes into it, and nobody waits for that.
func TestPipe(t *testing.T) {
	h := newHouse(t)
	if err := unix.Mkfifo(filepath.Join(h.folder, "x.conf"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.settle()
	if got := h.names(); got != "x.conf.rejected x.conf.rejected.txt" || !strings.Contains(h.text("x.conf.rejected.txt"), "want a plain file") {
		t.Error(got)
	}
}

func TestDropRejected(t *testing.T) {
	h := newHouse(t)
	h.answer = Outcome{State: Rejected, Why: "it is not valid", Places: []string{"edge.conf:1:1: x", "edge.conf:2:1: y"}}
	h.write("edge.conf", "nonsense\n")
	h.settle()
	if got := h.names(); got != "edge.conf.rejected edge.conf.rejected.txt" {
		t.Error(got)
	}
	if got := h.text("edge.conf.rejected.txt"); !strings.HasPrefix(got, "edge.conf: rejected\nit is not valid\n  edge.conf:1:1: x\n  edge.conf:2:1: y\ndigest: ") {
		t.Error(got)
	}
	h.settle()
	if len(h.took) != 1 {
		t.Errorf("tried again: %v", h.took)
	}
	h.answer = Outcome{State: Kept}
	h.write("edge.conf", "sense\n")
	h.settle()
	if got := h.names(); got != "edge.conf.result.txt" {
		t.Errorf("what is left of the one before: %s", got)
	}
}

// TestDropUndecided: a stop in the middle leaves the file for the next life.
func TestDropUndecided(t *testing.T) {
	h := newHouse(t)
	h.answer.State = Undecided
	h.write("edge.conf", "x")
	h.settle()
	if got := h.names(); got != "edge.conf" {
		t.Error(got)
	}
}

// TestSlowWriter: as long as a file grows, it is not read, and neither is one
// that somebody has open to write.
func TestSlowWriter(t *testing.T) {
	h := newHouse(t)
	h.write("edge.conf", "a")
	f, err := os.OpenFile(filepath.Join(h.folder, "edge.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 10 {
		h.later(time.Second)
		f.WriteString("more")
	}
	for range 100 { // a pause
		if h.later(time.Second) == 0 {
			t.Fatal("nobody looks again")
		}
	}
	if len(h.took) > 0 {
		t.Fatal("it was taken before it was whole")
	}
	f.WriteString("last")
	f.Close()
	h.settle()
	if len(h.took) != 1 || h.wants.Taken.Digest != digest([]byte("a"+strings.Repeat("more", 10)+"last")) {
		t.Errorf("%v %s", h.took, h.wants.Taken.Digest)
	}
}

// TestRename: an upload under a hidden name is not looked at before it has its
// own; a file that replaces another is another one.
func TestRename(t *testing.T) {
	h := newHouse(t)
	h.write(".edge.conf.Xq3", "new")
	h.later(0)
	if h.later(time.Hour) != 0 || len(h.took) > 0 {
		t.Fatal("a hidden file is none of ours")
	}
	h.write("edge.conf", "old")
	h.later(0)
	if err := os.Rename(filepath.Join(h.folder, ".edge.conf.Xq3"), filepath.Join(h.folder, "edge.conf")); err != nil {
		t.Fatal(err)
	}
	if h.later(time.Second) == 0 || len(h.took) > 0 {
		t.Fatal("it is taken by its name")
	}
	h.settle()
	if h.wants.Taken.Digest != digest([]byte("new")) {
		t.Error(h.took)
	}
}

// TestCutArchive: half an archive, whose writer is not known, is waited for.
func TestCutArchive(t *testing.T) {
	h := newHouse(t)
	whole := tarOf(t, bundle(t, "edge", "*", 3))
	h.write("edge.tar", whole[:1000])
	for range 30 {
		if h.later(time.Second) == 0 {
			t.Fatal("nobody waits")
		}
	}
	h.write("edge.tar", whole)
	h.settle()
	if len(h.took) != 1 {
		t.Fatal(h.names())
	}
	h.write("edge.tar", whole[:1000])
	h.settle()
	if got := h.text("edge.tar.rejected.txt"); !strings.HasPrefix(got, "edge.tar: rejected\nthe archive ends in the middle\nbox: ") {
		t.Error(got)
	}
}

// TestTenBoxes: of a folder with the bundles of ten boxes, each takes its own.
func TestTenBoxes(t *testing.T) {
	for i := range 10 {
		h := newHouse(t)
		h.wants.Identity = Identity{Serial: "S" + string(rune('0'+i))}
		for k := range 10 {
			serial := "S" + string(rune('0'+k))
			h.write("fleet/"+serial+".tar", tarOf(t, bundle(t, serial, "serial:"+serial, 1)))
		}
		h.write("fleet/any.tar", tarOf(t, bundle(t, "any", "*", 9)))
		h.settle()
		if want := []string{"fleet/" + h.wants.Identity.Serial + ".tar"}; !slices.Equal(want, h.took) {
			t.Errorf("%v, want %v", h.took, want)
		}
		if got := h.text("fleet.result.txt"); !strings.Contains(got, "fleet: taken\n") || !strings.Contains(got, "not taken: fleet/any.tar: fleet/S") || !strings.Contains(got, "for other boxes: 9\n") {
			t.Error(got)
		}
		if got := h.names(); got != "fleet.result.txt" {
			t.Error(got)
		}
	}
}

func TestDropForAnother(t *testing.T) {
	h := newHouse(t)
	h.write("a.tar", tarOf(t, bundle(t, "a", "serial:S2", 1)))
	h.write("notes.txt", "hello")
	h.settle()
	if got := h.text("a.tar.rejected.txt"); !strings.HasPrefix(got, "a.tar: rejected\nit is for serial:S2; this box is serial S1") {
		t.Error(got)
	}
	if got := h.names(); got != "a.tar.rejected a.tar.rejected.txt notes.txt" {
		t.Error(got)
	}
}

// TestLinksLeadNowhere: what is dropped can't have the daemon read other files.
func TestLinksLeadNowhere(t *testing.T) {
	h := newHouse(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(h.folder, "a.conf")); err != nil {
		t.Fatal(err)
	}
	h.settle()
	if len(h.took) > 0 || strings.Contains(h.text("a.conf.rejected.txt"), "hush") {
		t.Error("it was read")
	}
}

// TestDropRuns: what is dropped while it runs is heard of and taken.
func TestDropRuns(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	taken, done := make(chan string), make(chan error, 1)
	d := Drop{Box: told{h, taken}, Log: h.drop.Log, Uptime: h.drop.Uptime}
	go func() { done <- d.Run(ctx) }()
	h.write("edge.conf", "x")
	if got := <-taken; got != "edge.conf" {
		t.Error(got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// told is a house that says what it takes.
type told struct {
	*house
	taken chan string
}

func (h told) Take(_ context.Context, b *Bundle) Outcome {
	h.taken <- b.Name
	return Outcome{State: Undecided}
}

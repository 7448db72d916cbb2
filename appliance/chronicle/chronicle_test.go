package chronicle

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain is the child of TestAKillLosesNothing too.
func TestMain(m *testing.M) {
	if path := os.Getenv("HISTORY_CHILD"); path != "" {
		child(path)
	}
	os.Exit(m.Run())
}

// child records without an end, and says what is in the file.
func child(path string) {
	c, _, err := Open(path, "boot")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for n := 1; ; n++ {
		c.Record(Entry{Kind: "test", Text: strings.Repeat("x", n%300)})
		if n%3 > 0 {
			continue
		}
		if err := c.file.write(c.take()); err != nil {
			os.Exit(1)
		}
		fmt.Println(c.Newest().Seq)
	}
}

// TestAKillLosesNothing: what was written before the process was killed is there,
// and nothing of it is wrong.
func TestAKillLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	last := uint64(0)
	for range 8 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "HISTORY_CHILD="+path)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		for lines, n := bufio.NewScanner(out), 200+rand.IntN(1500); n > 0 && lines.Scan(); n-- {
			if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
				t.Fatal(lines.Text())
			}
		}
		cmd.Process.Kill()
		io.Copy(io.Discard, out)
		cmd.Wait()
		es, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if newest := es[len(es)-1].Seq; newest < last {
			t.Fatalf("the newest entry is %d, and %d was written", newest, last)
		}
		contiguous(t, es)
	}
}

// contiguous: none is missing between the oldest and the newest.
func contiguous(t *testing.T, es []Entry) {
	t.Helper()
	for i, e := range es {
		if e.Seq != es[0].Seq+uint64(i) {
			t.Fatalf("entry %d follows %d", e.Seq, es[i-1].Seq)
		}
	}
}

// small is a ring of a few entries, without a writer.
func small(t *testing.T, size int64) *Chronicle {
	t.Helper()
	c := New("boot")
	f, es, _, err := openFile(filepath.Join(t.TempDir(), "history"), size)
	if err != nil || len(es) > 0 {
		t.Fatal(es, err)
	}
	t.Cleanup(func() { f.Close() })
	c.file = f
	return c
}

func (c *Chronicle) flush(t *testing.T) {
	t.Helper()
	if err := c.file.write(c.take()); err != nil {
		t.Fatal(err)
	}
}

func TestTheNewestStayInTheRing(t *testing.T) {
	c := small(t, 4096)
	for n := range 1000 {
		c.Record(Entry{Kind: "test", Object: fmt.Sprint(n), Text: strings.Repeat("y", n%97)})
		if n%7 == 0 {
			c.flush(t)
		}
	}
	c.flush(t)
	es, err := Read(c.file.Name())
	if err != nil {
		t.Fatal(err)
	}
	contiguous(t, es)
	if newest := es[len(es)-1]; newest.Seq != 1000 || newest.Object != "999" || newest.Boot != "boot" || len(es) < 10 {
		t.Errorf("%d entries, the newest %+v", len(es), newest)
	}
	if st, err := c.file.Stat(); err != nil || st.Size() != 4096 || st.Mode().Perm() != 0o600 {
		t.Error(st, err)
	}
}

// TestATornWrite: of the sectors of a write, any may be on the disk when the power
// goes. It costs what the write brings and what it takes the place of.
func TestATornWrite(t *testing.T) {
	const sector = 512
	c := small(t, 8192)
	rnd := rand.New(rand.NewPCG(1, 2))
	read := func() []byte {
		b, err := os.ReadFile(c.file.Name())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for n := range 300 {
		before, old := read(), c.Newest().Seq
		for range 1 + rnd.IntN(9) {
			c.Record(Entry{Kind: "test", Object: fmt.Sprint(n), Text: strings.Repeat("z", rnd.IntN(200))})
		}
		c.flush(t)
		after := read()
		torn := bytes.Clone(before)
		for at := 0; at < len(torn); at += sector {
			if rnd.IntN(2) == 0 {
				copy(torn[at:at+sector], after[at:])
			}
		}
		was, _ := scan(before)
		got, next := scan(torn)
		if next < headLen || next > len(torn) {
			t.Fatal(next)
		}
		has := map[uint64]bool{}
		for _, e := range got {
			has[e.Seq] = true
		}
		now, _ := scan(after)
		for _, e := range was {
			if stays := e.Seq >= now[0].Seq; stays && !has[e.Seq] {
				t.Fatalf("round %d: entry %d of %d to %d is gone", n, e.Seq, was[0].Seq, old)
			}
		}
	}
}

func TestAFileThatIsNone(t *testing.T) {
	whole := appendHead(nil, 128)
	whole = append(whole, make([]byte, 64)...)
	broken := bytes.Clone(whole)
	broken[40]++
	for name, b := range map[string][]byte{"empty": nil, "text": []byte("hello"), "checksum": broken, "short": whole[:100]} {
		path := filepath.Join(t.TempDir(), "history")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		c, aside, err := Open(path, "")
		if err != nil || !strings.HasSuffix(aside, "kept as "+path+".bad") {
			t.Fatal(name, aside, err)
		}
		c.Record(Entry{Kind: "start"})
		c.flush(t)
		c.file.Close()
		if kept, err := os.ReadFile(path + ".bad"); err != nil || !bytes.Equal(kept, b) {
			t.Error(name, kept, err)
		}
		if es, err := Read(path); err != nil || len(es) != 1 {
			t.Error(name, es, err)
		}
	}
}

func TestOneProcessWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	c, _, err := Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := Open(path, "")
	if !errors.Is(err, errHeld) {
		t.Error(err)
	}
	second.Record(Entry{Kind: "start"}) // in memory
	if es := second.Entries(Query{}); len(es) != 1 || second.file != nil {
		t.Error(es)
	}
	c.file.Close()
}

// TestWhoTellsDoesNotWait: with a writer that stands still, entries stay in memory
// and those that the file will not have are counted.
func TestWhoTellsDoesNotWait(t *testing.T) {
	c := small(t, 1<<20)
	for range queueLen + 5 {
		c.Record(Entry{Kind: "test"})
	}
	c.flush(t)
	es, err := Read(c.file.Name())
	if err != nil || len(es) != queueLen+1 {
		t.Fatal(len(es), err)
	}
	if last := es[queueLen]; last.Kind != "history" || last.Text != "5 entries were not written: the disk was too slow" {
		t.Error(last)
	}
	if n := len(c.Entries(Query{})); n != queueLen+6 {
		t.Error(n)
	}
}

func TestRunWritesAndSyncs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	synctest.Test(t, func(t *testing.T) {
		c, _, err := Open(path, "one")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		c.Record(Entry{Kind: "start"})
		time.Sleep(2 * syncEvery) // of the bubble's clock
		synctest.Wait()
		if c.file.unsync {
			t.Error("not on the disk after its time")
		}
		c.Record(Entry{Kind: "stop"})
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		c.Record(Entry{Kind: "late"})
	})
	c, _, err := Open(path, "two")
	if err != nil {
		t.Fatal(err)
	}
	c.Record(Entry{Kind: "start"})
	var got []string
	for _, e := range c.Entries(Query{}) {
		got = append(got, fmt.Sprint(e.Seq, e.Boot, e.Kind))
	}
	if d := cmp.Diff([]string{"1onestart", "2onestop", "3twostart"}, got); d != "" {
		t.Error(d)
	}
	c.file.Close()
}

func TestQuery(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	all := []Entry{{Seq: 1, At: at(1), Kind: "gate", Object: "dns"}, {Seq: 2, At: at(2), Kind: "session", Object: "a"}, {Seq: 3, At: at(3), Kind: "gate", Object: "web"}}
	for want, q := range map[string]Query{
		"[1 2 3]": {}, "[2 3]": {Since: at(2)}, "[1 3]": {Kinds: []string{"gate"}}, "[2]": {Object: "a"}, "[3]": {Kinds: []string{"gate", "session"}, Last: 1}, "[]": {After: 3},
	} {
		seqs := []uint64{}
		for _, e := range q.Of(all) {
			seqs = append(seqs, e.Seq)
		}
		if fmt.Sprint(seqs) != want {
			t.Errorf("%+v: %v, want %s", q, seqs, want)
		}
	}
}

// TestMemoryIsBounded: so are texts, whoever says them.
func TestMemoryIsBounded(t *testing.T) {
	c := New("")
	long := strings.Repeat("ü\x00", 5000)
	for range 2000 {
		c.Record(Entry{Kind: "test", Text: long, Fields: map[string]string{long: long}})
	}
	if n := len(c.kept); n == 0 || n > DefaultSize/textMax || c.size > DefaultSize {
		t.Error(n, c.size)
	}
	if e, n, ok := record(appendRecord(nil, c.Newest())); !ok || n > textLimit || e.Seq != 2000 {
		t.Error(ok, n)
	}
}

func TestABrokenClock(t *testing.T) {
	e, _, ok := record(appendRecord(nil, Entry{Seq: 7, At: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), Text: "x"}))
	if !ok || e.Seq != 7 || e.Text != "x" || !e.At.IsZero() {
		t.Error(e, ok)
	}
}

// FuzzScan: a file that anybody has written.
func FuzzScan(f *testing.F) {
	one := appendRecord(appendHead(nil, 4096), Entry{Seq: 5, Kind: "gate", Text: "opened"})
	f.Add(one)
	f.Add(appendRecord(one, Entry{Seq: 4, Fields: map[string]string{"NEIGHBOR": "192.0.2.1"}}))
	f.Add(binary.BigEndian.AppendUint32(append(make([]byte, headLen), mark[:]...), 1<<31))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = checkHead(b)
		es, next := scan(b)
		if next < headLen || next > max(headLen, len(b)+align) {
			t.Errorf("next at %d of %d", next, len(b))
		}
		for i, e := range es {
			if i > 0 && e.Seq <= es[i-1].Seq {
				t.Errorf("%d follows %d", e.Seq, es[i-1].Seq)
			}
			if again, _, ok := record(appendRecord(nil, e)); ok && again.Seq != e.Seq {
				t.Errorf("%+v is read as %+v", e, again)
			}
		}
	})
}

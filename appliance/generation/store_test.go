package generation

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// victim is the environment of a process that makes changes until it is killed;
// its value is the store's folder.
const victim = "HOLDFAST_TEST_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		err := work(dir)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// talker is a disk that tells of each operation before it does it.
type talker struct{ system }

func tell(what string) { fmt.Println(what) }

func (d talker) Mkdir(path string) error { tell("mkdir"); return d.system.Mkdir(path) }
func (d talker) Write(path string, b []byte, mode os.FileMode) error {
	tell("write")
	return d.system.Write(path, b, mode)
}
func (d talker) Sync(string) error            { tell("sync"); return nil } // a kill loses no page cache
func (d talker) Rename(from, to string) error { tell("rename"); return d.system.Rename(from, to) }
func (d talker) Remove(path string) error     { tell("remove"); return d.system.Remove(path) }

// work makes changes for ever, each of which it tells when it is promised.
func work(dir string) error {
	s, err := open(dir, talker{})
	if err != nil {
		return err
	}
	n := 0
	if r, ok := s.Good(); ok {
		fmt.Sscan(r.Source, &n)
	}
	for n++; ; n++ {
		g, err := s.Stage(sample(n))
		if err != nil {
			return err
		}
		r, err := g.Commit(Record{State: Trying, Source: fmt.Sprint(n)})
		if err == nil {
			err = s.End(r.Number, Good, "", time.Unix(int64(n), 0))
		}
		if err != nil {
			return err
		}
		fmt.Println("good", n)
	}
}

// TestKilled has a process that makes changes killed at 200 random moments: what
// it had promised is there, and whole, and nothing is a mix.
func TestKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "g")
	promised := 0
	for kill := range 200 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), victim+"="+dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		hear := func() bool {
			ok := lines.Scan()
			fmt.Sscanf(lines.Text(), "good %d", &promised)
			return ok
		}
		for left := rand.IntN(120); left > 0 && hear(); left-- {
		}
		cmd.Process.Kill()
		for hear() {
		}
		cmd.Wait()
		promised = whole(t, dir, kill, promised)
	}
	if promised < 200 {
		t.Errorf("only %d changes were made", promised)
	}
}

// whole looks at a store behind a kill, and gives the last good one.
func whole(t *testing.T, dir string, kill, promised int) (n int) {
	t.Helper()
	s, err := open(dir, system{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, r := range s.All() {
		var n int
		fmt.Sscan(r.Source, &n)
		if files, err := s.Files(r.Number); err != nil || files.Digest() != sample(n).Digest() || r.Damage != "" {
			t.Errorf("kill %d: generation %d: %v %s", kill, r.Number, err, r.Damage)
		}
	}
	r, _ := s.Good()
	if fmt.Sscan(r.Source, &n); n < promised {
		t.Errorf("kill %d: the last good one is %d, promised was %d", kill, n, promised)
	}
	return n
}

// stored is a store with good generations.
func stored(t *testing.T, n int) (s *Store, state string) {
	t.Helper()
	state = t.TempDir()
	s, err := Open(state)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for n := range n {
		keep(t, s, n+1, Good)
	}
	return s, state
}

func keep(t *testing.T, s *Store, n int, state State) Record {
	t.Helper()
	g, err := s.Stage(sample(n))
	if err != nil {
		t.Fatal(err)
	}
	r, err := g.Commit(Record{State: Trying, Source: fmt.Sprint(n)})
	if err == nil {
		err = s.End(r.Number, state, "", time.Unix(int64(n), 0))
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// again opens a store as the next process does.
func again(t *testing.T, s *Store, state string) *Store {
	t.Helper()
	s.Close()
	next, err := Open(state)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { next.Close() })
	return next
}

// TestDamage: what is not what was kept is not used, and says so; the one before
// it is.
func TestDamage(t *testing.T) {
	for name, damage := range map[string]struct {
		file string
		do   func(b []byte) []byte
		want string
	}{
		"a bit of a file":     {"files/edge.conf", func(b []byte) []byte { b[7] ^= 4; return b }, "edge.conf: it is damaged"},
		"the end of a file":   {"files/helpers/check", func(b []byte) []byte { return b[:len(b)/2] }, "helpers/check: it is damaged"},
		"a key":               {"keys/%2Fetc%2Fkeys%2Fmd5", func([]byte) []byte { return nil }, "/etc/keys/md5: it is damaged"},
		"a bit of a record":   {"record", func(b []byte) []byte { b[len(b)-20] ^= 1; return b }, "its record: it is damaged"},
		"the end of a record": {"record", func(b []byte) []byte { return b[:30] }, "its record: it is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			s, state := stored(t, 3)
			path := filepath.Join(state, "generations", "3", damage.file)
			b, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, damage.do(b), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			s = again(t, s, state)
			if r := s.All()[0]; r.Number != 3 || r.Damage != damage.want {
				t.Errorf("generation %d: %q, want %q", r.Number, r.Damage, damage.want)
			}
			if r, ok := s.Good(); !ok || r.Number != 2 {
				t.Errorf("the last good one is %d", r.Number)
			}
			if _, err := s.Files(3); err == nil {
				t.Error("its files are given")
			}
			if r := keep(t, s, 4, Good); r.Number != 4 {
				t.Errorf("the next one is %d", r.Number)
			}
		})
	}
}

// TestThreeOfAKind are kept.
func TestThreeOfAKind(t *testing.T) {
	s, state := stored(t, 5)
	for n := range 5 {
		keep(t, s, 10+n, Rejected)
	}
	s = again(t, s, state)
	var got []string
	for _, r := range s.All() {
		got = append(got, fmt.Sprintf("%d %s", r.Number, r.State))
	}
	if got, want := strings.Join(got, ", "), "10 rejected, 9 rejected, 8 rejected, 5 good, 4 good, 3 good"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestNobodyElseReads what may be a key.
func TestNobodyElseReads(t *testing.T) {
	s, state := stored(t, 1)
	if err := s.Remember("facts", []byte("x")); err != nil {
		t.Fatal(err)
	}
	err := filepath.Walk(filepath.Join(state, "generations"), func(path string, st os.FileInfo, err error) error {
		want := os.FileMode(0o600)
		if st.IsDir() || strings.HasSuffix(path, "helpers/check") {
			want = 0o700
		}
		if st.Mode().Perm() != want {
			t.Errorf("%s has mode %o", path, st.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestOneProcess has a store.
func TestOneProcess(t *testing.T) {
	_, state := stored(t, 1)
	if s, err := Open(state); err == nil || !strings.Contains(err.Error(), "another process has it") {
		t.Errorf("%v, %v", s, err)
	}
}

// TestForked: a store that is closed can be opened, although a child between fork and
// exec has all that we had.
func TestForked(t *testing.T) {
	s, state := stored(t, 1)
	child, err := unix.Dup(int(s.lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(state)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// TestHelpersMayLeaveFiles in the folder from which they run.
func TestHelpersMayLeaveFiles(t *testing.T) {
	s, state := stored(t, 1)
	if err := os.WriteFile(filepath.Join(s.Folder(1), "helpers", "cache"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = again(t, s, state)
	if f, err := s.Files(1); err != nil || len(f) != len(sample(1)) {
		t.Errorf("%d files, %v", len(f), err)
	}
}

// TestDropped leaves nothing.
func TestDropped(t *testing.T) {
	s, state := stored(t, 0)
	g, err := s.Stage(sample(1))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(g.Folder(), "edge.conf")); err != nil || string(b) != string(sample(1)["edge.conf"].Data) {
		t.Error(err)
	}
	if err := g.Drop(); err != nil {
		t.Error(err)
	}
	if all, _ := os.ReadDir(filepath.Join(state, "generations")); len(all) != 1 { // the lock
		t.Error(all)
	}
}

// FuzzRecord: what is on the disk may be anything.
func FuzzRecord(f *testing.F) {
	b, _ := (&Record{Number: 1, State: Good, Files: []entry{{Path: "../x"}}}).seal()
	f.Add(b)
	f.Add(seal([]byte("{}")))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, recordFile), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := readRecord(dir); err == nil {
			r.read(dir)
		}
	})
}

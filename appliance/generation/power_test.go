package generation

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var errPower = errors.New("the power is gone")

// power is a disk whose power goes after so many operations. What was not synced
// by then may be lost, as a page cache loses it.
type power struct {
	system
	left    int // operations; negative: it stays
	ops     []string
	data    map[string]bool // files whose contents may be lost
	names   map[string]bool // files whose names may be lost
	renames []renamed       // that may be lost
}

type renamed struct {
	from, to string
	was      []byte // of a file that was replaced
}

func newPower(left int) *power {
	return &power{left: left, data: map[string]bool{}, names: map[string]bool{}}
}

func (p *power) op(what, path string, do func() error) error {
	if p.left == 0 {
		return errPower
	}
	p.left--
	p.ops = append(p.ops, what+" "+path)
	return do()
}

func (p *power) Mkdir(path string) error {
	return p.op("mkdir", path, func() error { return p.system.Mkdir(path) })
}

func (p *power) Write(path string, b []byte, mode os.FileMode) error {
	return p.op("write", path, func() error {
		p.data[path], p.names[path] = true, true
		return p.system.Write(path, b, mode)
	})
}

func (p *power) Sync(path string) error {
	return p.op("sync", path, func() error {
		delete(p.data, path)
		maps.DeleteFunc(p.names, func(name string, _ bool) bool { return filepath.Dir(name) == path })
		p.renames = slices.DeleteFunc(p.renames, func(r renamed) bool { return filepath.Dir(r.to) == path })
		return nil // a real one would take its time
	})
}

func (p *power) Rename(from, to string) error {
	return p.op("rename", from+" "+to, func() error {
		was, _ := os.ReadFile(to)
		p.renames = append(p.renames, renamed{from, to, was})
		for _, m := range []map[string]bool{p.data, p.names} {
			for name := range maps.Clone(m) {
				if name == from || strings.HasPrefix(name, from+"/") {
					delete(m, name)
					m[to+name[len(from):]] = true
				}
			}
		}
		delete(p.names, to) // the rename tells of the name
		return p.system.Rename(from, to)
	})
}

func (p *power) Remove(path string) error {
	return p.op("remove", path, func() error {
		for _, m := range []map[string]bool{p.data, p.names} {
			maps.DeleteFunc(m, func(name string, _ bool) bool { return strings.HasPrefix(name, path) })
		}
		return p.system.Remove(path)
	})
}

// lose loses what may be lost.
func (p *power) lose(t *testing.T) {
	for name := range p.data {
		if st, err := os.Stat(name); err == nil {
			if err := os.Truncate(name, st.Size()/2); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name := range p.names {
		os.Remove(name)
	}
	for _, r := range slices.Backward(p.renames) {
		err := os.Rename(r.to, r.from)
		if r.was != nil {
			err = errors.Join(err, os.WriteFile(r.to, r.was, 0o600))
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) { // it was removed since
			t.Fatal(err)
		}
	}
}

// sample is the files of the n-th generation.
func sample(n int) Files {
	return Files{"edge.conf": {Data: bytesOf(n, 30)}, "helpers/check": {Data: bytesOf(n, 100), Run: true},
		"/etc/keys/md5": {Data: bytesOf(n, 10)}, "b.conf": {Data: bytesOf(n, 0)}}
}

func bytesOf(n, size int) []byte { return []byte(strings.Repeat(fmt.Sprintf("%d ", n), size)) }

// changes are enough for the oldest to go.
const changes = 6

// life is the changes that a store sees: good ones, bad ones, and enough of them.
// done is called when a step is promised.
func life(s *Store, changes int, done func(n int, state State)) error {
	for n := 1; n <= changes; n++ {
		g, err := s.Stage(sample(n))
		if err != nil {
			return err
		}
		r, err := g.Commit(Record{State: Trying, Source: fmt.Sprint(n)})
		if err != nil {
			return err
		}
		done(n, Trying)
		state := Good
		if n%3 == 0 {
			state = Rejected
		}
		if err := s.Remember("facts", bytesOf(n, 100)); err != nil {
			return err
		}
		if err := s.End(r.Number, state, "why", time.Unix(int64(n), 0)); err != nil {
			return err
		}
		done(n, state)
	}
	return nil
}

// check opens a store after the power came back: all is whole, and what was
// promised is there.
func check(t *testing.T, dir, when string, promised map[int]State) {
	t.Helper()
	s, err := open(dir, newPower(-1))
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	defer s.Close()
	good := 0
	for n, state := range promised {
		if state == Good {
			good = max(good, n)
		}
	}
	for _, r := range s.All() {
		var n int
		fmt.Sscan(r.Source, &n)
		files, err := s.Files(r.Number)
		if err != nil || r.Damage != "" || files.Digest() != sample(n).Digest() {
			t.Errorf("%s: generation %d: %v, %s", when, r.Number, err, r.Damage)
		}
		if was := promised[n]; was != "" && was != Trying && r.State != was {
			t.Errorf("%s: generation %d is %s, and was %s", when, n, r.State, was)
		}
	}
	r, ok := s.Good()
	var n int
	fmt.Sscan(r.Source, &n)
	if ok != (n > 0) || n < good {
		t.Errorf("%s: the last good one is %d (%t), promised was %d", when, n, ok, good)
	}
	if b := s.Recall("facts"); b == nil && good > 0 {
		t.Errorf("%s: no facts", when)
	}
	if err := life(s, 1, func(int, State) {}); err != nil {
		t.Errorf("%s: afterwards: %v", when, err)
	}
}

// TestPowerCut has the power go after each single operation on the disk, with what
// was not synced lost and not.
func TestPowerCut(t *testing.T) {
	whole := newPower(-1)
	s, err := open(filepath.Join(t.TempDir(), "g"), whole)
	if err == nil {
		err = life(s, changes, func(int, State) {})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	t.Logf("%d operations", len(whole.ops))
	for cut := range len(whole.ops) {
		for _, lose := range []bool{false, true} {
			dir := filepath.Join(t.TempDir(), "g")
			p, promised := newPower(cut), map[int]State{}
			s, err := open(dir, p)
			if err == nil {
				err = life(s, changes, func(n int, state State) { promised[n] = state })
				s.Close()
			}
			if !errors.Is(err, errPower) {
				t.Fatalf("cut after %d: %v", cut, err)
			}
			if lose {
				p.lose(t)
			}
			check(t, dir, fmt.Sprintf("cut after %d operations, lost %t (%s)", cut, lose, whole.ops[cut]), promised)
		}
	}
}

// TestOrder: what a rename names is synced before it, and its folder behind it.
func TestOrder(t *testing.T) {
	p := newPower(-1)
	s, err := open(filepath.Join(t.TempDir(), "g"), p)
	if err == nil {
		err = life(s, changes, func(int, State) {})
	}
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{} // and not synced
	for i, op := range p.ops {
		f := strings.Fields(op)
		switch f[0] {
		case "write", "mkdir":
			written[f[1]] = true
			written[filepath.Dir(f[1])] = true
		case "sync":
			delete(written, f[1])
		case "remove":
			maps.DeleteFunc(written, func(name string, _ bool) bool { return strings.HasPrefix(name, f[1]) })
		case "rename":
			for name := range written {
				if name == f[1] || strings.HasPrefix(name, f[1]+"/") {
					t.Errorf("%s: %s is not synced", op, name)
				}
			}
			if next := "sync " + filepath.Dir(f[2]); i+1 == len(p.ops) || p.ops[i+1] != next {
				t.Errorf("%s: want %s behind it", op, next)
			}
		}
	}
}

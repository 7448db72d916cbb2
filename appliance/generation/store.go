package generation

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// How many generations there are of a kind. What was rejected is remembered, so
// that it does not come again with every start.
const kept = 3

// Store is the generations in a folder, of one process. Each is a folder named by
// its number, which is renamed to that once it is whole; what may still change is
// its record, one small file that is replaced by a rename. So a power cut at any
// moment leaves each generation as it was before or after a step.
type Store struct {
	dir  string
	disk disk
	lock *os.File

	mu  sync.Mutex
	all []Record // newest first
}

// Open takes the store in a state directory, which it makes if there is none, and
// looks at all that is in it. The error says if another process has it.
func Open(state string) (*Store, error) { return open(filepath.Join(state, "generations"), system{}) }

func open(dir string, d disk) (*Store, error) {
	s := &Store{dir: dir, disk: d}
	if err := s.begin(); err != nil {
		s.Close()
		return nil, fmt.Errorf("generations: %w", err)
	}
	return s, nil
}

func (s *Store) begin() error {
	if err := os.MkdirAll(filepath.Dir(s.dir), 0o755); err != nil {
		return err
	}
	if err := s.disk.Mkdir(s.dir); err != nil {
		return err
	}
	if err := s.disk.Sync(filepath.Dir(s.dir)); err != nil {
		return err
	}
	if err := s.take(); err != nil {
		return err
	}
	found, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, f := range found {
		if strings.HasPrefix(f.Name(), ".") {
			_ = s.disk.Remove(filepath.Join(s.dir, f.Name())) // what a power cut has left: it harms nobody
		} else if n, e := strconv.ParseUint(f.Name(), 10, 64); e == nil {
			s.all = append(s.all, s.look(n))
		}
	}
	slices.SortFunc(s.all, func(a, b Record) int { return cmp.Compare(b.Number, a.Number) })
	return nil
}

// take has the store be this process's: two would keep each other's generations.
// A disk that can only be read has a good one to begin with all the same.
func (s *Store) take() (err error) {
	path := filepath.Join(s.dir, "lock")
	s.lock, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, unix.EROFS) {
		s.lock, err = os.Open(path)
	}
	if err != nil {
		return err
	}
	if err := unix.Flock(int(s.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("%s: another process has it: %w", s.dir, err)
	}
	return nil
}

// Close lets another process have the store. There may be none. A child of ours
// between fork and exec has the lock's descriptor too, which would keep it.
func (s *Store) Close() error {
	if s == nil || s.lock == nil {
		return nil
	}
	return errors.Join(unix.Flock(int(s.lock.Fd()), unix.LOCK_UN), s.lock.Close())
}

// look reads a generation, and says what is wrong with it.
func (s *Store) look(n uint64) Record {
	r, err := readRecord(s.folder(n))
	if err == nil {
		_, err = r.read(s.folder(n))
	}
	r.Number, r.Damage = n, ""
	if err != nil {
		r.Damage = err.Error()
	}
	return r
}

func (s *Store) folder(n uint64) string { return filepath.Join(s.dir, strconv.FormatUint(n, 10)) }

// Folder is where the files of a generation lie.
func (s *Store) Folder(n uint64) string { return filepath.Join(s.folder(n), filesDir) }

// All are the generations, the newest first, damaged ones too.
func (s *Store) All() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

// Find is the newest whole generation for which is says so.
func (s *Store) Find(is func(Record) bool) (Record, bool) {
	for _, r := range s.All() {
		if r.Damage == "" && is(r) {
			return r, true
		}
	}
	return Record{}, false
}

// Good is the last good generation.
func (s *Store) Good() (Record, bool) { return s.Find(func(r Record) bool { return r.State == Good }) }

// Trying is the generation that is being tried.
func (s *Store) Trying() (Record, bool) {
	return s.Find(func(r Record) bool { return r.State == Trying })
}

// Files are those of a generation, if they are whole.
func (s *Store) Files(n uint64) (Files, error) {
	r, ok := s.Find(func(r Record) bool { return r.Number == n })
	if !ok {
		return nil, fmt.Errorf("there is no generation %d, or it is damaged", n)
	}
	files, err := r.read(s.folder(n))
	if err != nil {
		err = fmt.Errorf("generation %d: %w", n, err)
	}
	return files, err
}

// Staged is a generation that nobody knows of yet.
type Staged struct {
	s      *Store
	files  Files
	number uint64
}

// Stage writes the files of a generation to come. Commit or Drop follows.
func (s *Store) Stage(files Files) (*Staged, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &Staged{s: s, files: files, number: 1}
	if len(s.all) > 0 {
		g.number = s.all[0].Number + 1
	}
	if err := g.write(); err != nil {
		g.Drop()
		return nil, fmt.Errorf("keep generation %d: %w", g.number, err)
	}
	return g, nil
}

func (g *Staged) temp() string { return filepath.Join(g.s.dir, fmt.Sprintf(".new-%d", g.number)) }

// Folder is where its files lie until it is committed.
func (g *Staged) Folder() string { return filepath.Join(g.temp(), filesDir) }

// write makes the folders, and syncs each behind what is in it.
func (g *Staged) write() error {
	d := g.s.disk
	if err := d.Remove(g.temp()); err != nil {
		return err
	}
	folders := []string{g.temp(), g.Folder()}
	for _, name := range slices.Sorted(maps.Keys(g.files)) {
		for at := filepath.Dir(place(name)); at != "."; at = filepath.Dir(at) {
			folders = append(folders, filepath.Join(g.temp(), at))
		}
	}
	slices.Sort(folders) // a folder comes before those in it
	folders = slices.Compact(folders)
	for _, f := range folders {
		if err := d.Mkdir(f); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g.files)) {
		path, mode := filepath.Join(g.temp(), place(name)), os.FileMode(0o600)
		if g.files[name].Run {
			mode = 0o700
		}
		if err := errors.Join(d.Write(path, g.files[name].Data, mode), d.Sync(path)); err != nil {
			return err
		}
	}
	for _, f := range slices.Backward(folders[1:]) { // the first is Commit's
		if err := d.Sync(f); err != nil {
			return err
		}
	}
	return nil
}

// Drop forgets what was staged.
func (g *Staged) Drop() error { return g.s.disk.Remove(g.temp()) }

// Commit has it be a generation, with what is known of it; its number, digest and
// files are filled in.
func (g *Staged) Commit(r Record) (Record, error) {
	s := g.s
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Number, r.Digest, r.Files = g.number, g.files.Digest(), nil
	for _, name := range slices.Sorted(maps.Keys(g.files)) {
		f := g.files[name]
		r.Files = append(r.Files, entry{Path: name, Run: f.Run, Sum: sum(f.Data)})
	}
	b, err := r.seal()
	if err == nil {
		err = replace(s.disk, g.temp(), filepath.Join(g.temp(), recordFile), b)
	}
	if err == nil {
		err = s.disk.Rename(g.temp(), s.folder(g.number))
	}
	if err == nil {
		err = s.disk.Sync(s.dir)
	}
	if err != nil {
		// Nobody knows of it, and the next one has its number.
		return r, fmt.Errorf("keep generation %d: %w", g.number, errors.Join(err, g.Drop(), s.disk.Remove(s.folder(g.number))))
	}
	s.all = slices.Insert(s.all, 0, r)
	return r, nil
}

// Update changes what is known of a generation: on the disk first.
func (s *Store) Update(n uint64, change func(*Record)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.all, func(r Record) bool { return r.Number == n })
	if i < 0 {
		return fmt.Errorf("there is no generation %d", n)
	}
	r := s.all[i]
	change(&r)
	b, err := r.seal()
	if err == nil {
		err = replace(s.disk, s.folder(n), filepath.Join(s.folder(n), recordFile), b)
	}
	if err != nil {
		return fmt.Errorf("generation %d: %w", n, err)
	}
	s.all[i] = r
	return nil
}

// End says what became of a generation that was tried, and lets go of those of
// which there are enough.
func (s *Store) End(n uint64, state State, why string, now time.Time) error {
	err := s.Update(n, func(r *Record) { r.State, r.Why, r.Ended = state, why, now })
	if err != nil {
		return err
	}
	return s.prune()
}

// prune removes the oldest of each kind.
func (s *Store) prune() (err error) {
	seen := map[string]int{}
	for _, r := range s.All() {
		kind := string(r.State)
		if r.Damage != "" {
			kind = "damaged"
		}
		if seen[kind]++; seen[kind] > kept {
			err = errors.Join(err, s.Forget(r.Number))
		}
	}
	return err
}

// Forget removes a generation.
func (s *Store) Forget(n uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(r Record) bool { return r.Number == n })
	old := filepath.Join(s.dir, fmt.Sprintf(".old-%d", n))
	if err := errors.Join(s.disk.Remove(old), s.disk.Rename(s.folder(n), old)); err != nil {
		return err
	}
	return errors.Join(s.disk.Sync(s.dir), s.disk.Remove(old))
}

// Remember keeps a text beside the generations.
func (s *Store) Remember(name string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return replace(s.disk, s.dir, filepath.Join(s.dir, name), seal(data))
}

// Recall reads what Remember has kept; nil: there is none, or it is damaged.
func (s *Store) Recall(name string) []byte {
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err == nil {
		b, err = unseal(b)
	}
	if err != nil {
		return nil
	}
	return b
}

// Look reads the newest generation of a state directory that is good, or is being
// tried, while another process has the store: nothing is locked, and what is not
// whole is passed over.
func Look(state string, states ...State) (Record, Files, error) {
	dir := filepath.Join(state, "generations")
	found, err := os.ReadDir(dir)
	if err != nil {
		return Record{}, nil, err
	}
	var numbers []uint64
	for _, f := range found {
		if n, err := strconv.ParseUint(f.Name(), 10, 64); err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.SortFunc(numbers, func(a, b uint64) int { return cmp.Compare(b, a) })
	for _, n := range numbers {
		folder := filepath.Join(dir, strconv.FormatUint(n, 10))
		r, err := readRecord(folder)
		if err != nil || !slices.Contains(states, r.State) {
			continue
		}
		if files, err := r.read(folder); err == nil {
			return r, files, nil
		}
	}
	return Record{}, nil, fmt.Errorf("%s: there is none", dir)
}

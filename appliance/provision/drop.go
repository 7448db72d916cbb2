package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"holdfast/image/signature"

	"github.com/fsnotify/fsnotify"
)

// DefaultDrop is the folder in which bundles are dropped, if nobody says another.
const DefaultDrop = "/etc/holdfast/drop"

// Box is whoever takes what is dropped.
type Box interface {
	// Wants is what the box says of bundles now.
	Wants() Wants
	// Take makes a bundle the box's configuration, and waits for what becomes of
	// it.
	Take(context.Context, *Bundle) Outcome
}

// Wants is from where a box takes bundles, and which.
type Wants struct {
	Folder   string // "": none
	Err      error  // why there is none, if somebody should know
	Identity Identity
	Trust    Trust
	Taken    Taken
}

// Outcome is what became of a bundle.
type Outcome struct {
	State  State
	Why    string
	Places []string // all that is wrong with it
}

// State is how it ended.
type State uint8

// The states. What nothing was decided of stays where it is, and is looked at
// again after the next start.
const (
	Rejected State = iota
	Kept
	Undecided
)

// Drop is the drop folder at work.
type Drop struct {
	Box Box
	Log *slog.Logger
	// Uptime is the time since the box started; a result has no other time.
	Uptime func() time.Duration

	settling settling
	passed   map[string]bool   // what no bundle is in, and was said once
	untold   map[string]string // the print of what was decided, and could not be told beside it
}

// How often the folder is listed if nothing happens there. Changes are told by
// the kernel; a folder that comes into being, or is mounted over, is not.
const lookAnyway = 10 * time.Second

// Run looks after the folder until the context ends.
func (d *Drop) Run(ctx context.Context) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil { // there are limits of watches: then it takes a little longer
		d.Log.Warn("drop folder: changes are looked for, not told", "error", err)
		watcher = &fsnotify.Watcher{}
	} else {
		defer watcher.Close()
	}
	watched := ""
	for {
		if folder := d.Box.Wants().Folder; err == nil && folder != "" {
			if watched != "" && watched != folder {
				_ = watcher.Remove(watched)
			}
			watched = folder
			_ = watcher.Add(folder) // again, for it may be another of that name; it may not be there yet
		}
		wait := d.turn(ctx, time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-watcher.Events: // whatever it is
			calm(ctx)
		case <-watcher.Errors:
		case <-time.After(cmp.Or(wait, lookAnyway)):
		}
	}
}

// calm waits a moment, in which the kernel makes one event of the thousands of
// somebody who writes a large file: nobody takes them meanwhile.
func calm(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(200 * time.Millisecond):
	}
}

// turn lists the folder, and acts on what has settled. It says when to look again;
// 0: there is no hurry.
func (d *Drop) turn(ctx context.Context, now time.Time) time.Duration {
	w := d.Box.Wants()
	if w.Err != nil {
		d.once("", "no bundle is taken", w.Err)
	}
	if w.Folder == "" {
		return 0
	}
	root, err := os.OpenRoot(w.Folder)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			d.once(w.Folder, "the drop folder can't be read", err)
		}
		return 0
	}
	defer root.Close()
	list, err := list(root)
	if err != nil {
		d.once(w.Folder, "the drop folder can't be read", err)
	}
	settled, again := d.settling.see(now, list)
	slices.Sort(settled)
	if d.act(ctx, now, root, w, settled) {
		again = quietKnown
	}
	return again
}

// once logs what would be said at each turn.
func (d *Drop) once(name, what string, err error) {
	if d.passed == nil {
		d.passed = map[string]bool{}
	}
	if key := fmt.Sprint(name, what, err); !d.passed[key] {
		d.passed[key] = true
		d.Log.Warn(what, "name", name, "error", err)
	}
}

// list is what was dropped, with how it looks.
func list(root *os.Root) (map[string]Print, error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	all := map[string]Print{}
	for _, e := range entries {
		if name := e.Name(); !hidden(name) && (e.IsDir() || strings.HasSuffix(name, ".conf") || isArchive(name)) {
			all[name] = printOf(root, name)
		}
	}
	return all, err
}

// dropped is candidates with what they came in.
type dropped struct {
	names []string // of the files and folders that were dropped
	in    []int    // of each candidate, which of them
	all   []Candidate
}

// act reads what has settled, has the box take one of it, and says of each how it
// went. It says whether some is to be looked at again.
func (d *Drop) act(ctx context.Context, now time.Time, root *os.Root, w Wants, settled []string) (again bool) {
	var in dropped
	for _, name := range settled {
		if d.untold[name] == d.settling.print(name) {
			continue
		}
		found := Read(root.FS(), name, w.Identity.keeps)
		if slices.ContainsFunc(found, func(c Candidate) bool { return IsCut(c.Err) }) && d.settling.age(now, name) < patience {
			again = true
			continue
		}
		if len(found) == 0 {
			d.once(name, "there is no bundle in what was dropped", nil)
			continue
		}
		in.names = append(in.names, name)
		for range found {
			in.in = append(in.in, len(in.names)-1)
		}
		in.all = append(in.all, found...)
	}
	if len(in.all) == 0 {
		return again
	}
	c := Choose(w.Identity, in.all, w.Trust, w.Taken)
	o := d.take(ctx, c, in, w)
	if o.State == Undecided {
		return again
	}
	for i, name := range in.names {
		if err := d.tell(root, in.result(i, c, o, w.Identity, d.Uptime())); err != nil {
			d.once(name, "the result can't be written into the drop folder", err)
			if d.untold == nil {
				d.untold = map[string]string{}
			}
			d.untold[name] = d.settling.print(name)
		}
	}
	return again
}

// take has the box take the chosen candidate.
func (d *Drop) take(ctx context.Context, c Choice, in dropped, w Wants) Outcome {
	if c.Index < 0 {
		return Outcome{}
	}
	b := in.all[c.Index].Bundle
	log := d.Log.With("bundle", b.Name, "digest", b.Digest, "version", b.Version())
	if c.Here {
		log.Info("the bundle is here already")
		return Outcome{State: Kept, Why: "this box runs it already"}
	}
	if c.Key == (signature.Key{}) && !w.Trust.Signed {
		log.Warn("no key that this box knows signed the bundle; it is taken, for signatures are not required")
	}
	log.Info("a bundle is tried", "key", c.Key.ID())
	o := d.Box.Take(ctx, b)
	if o.State == Rejected {
		log.Error("the bundle is rejected", "why", o.Why)
	} else if o.State == Kept {
		log.Info("the bundle is taken")
	}
	return o
}

// result is how it went with one of those that were dropped.
func (in dropped) result(i int, c Choice, o Outcome, id Identity, up time.Duration) Result {
	r := Result{Name: in.names[i], Box: id, Uptime: up.Round(time.Second).String()}
	for k, cand := range in.all {
		if in.in[k] != i {
			continue
		}
		if k == c.Index {
			r.Chosen, r.Digest, r.Taken, r.Why, r.Places = cand.Name, cand.Digest, o.State == Kept, o.Why, o.Places
			continue
		}
		r.refuse(cand, c.Refused[k])
	}
	if r.Why == "" {
		r.Why = r.sum()
	}
	return r
}

// tell writes a result beside what it is about, which goes if it was taken and is
// marked if it was not. The result is there before that.
func (d *Drop) tell(root *os.Root, r Result) error {
	for _, old := range []string{resultSuffix, rejectedSuffix, rejectedSuffix + ".txt"} {
		if err := root.RemoveAll(r.Name + old); err != nil {
			return err
		}
	}
	suffix := rejectedSuffix + ".txt"
	if r.Taken {
		suffix = resultSuffix
	} else {
		d.Log.Error("what was dropped is rejected", "name", r.Name, "why", r.Why)
	}
	if err := replace(root, r.Name+suffix, []byte(r.Text())); err != nil {
		return err
	}
	if sum := printOf(root, r.Name).Sum; string(sum[:]) != d.settling.print(r.Name) {
		return nil // another one has its name meanwhile: a trial takes its time
	}
	if r.Taken {
		return root.RemoveAll(r.Name)
	}
	return root.Rename(r.Name, r.Name+rejectedSuffix)
}

// replace writes a file so that who looks sees all of it or none.
func replace(root *os.Root, name string, data []byte) error {
	hidden := path.Join(path.Dir(name), "."+path.Base(name)+".new")
	if err := root.WriteFile(hidden, data, 0o640); err != nil {
		return err
	}
	return root.Rename(hidden, name)
}

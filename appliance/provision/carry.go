package provision

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Carrier carries what sources have into the drop folder, where the daemon takes
// it, and what became of it back. It is root, which the daemon is not.
type Carrier struct {
	Drop     string
	Identity Identity
	Out      io.Writer     // the console
	Wait     time.Duration // for the daemon
}

// poll is how often a carrier looks for what it waits for.
const poll = 250 * time.Millisecond

// errNothing is that no source has a bundle for this box.
var errNothing = errors.New("no bundle for this box was found")

// errSilent is that nobody has said what becomes of a bundle.
var errSilent = errors.New("the daemon has not answered")

// IsNothing says whether a carrier had nothing to carry.
func IsNothing(err error) bool { return errors.Is(err, errNothing) }

// Run asks the sources in their order, until the daemon takes a bundle of one. The
// error is what became of the last, or that there was none: see IsNothing.
func (c *Carrier) Run(ctx context.Context, sources []Source) error {
	last := errNothing
	for _, s := range sources {
		all, err := s.Find(ctx)
		if ctx.Err() != nil { // the service is stopped, and nobody waits any more
			return ctx.Err()
		}
		if err != nil {
			c.say("%s: %s", s.Name, err)
			last = fmt.Errorf("%s: %w", s.Name, err)
			continue
		}
		if len(all) == 0 {
			continue
		}
		text, err := c.offer(ctx, s, all)
		decided := text != nil
		if err != nil && text == nil {
			text = c.result(Result{Name: s.Name, Why: err.Error(), Waits: errors.Is(err, errSilent)})
		}
		if s.Answer != nil {
			if err := s.Answer(c.Identity.Label()+resultSuffix, text); err != nil {
				c.say("%s: the result can't be written back: %s", s.Name, err)
			}
		}
		if s.Done != nil && decided {
			if err := s.Done(); err != nil {
				c.say("%s: what was decided on can't be put away: %s", s.Name, err)
			}
		}
		if err == nil {
			return nil
		}
		c.say("%s: %s", s.Name, err)
		last = fmt.Errorf("%s: %w", s.Name, err)
		if errors.Is(err, errSilent) {
			break // the next source's would lie beside it, and it was not their turn
		}
	}
	return last
}

// result is a result for the source, of which the daemon has none.
func (c *Carrier) result(r Result) []byte {
	r.Box, r.Uptime = c.Identity, Uptime().Round(time.Second).String()
	return []byte(r.Text())
}

func (c *Carrier) say(format string, args ...any) {
	fmt.Fprintf(c.Out, "holdfast provision: "+format+"\n", args...)
}

// offer puts what is for this box into the drop folder, and waits for what
// becomes of it. text is for the source.
func (c *Carrier) offer(ctx context.Context, s Source, all []Candidate) (text []byte, err error) {
	ours, err := c.ours(all)
	if err != nil {
		return nil, err
	}
	name := "from-" + s.Name
	unlock, err := c.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := c.put(name, ours); err != nil {
		return nil, err
	}
	for _, b := range ours {
		c.say("%s: %s, version %d, sha256 %s, goes to the daemon", s.Name, b.Name, b.Version(), Short(b.Digest))
	}
	text, taken, err := c.wait(ctx, name)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitN(string(text), "\n", 3)
	if !taken {
		return text, fmt.Errorf("rejected: %s", lines[min(1, len(lines)-1)])
	}
	c.say("%s: taken", s.Name)
	return text, nil
}

// lock waits until no other carrier is at work: at a boot there are one for all
// sources and one for each volume.
func (c *Carrier) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.Open(c.Drop)
	if err != nil {
		return nil, err
	}
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
		case err == nil:
			return func() { f.Close() }, nil
		case err != unix.EWOULDBLOCK:
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", c.Drop, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(poll):
		}
	}
}

// ours are the bundles for this box. One that is damaged, or that was not read,
// spoils the rest: the daemon would not see that it is the nearest.
func (c *Carrier) ours(all []Candidate) (ours []*Bundle, err error) {
	for _, k := range all {
		switch {
		case errors.Is(k.Err, errTogether):
			return nil, fmt.Errorf("%s: %w", k.Name, k.Err)
		case k.Bundle == nil:
			err = errors.Join(err, fmt.Errorf("%s: %w", k.Name, k.Err))
		case !k.For(c.Identity):
		case k.Err != nil:
			return nil, fmt.Errorf("%s: %w", k.Name, k.Err)
		default:
			ours = append(ours, k.Bundle)
		}
	}
	if len(ours) == 0 {
		return nil, errors.Join(fmt.Errorf("%w: %d are for others; it is %s", errNothing, len(all), c.Identity), err)
	}
	return ours, nil
}

// put writes bundles into a folder of the drop folder, which has its name when
// all is in it.
func (c *Carrier) put(name string, bundles []*Bundle) error {
	root, err := os.OpenRoot(c.Drop)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, old := range []string{"", resultSuffix, rejectedSuffix, rejectedSuffix + ".txt"} {
		if err := root.RemoveAll(name + old); err != nil {
			return err
		}
	}
	temp := "." + name
	if err := errors.Join(root.RemoveAll(temp), root.Mkdir(temp, 0o770)); err != nil {
		return err
	}
	for i, b := range bundles {
		if err := write(root, temp, i, b); err != nil {
			return err
		}
	}
	if err := c.give(root, temp); err != nil {
		return err
	}
	return root.Rename(temp, name)
}

func write(root *os.Root, folder string, i int, b *Bundle) error {
	base := strings.Map(func(r rune) rune {
		if r < ' ' || r == '/' {
			return '_'
		}
		return r
	}, path.Base(b.Name))
	if b.Manifest == nil {
		return root.WriteFile(path.Join(folder, base), b.Files[b.Configurations()[0]].Data, 0o640)
	}
	for _, suffix := range []string{".tar", ".tar.gz", ".tgz"} {
		base = strings.TrimSuffix(base, suffix)
	}
	name := strings.TrimLeft(base, ".") + ".tar"
	if _, err := root.Stat(path.Join(folder, name)); err == nil {
		name = fmt.Sprintf("%d-%s", i, name)
	}
	f, err := root.OpenFile(path.Join(folder, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	return errors.Join(b.WriteTar(f), f.Close())
}

// give lets the group of the drop folder, which the daemon is in, have what is in
// a folder, whatever our umask.
func (c *Carrier) give(root *os.Root, folder string) error {
	st, err := root.Stat(".")
	if err != nil {
		return err
	}
	owner, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return fs.WalkDir(root.FS(), folder, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o640)
		if e.IsDir() {
			mode = 0o770
		}
		return errors.Join(root.Chown(p, -1, int(owner.Gid)), root.Chmod(p, mode))
	})
}

// wait waits for the daemon's answer.
func (c *Carrier) wait(ctx context.Context, name string) (text []byte, taken bool, err error) {
	for waited := time.Duration(0); waited < c.Wait; waited += poll {
		for _, suffix := range []string{resultSuffix, rejectedSuffix + ".txt"} {
			if b, err := os.ReadFile(filepath.Join(c.Drop, name+suffix)); err == nil {
				return b, suffix == resultSuffix, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-time.After(poll):
		}
	}
	return nil, false, fmt.Errorf("%w within %s; it will find %s", errSilent, c.Wait, filepath.Join(c.Drop, name))
}

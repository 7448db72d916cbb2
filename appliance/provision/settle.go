package provision

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// How long what was dropped has to stay as it is before it is read: what nobody
// has open to write, and what could not be asked about.
const (
	quietKnown   = time.Second
	quietUnknown = 5 * time.Second
	// patience is how long the rest of an archive is waited for.
	patience = 60 * time.Second
)

// Writing is whether somebody has a file open to write it.
type Writing uint8

// What is known of that.
const (
	Unknown Writing = iota
	Idle
	Busy
)

// Print is how something that was dropped looks from outside: another one is
// another content, or somebody is at it.
type Print struct {
	Sum     [sha256.Size]byte // of names, sizes, times and inodes
	Writing Writing
}

// settling remembers how long things have looked as they do. It is level-triggered:
// what it says follows from lists, never from what was told of changes.
type settling struct{ since map[string]look }

type look struct {
	print Print
	at    time.Time
}

// see takes a list. It says what has settled, and when to list again for the rest;
// 0: all has.
func (s *settling) see(now time.Time, list map[string]Print) (settled []string, again time.Duration) {
	next := map[string]look{}
	for name, p := range list {
		was, ok := s.since[name]
		if !ok || was.print.Sum != p.Sum || p.Writing == Busy {
			was = look{at: now}
		}
		was.print = p
		next[name] = was
		quiet := quietUnknown
		if p.Writing == Idle {
			quiet = quietKnown
		}
		if now.Sub(was.at) >= quiet {
			settled = append(settled, name)
		} else {
			again = quietKnown
		}
	}
	s.since = next
	return settled, again
}

// age is for how long something has looked as it does.
func (s *settling) age(now time.Time, name string) time.Duration { return now.Sub(s.since[name].at) }

// print is how something looked in the last list.
func (s *settling) print(name string) string {
	sum := s.since[name].print.Sum
	return string(sum[:])
}

// printOf looks at a file or a folder.
func printOf(root *os.Root, name string) Print {
	sum, writing := sha256.New(), Idle
	files := 0
	_ = fs.WalkDir(root.FS(), name, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			fmt.Fprintf(sum, "%q %s\n", p, err) // another error is another print
			return nil
		}
		if files++; files > 4*MaxFiles {
			return fs.SkipAll
		}
		info, err := e.Info()
		if err != nil {
			return nil // it went meanwhile
		}
		inode := uint64(0)
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			inode = st.Ino
		}
		fmt.Fprintf(sum, "%q %d %d %d %s\n", p, inode, info.Size(), info.ModTime().UnixNano(), info.Mode())
		if info.Mode().IsRegular() {
			writing = worse(writing, writingOf(root, p))
		}
		return nil
	})
	return Print{Sum: [sha256.Size]byte(sum.Sum(nil)), Writing: writing}
}

// worse is what is known of two files together.
func worse(a, b Writing) Writing {
	switch {
	case a == Busy || b == Busy:
		return Busy
	case a == Unknown || b == Unknown:
		return Unknown
	}
	return Idle
}

// writingOf asks whether somebody has a file open to write it: then the kernel
// gives no lease for reading. It gives one only to a file's owner, or with
// CAP_LEASE; other processes notice nothing of a lease that is given back at once.
func writingOf(root *os.Root, p string) Writing {
	f, err := root.Open(p)
	if err != nil {
		return Unknown
	}
	defer f.Close()
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	switch err {
	case nil:
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
		return Idle
	case unix.EAGAIN:
		return Busy
	}
	return Unknown
}

// hidden says whether a name in the drop folder is not ours to look at: uploads
// under another name, an editor's files, and our own results.
func hidden(name string) bool { return litter(path.Base(name)) || isResult(name) }

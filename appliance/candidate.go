package appliance

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/appliance/generation"
	"holdfast/appliance/settings"
	"holdfast/bgp/config"
)

// Candidate is a configuration that may become the box's: a file of this
// machine, or a bundle.
type Candidate struct {
	// Source says where it comes from, for people: "/etc/holdfast/edge.conf",
	// "dropped box7.tar".
	Source string
	// Path is where the configuration lies, in whose folder relative paths begin.
	// "": it is a bundle, whose *.conf in order of name are one configuration, and
	// whose relative paths begin in the folder of its generation.
	Path string
	// Files are those of the bundle; of a Path, its text by its base name. Keys
	// that are read from elsewhere join them.
	Files   generation.Files
	Version uint64 // of the bundle; 0: it has none
	Bundle  string // digest of the bundle as its source knows it; "": none
	// Again: it is tried although it was rejected before.
	Again bool

	folder string // of Path, if it is a generation that was at a place of its own
}

// inPlace says whether the configuration is a file that stays where it is.
func (c *Candidate) inPlace() bool { return c.Path != "" }

// dir is where relative paths begin, if the candidate is in place.
func (c *Candidate) dir() string { return cmp.Or(c.folder, filepath.Dir(c.Path)) }

// candidateAt is the file at a path, or standard input for "-".
func candidateAt(path string) (Candidate, error) {
	text, err := Read(path)
	if err != nil {
		err = fmt.Errorf("configuration: %w", err)
	}
	return candidateOf(path, text), err
}

func candidateOf(path string, text []byte) Candidate {
	return Candidate{Source: path, Path: path, Files: generation.Files{filepath.Base(path): {Data: text}}}
}

var errNoConf = errors.New("the bundle has no *.conf")

// sources are the texts of the configuration.
func (c *Candidate) sources() (all []config.Source, err error) {
	if c.inPlace() {
		return []config.Source{{File: c.Path, Text: c.Files[filepath.Base(c.Path)].Data}}, nil
	}
	for _, name := range c.Files.Configurations() {
		all = append(all, config.Source{File: name, Text: c.Files[name].Data})
	}
	if len(all) == 0 {
		err = errNoConf
	}
	return all, err
}

// parse reads the configuration. Which helpers there are to run is not looked
// at: the files of a bundle have no folder yet.
func (c *Candidate) parse() (*Loaded, error) {
	c.Files = maps.Clone(c.Files)
	all, err := c.sources()
	if err != nil {
		return nil, err
	}
	s := settings.Default()
	parsed, err := config.ParseAll(all, config.Options{Sections: settings.Sections(s), ReadFile: c.key})
	if err != nil {
		return nil, err
	}
	l := &Loaded{Path: c.Path, Folder: c.dir(), Config: parsed, Settings: s}
	if !c.inPlace() {
		l.Path = all[0].File
	}
	l.Warnings = slices.Concat(parsed.Warnings, s.Check(l.groups()), s.CheckNeighbors(l.speaksWith))
	return l, nil
}

// key reads the file of a key: a credential of the service, or one that lies where
// the path says. One that lies on a disk becomes a part of the
// candidate, so that what comes back one day comes with the keys that it had.
func (c *Candidate) key(path string) ([]byte, error) {
	if f, ok := c.Files[path]; ok {
		return f.Data, nil
	}
	at := cmp.Or(credential(path), path)
	if !c.inPlace() && !filepath.IsAbs(at) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	if !filepath.IsAbs(at) {
		at = filepath.Join(c.dir(), at)
	}
	b, err := readKey(at)
	if err == nil && !strings.HasPrefix(at, "/run/") { // what is there is not to be on a disk
		c.Files[path] = generation.File{Data: b}
	}
	return b, err
}

// readKey reads a file that others must not be able to read.
func readKey(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Mode()&0o007 != 0 {
		return nil, &fs.PathError{Op: "read key", Path: path, Err: fmt.Errorf("everybody may read or write it (mode %o)", st.Mode().Perm())}
	}
	return os.ReadFile(path)
}

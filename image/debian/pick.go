package debian

import (
	"bytes"
	"debug/elf"
	"fmt"
	"path"
	"slices"
	"strings"

	"holdfast/image/tree"
)

// Pick takes from all those files that match a pattern of the list, with the
// libraries that their programs are linked with, and what links in them point
// to. A line of the list is a pattern of path.Match; one that begins with "-"
// takes away what those before it took; "#" begins a remark. A pattern that
// takes nothing is an error: the package has changed.
func Pick(all tree.Tree, list string) (tree.Tree, error) {
	p := &picker{all: all, out: tree.Tree{}}
	for _, name := range merged {
		p.out.Symlink(name, "usr/"+name)
		p.out.Dir("usr/"+name, 0o755)
	}
	names, err := match(all.Names(), list)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := p.take(name); err != nil {
			return nil, err
		}
	}
	return p.out, nil
}

// match is the names that a list takes.
func match(names []string, list string) ([]string, error) {
	taken := map[string]bool{}
	n := 0
	for line := range strings.Lines(list) {
		n++
		line, _, _ = strings.Cut(line, "#")
		pattern, less := strings.CutPrefix(strings.TrimSpace(line), "-")
		if pattern == "" {
			continue
		}
		some := false
		for _, name := range names {
			if ok, err := path.Match(pattern, name); err != nil {
				return nil, fmt.Errorf("line %d: %s: %w", n, pattern, err)
			} else if ok && taken[name] == less {
				taken[name], some = !less, true
			}
		}
		if !some {
			return nil, fmt.Errorf("line %d: %s: no package has such a file", n, pattern)
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !taken[name] }), nil
}

type picker struct {
	all, out tree.Tree
}

// take puts a file where it belongs, with what it needs.
func (p *picker) take(name string) error {
	f := p.all[name]
	if f == nil {
		return nil // what a link points to may be made later: /run/systemd/…
	}
	if _, done := p.out[name]; done {
		return nil
	}
	switch {
	case f.Mode.IsDir():
		p.out.Dir(name, f.Mode.Perm())
		return nil
	case f.Link != "":
		p.out.Symlink(name, f.Link)
		return p.take(p.all.Resolve(name))
	}
	p.out.File(name, f.Mode, f.Data)
	if !bytes.HasPrefix(f.Data, []byte(elf.ELFMAG)) || strings.HasSuffix(name, ".ko") {
		return nil
	}
	return p.libraries(name, f.Data)
}

// libraries takes what a program is linked with.
func (p *picker) libraries(name string, data []byte) error {
	e, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	needed, err := e.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if i := interpreter(e); i != "" {
		needed = append(needed, i)
	}
	for _, lib := range needed {
		at := p.find(lib)
		if at == "" {
			return fmt.Errorf("%s wants %s, which no package has", name, lib)
		}
		if err := p.take(at); err != nil {
			return err
		}
	}
	return nil
}

// interpreter is the loader of a program, "" if it needs none.
func interpreter(e *elf.File) string {
	s := e.Section(".interp")
	if s == nil {
		return ""
	}
	b, err := s.Data()
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(b), "\x00")
}

// find is where a library lies, by its name or its path.
func (p *picker) find(lib string) string {
	if path.IsAbs(lib) {
		dir, file := path.Split(intoUsr(strings.TrimPrefix(lib, "/")))
		return p.there(dir + file)
	}
	for _, dir := range []string{"usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib", "usr/lib/systemd",
		"usr/lib/x86_64-linux-gnu/systemd", "usr/lib/aarch64-linux-gnu/systemd"} {
		if at := p.there(path.Join(dir, lib)); at != "" {
			return at
		}
	}
	return ""
}

func (p *picker) there(name string) string {
	if p.all[name] == nil {
		return ""
	}
	return name
}

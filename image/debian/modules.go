package debian

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/image/tree"
)

// Modules takes the kernel's modules of these names from all, with those that
// they need, and what depmod makes of them. One that is built into the kernel
// is there already; one that this architecture may not have has a name that ends
// in "?".
func Modules(ctx context.Context, all, out tree.Tree, names []string) error {
	m, err := closure(all, names)
	if err != nil {
		return err
	}
	for _, name := range m.order {
		out.File(name, 0o644, all[name].Data)
	}
	root := "usr/lib/modules/" + m.release
	for _, name := range []string{"modules.builtin", "modules.builtin.modinfo", "modules.order"} {
		if f := all[path.Join(root, name)]; f != nil {
			out.File(path.Join(root, name), 0o644, f.Data)
		}
	}
	return depmod(ctx, out, m.release)
}

// Module is a module of the kernel.
type Module struct {
	Name string
	Data []byte
}

// InOrder gives the modules of these names with those that they need, which
// come before them.
func InOrder(all tree.Tree, names []string) (list []Module, err error) {
	m, err := closure(all, names)
	for _, name := range m.order {
		list = append(list, Module{moduleName(name), all[name].Data})
	}
	return list, err
}

func closure(all tree.Tree, names []string) (*modules, error) {
	m := &modules{all: all, at: map[string]string{}, taken: map[string]bool{}, builtin: map[string]bool{}}
	for _, name := range all.Names() {
		if rest, ok := strings.CutPrefix(name, "usr/lib/modules/"); ok && strings.HasSuffix(name, ".ko") {
			m.release, _, _ = strings.Cut(rest, "/")
			m.at[moduleName(name)] = name
		}
	}
	if f := all["usr/lib/modules/"+m.release+"/modules.builtin"]; f != nil {
		for line := range strings.Lines(string(f.Data)) {
			m.builtin[moduleName(strings.TrimSpace(line))] = true
		}
	}
	for _, name := range names {
		name, optional := strings.CutSuffix(name, "?")
		if err := m.take(name); err != nil && !optional {
			return m, err
		}
	}
	return m, nil
}

func moduleName(file string) string {
	return strings.ReplaceAll(strings.TrimSuffix(path.Base(file), ".ko"), "-", "_")
}

type modules struct {
	all     tree.Tree
	release string
	at      map[string]string // by name
	taken   map[string]bool   // by path
	builtin map[string]bool   // by name: they are part of the kernel
	order   []string          // paths, those that are needed first
}

func (m *modules) take(name string) error {
	at, ok := m.at[strings.ReplaceAll(name, "-", "_")]
	if m.builtin[strings.ReplaceAll(name, "-", "_")] {
		return nil
	}
	if !ok {
		return fmt.Errorf("the kernel has no module %s", name)
	}
	if m.taken[at] {
		return nil
	}
	m.taken[at] = true
	info, err := modinfo(m.all[at].Data)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	for _, need := range info {
		if err := m.take(need); err != nil && m.at[need] != "" {
			return err
		}
	}
	m.order = append(m.order, at)
	return nil
}

// modinfo is what a module needs, also softly, of those that are modules.
func modinfo(ko []byte) (needs []string, err error) {
	e, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return nil, err
	}
	s := e.Section(".modinfo")
	if s == nil {
		return nil, nil
	}
	data, err := s.Data()
	for row := range bytes.SplitSeq(data, []byte{0}) {
		key, value, _ := strings.Cut(string(row), "=")
		switch key {
		case "depends":
			needs = append(needs, strings.FieldsFunc(value, func(r rune) bool { return r == ',' })...)
		case "softdep":
			for _, w := range strings.Fields(value) {
				if !strings.HasSuffix(w, ":") {
					needs = append(needs, strings.ReplaceAll(w, "-", "_"))
				}
			}
		}
	}
	return needs, err
}

// depmod has the module tools index what is there.
func depmod(ctx context.Context, t tree.Tree, release string) error {
	dir, err := os.MkdirTemp("", "modules-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root := path.Join("usr/lib/modules", release)
	part := tree.Tree{}
	part.Symlink("lib", "usr/lib")
	for name, f := range t {
		if strings.HasPrefix(name, root+"/") && !f.Mode.IsDir() {
			part.File(name, 0o644, f.Data)
		}
	}
	if err := part.Unpack(dir); err != nil {
		return err
	}
	if _, err := run(ctx, "/sbin/depmod", "-b", dir, release); err != nil {
		return err
	}
	made, err := filepath.Glob(filepath.Join(dir, root, "modules.*"))
	slices.Sort(made)
	for _, file := range made {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		t.File(path.Join(root, filepath.Base(file)), 0o644, data)
	}
	return err
}

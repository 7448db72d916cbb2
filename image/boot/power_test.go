package boot

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var errPower = errors.New("the power is gone")

// power is disks whose power goes after so many operations. Of what was done
// since they were synced, any part may be lost, as FAT loses it: it has no
// journal, and its names, sizes and chains are written in any order.
type power struct {
	quick
	root   string
	left   int // operations; negative: it stays
	synced map[string]string
}

func newPower(root string, left int) *power {
	p := &power{root: root, left: left}
	p.synced = p.files()
	return p
}

func (p *power) op(do func() error) error {
	if p.left == 0 {
		return errPower
	}
	p.left--
	return do()
}

func (p *power) Write(path string, b []byte) error {
	return p.op(func() error { return p.quick.Write(path, b) })
}
func (p *power) Patch(path string, at int64, b []byte) error {
	return p.op(func() error { return p.quick.Patch(path, at, b) })
}
func (p *power) Rename(a, b string) error {
	return p.op(func() error { return p.quick.Rename(a, b) })
}
func (p *power) Exchange(a, b string) error {
	return p.op(func() error { return p.quick.Exchange(a, b) })
}
func (p *power) Remove(path string) error { return p.op(func() error { return p.quick.Remove(path) }) }
func (p *power) Sync(path string) error {
	return p.op(func() error {
		p.synced = p.files()
		return p.quick.Sync(path)
	})
}
func (p *power) SetVariable(path string, b []byte) error {
	return p.op(func() error { return p.quick.SetVariable(path, b) }) // firmware is careful with those
}

// files are those on the partition, by their paths.
func (p *power) files() map[string]string {
	list := map[string]string{}
	_ = filepath.WalkDir(filepath.Join(p.root, esp), func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			b, err := os.ReadFile(path)
			list[path] = string(b)
			return err
		}
		return err
	})
	return list
}

// lose has of each file that was not synced be there what chance wants: as it was,
// as it is, or a part of what FAT had written or freed. What was on the disk
// under another name is not cut; nor is a change of the first sector.
func (p *power) lose(t *testing.T, chance *rand.Rand) {
	t.Helper()
	now := p.files()
	known := slices.Collect(maps.Values(p.synced))
	both := maps.Clone(p.synced)
	maps.Copy(both, now)
	for _, path := range slices.Sorted(maps.Keys(both)) {
		was, before := p.synced[path]
		is, after := now[path]
		if before == after && was == is {
			continue
		}
		outcome := is
		there := after
		if chance.IntN(2) == 0 {
			outcome, there = was, before
		}
		cut := before && !after || after && !slices.Contains(known, is) && (len(was) != len(is) || len(is) > sector && was[sector:] != is[sector:])
		if cut && chance.IntN(3) == 0 {
			outcome, there = outcome[:chance.IntN(len(outcome)+1)], true
		}
		if !there {
			os.Remove(path)
		} else if err := os.WriteFile(path, []byte(outcome), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.fsck(t)
}

// fsck is what fsck.vfat -a does before the partition is mounted: of two names
// with one file, the second gets none.
func (p *power) fsck(t *testing.T) {
	t.Helper()
	b := &SystemdBoot{root: p.root}
	for _, path := range []string{b.rescuePath(), b.kernelPath("holdfast_2.0.0.efi")} {
		next := strings.TrimSuffix(path, filepath.Ext(path)) + ".NEW"
		one, _ := os.ReadFile(path)
		if two, err := os.ReadFile(next); err == nil && bytes.Equal(one, two) {
			if err := os.Truncate(next, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestPowerCut has the power go behind each operation of each method, and lose
// things in several ways. Then the box boots a version that is whole, its old one
// unless the method was through, and so it does on firmware that knows no
// entries; and the method can be called again.
func TestPowerCut(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(b *box)
		do      func(b *box) error
		boots   string   // versions that may be booted after the cut
		rescue  string   // those that firmware may choose by itself
		done    string   // what State says in the end, without tries
		again   []string // versions that run when the method is called again
	}{
		"enroll": {nil, func(b *box) error { return b.Enroll() }, "1.0.0", "1.0.0", "1.0.0 good primary", nil},
		"install": {nil, func(b *box) error { return b.Install("2.0.0", image("2.0.0"), 3) },
			"1.0.0 2.0.0", "1.0.0", "2.0.0 trying 3 primary, 1.0.0 good", []string{"1.0.0"}},
		"install over one that failed": {func(b *box) {
			want(b.T, b.Install("2.0.0", image("2.0.0"), 1), "")
			b.reset(true)
			b.reset(true)
		}, func(b *box) error { return b.Install("3.0.0", image("3.0.0"), 3) },
			"1.0.0 3.0.0", "1.0.0", "3.0.0 trying 3 primary, 1.0.0 good", []string{"1.0.0"}},
		"install an older one": {nil, func(b *box) error { return b.Install("0.9.0", image("0.9.0"), 1) },
			"1.0.0 0.9.0", "1.0.0", "1.0.0 good primary, 0.9.0 trying 1", []string{"1.0.0"}},
		"mark good": {tried("2.0.0"), func(b *box) error { return b.MarkGood("2.0.0") },
			"2.0.0", "1.0.0 2.0.0", "2.0.0 good primary, 1.0.0 good", []string{"2.0.0"}},
		"mark an older one good": {tried("0.9.0"), func(b *box) error { return b.MarkGood("0.9.0") },
			"0.9.0 1.0.0", "0.9.0 1.0.0", "0.9.0 good primary", []string{"0.9.0"}},
		"mend": {func(b *box) {
			tried("2.0.0")(b)
			want(b.T, b.MarkGood("2.0.0"), "")
			spoil(b.T, b.kernelPath("holdfast_2.0.0.efi"), "2.0.0")
		}, func(b *box) error { return b.MarkGood("2.0.0") },
			"2.0.0", "2.0.0", "2.0.0 good primary, 1.0.0 good", []string{"2.0.0"}},
		"mark bad": {tried("2.0.0"), func(b *box) error { return b.MarkBad("2.0.0") },
			"1.0.0 2.0.0", "1.0.0", "2.0.0 bad, 1.0.0 good primary", nil},
		"mark a good one bad": {func(b *box) {
			tried("2.0.0")(b)
			want(b.T, b.MarkGood("2.0.0"), "")
		}, func(b *box) error { return b.Reject("2.0.0", "its root is broken") },
			"1.0.0 2.0.0", "1.0.0 2.0.0", "2.0.0 bad, 1.0.0 good primary", nil},
		"remove": {func(b *box) {
			tried("2.0.0")(b)
			want(b.T, b.MarkGood("2.0.0"), "")
		}, func(b *box) error { return b.Remove("1.0.0") },
			"2.0.0", "2.0.0", "2.0.0 good primary", []string{"2.0.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			cuts := 0
			for through := false; !through; cuts++ {
				for seed := range uint64(4) {
					b := newBox(t, "1.0.0")
					if c.prepare != nil {
						c.prepare(b)
					}
					p := newPower(b.root, cuts)
					b.disk = p
					err := c.do(b)
					through = err == nil
					if through {
						if got := text(t, b); got != c.done {
							t.Fatalf("got %s, want %s", got, c.done)
						}
						break
					}
					want(t, err, errPower.Error())
					p.lose(t, rand.New(rand.NewPCG(seed, uint64(cuts))))
					b.disk = quick{}
					at := fmt.Sprintf("after %d operations, seed %d", cuts, seed)
					b.survives(at, c.boots, c.rescue)
					if runs, _, _ := b.Current(); slices.Contains(c.again, runs) {
						if err := c.do(b); err != nil && !strings.Contains(err.Error(), "good: remove it first") {
							t.Errorf("%s: again: %v", at, err)
						} else if got := text(t, b); got != c.done {
							t.Errorf("%s: again: got %s, want %s", at, got, c.done)
						}
					}
				}
			}
			if cuts < 3 {
				t.Errorf("%d operations", cuts)
			}
		})
	}
}

// tried is a box that runs a version for a try.
func tried(version string) func(*box) {
	return func(b *box) {
		b.Helper()
		want(b.T, b.Install(version, image(version), 3), "")
		if got := b.reset(true); got != version {
			b.Fatalf("%q is booted", got)
		}
	}
}

// survives boots the box after a power cut, on both kinds of firmware.
func (b *box) survives(at, boots, rescue string) {
	b.Helper()
	if v := loads(b.rescuePath()); v == "" || !slices.Contains(strings.Fields(rescue), v) {
		b.Errorf("%s: the firmware's own choice is %q, want one of %s", at, v, rescue)
	}
	if v := b.reset(true); v == "" || !slices.Contains(strings.Fields(boots), v) {
		b.Errorf("%s: %q is booted, want one of %s", at, v, boots)
	}
	list, err := b.kernels()
	if err != nil {
		b.Fatal(err)
	}
	for _, k := range list {
		if data, _ := os.ReadFile(b.kernelPath(k.name)); k.program && loads(b.kernelPath(k.name)) == "" && !bytes.Equal(data, spoilt(k.version)) {
			b.Errorf("%s: %s is a program that is not whole", at, k.name)
		}
	}
}

// TestLeftover: what a replacement that was cut off has left goes, unless it may
// be the same file: removing it would take the firmware's own choice away.
func TestLeftover(t *testing.T) {
	b := newBox(t, "1.0.0")
	tried("2.0.0")(b)
	next := strings.TrimSuffix(b.rescuePath(), ".EFI") + ".NEW"
	for _, c := range []struct {
		left []byte
		want string
	}{{image("1.0.0"), "may be one file under two names"}, {nil, ""}, {image("0.5.0"), ""}} {
		if err := os.WriteFile(b.rescuePath(), image("1.0.0"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(next, c.left, 0o600); err != nil {
			t.Fatal(err)
		}
		want(t, b.MarkGood("2.0.0"), c.want)
		if v := loads(b.rescuePath()); (v == "2.0.0") != (c.want == "") || v == "" {
			t.Errorf("%q: the firmware's own choice is %q", c.want, v)
		}
	}
	os.Remove(b.rescuePath())
	want(t, b.MarkGood("2.0.0"), "")
	if v := loads(b.rescuePath()); v != "2.0.0" {
		t.Errorf("it was gone, and is %q", v)
	}
}

package provision

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"holdfast/image/signature"
	"holdfast/lab/golden"
)

// archive makes a tar of headers and what is in them.
func archive(t *testing.T, entries ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h, ok := e.(*tar.Header)
		if !ok {
			f := e.([2]string)
			h = &tar.Header{Typeflag: tar.TypeReg, Name: f[0], Size: int64(len(f[1])), Mode: 0o644}
			if err := w.WriteHeader(h); err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, f[1])
			continue
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var example = fstest.MapFS{
	"edge.conf":         {Data: []byte("neighbor 10.0.0.2 { }\n"), Mode: 0o644},
	"bin/helper":        {Data: []byte("#!/bin/sh\n"), Mode: 0o4755},
	"credentials/md5":   {Data: []byte("secret"), Mode: 0o666},
	"other/more.conf":   {Data: []byte("# not of the top\n"), Mode: 0o644},
	"another-part.conf": {Data: []byte("# first\n"), Mode: 0o644},
}

func packed(t *testing.T) *Bundle {
	t.Helper()
	b, err := Pack("edge", example, []Target{{kind: "*"}}, 7)
	if err != nil {
		t.Fatal(err)
	}
	b.Sign(ours)
	return b
}

// TestRoundTrip: what is packed is read, as a tar, compressed, and as a folder.
func TestRoundTrip(t *testing.T) {
	b := packed(t)
	var plain, zipped bytes.Buffer
	if err := b.WriteTar(&plain); err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(&zipped)
	z.Write(plain.Bytes())
	z.Close()
	dir := fstest.MapFS{manifestName: {Data: b.manifest}, signatureName: {Data: b.sigs.Encode()}, ".DS_Store": {Data: []byte("x")},
		"System Volume Information/x": {Data: []byte("x")}, ".Trash/x": {Data: []byte("x")}}
	for name, f := range example {
		dir[name] = f
	}
	read := map[string]func() (*Bundle, error){
		"tar":    func() (*Bundle, error) { return ReadTar("edge", &plain) },
		"gzip":   func() (*Bundle, error) { return ReadTar("edge", &zipped) },
		"folder": func() (*Bundle, error) { return ReadDir("edge", dir) },
	}
	for how, f := range read {
		got, err := f()
		if err != nil {
			t.Errorf("%s: %s", how, err)
			continue
		}
		if k, err := got.Verify([]signature.Key{theirs.Public(), ours.Public()}); err != nil || k != ours.Public() {
			t.Errorf("%s: %v %v", how, k, err)
		}
		if d := cmp.Diff(b.Files, got.Files); d != "" || got.Digest != b.Digest {
			t.Errorf("%s:\n%s", how, d)
		}
	}
	if got := strings.Join(b.Configurations(), " "); got != "another-part.conf edge.conf" {
		t.Error(got)
	}
	for name, want := range map[string]fs.FileMode{"edge.conf": 0o600, "bin/helper": 0o700, "credentials/md5": 0o600} {
		if got := b.Files[name].Mode; got != want {
			t.Errorf("%s: mode %o, want %o", name, got, want)
		}
	}
}

// TestErrors holds what is said of broken bundles to testdata/errors.txtar: its
// files are bundles, named for what is wrong with them.
func TestErrors(t *testing.T) {
	path := filepath.Join("testdata", "errors.txtar")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a := txtar.Parse(b)
	var got strings.Builder
	bundles, names := map[string]fstest.MapFS{}, []string{}
	for _, f := range a.Files {
		name, p, ok := strings.Cut(f.Name, "/")
		if !ok {
			continue
		}
		if bundles[name] == nil {
			bundles[name], names = fstest.MapFS{}, append(names, name)
		}
		bundles[name][p] = &fstest.MapFile{Data: f.Data}
	}
	for _, name := range names {
		_, err := ReadDir(name, bundles[name])
		for line := range strings.Lines(fmt.Sprint(err)) {
			fmt.Fprintf(&got, "%s: %s\n", name, strings.TrimSuffix(line, "\n"))
		}
	}
	want := ""
	last := len(a.Files) - 1
	if a.Files[last].Name == "errors" {
		want = string(a.Files[last].Data)
		a.Files[last].Data = []byte(got.String())
	}
	if want != got.String() {
		golden.Is(t, path, string(b), string(txtar.Format(a)))
	}
}

func TestTarErrors(t *testing.T) {
	m := [2]string{manifestName, string(packed(t).manifest)}
	big := strings.Repeat("0", 1<<20)
	whole := archive(t, m)
	for name, c := range map[string]struct {
		tar  []byte
		want string
	}{
		"empty":      {nil, "the archive ends in the middle"},
		"cut":        {whole[:700], "the archive ends in the middle"},
		"a link":     {archive(t, m, &tar.Header{Typeflag: tar.TypeSymlink, Name: "edge.conf", Linkname: "/etc/shadow"}), `"edge.conf": want plain files and folders, got a tar entry of type '2'`},
		"a hardlink": {archive(t, m, &tar.Header{Typeflag: tar.TypeLink, Name: "edge.conf", Linkname: "/etc/shadow"}), `"edge.conf": want plain files and folders, got a tar entry of type '1'`},
		"a device":   {archive(t, m, &tar.Header{Typeflag: tar.TypeChar, Name: "x"}), `"x": want plain files and folders, got a tar entry of type '3'`},
		"out":        {archive(t, m, [2]string{"../x", ""}), `"../x": not a path inside of a bundle`},
		"from root":  {archive(t, m, [2]string{"/etc/x", ""}), `"/etc/x": not a path inside of a bundle`},
		"within":     {archive(t, m, [2]string{"a/../../x", ""}), `"a/../../x": not a path inside of a bundle`},
		"backslash":  {archive(t, m, [2]string{`a\x`, ""}), `"a\\x": not a path inside of a bundle`},
		"newline":    {archive(t, m, [2]string{"a\nx", ""}), `"a\nx": not a path inside of a bundle`},
		"deep":       {archive(t, m, [2]string{"1/2/3/4/5/6/7/8/9", ""}), `"1/2/3/4/5/6/7/8/9": deeper than 8 folders`},
		"hidden":     {archive(t, m, [2]string{"a/.ssh/keys", ""}), `"a/.ssh/keys": hidden files do not belong into a bundle`},
		"twice":      {archive(t, m, m), "manifest.json: it is there twice"},
		"many":       {archive(t, many(MaxFiles+3)...), "more than 1000 files"},
		"folders":    {archive(t, folders(2*MaxFiles+2)...), "more than 2000 entries"},
		"big":        {archive(t, sized(MaxSize>>20+1, big)...), "more than 33554432 octets"},
		"no tar":     {bytes.Repeat([]byte("x"), 1024), "archive/tar: invalid tar header"},
		"no gzip":    {[]byte("\x1f\x8bxxxxxxxxxxxxxxxxxx"), "gzip: gzip: invalid header"},
	} {
		b, err := ReadTar("x", bytes.NewReader(c.tar))
		if b != nil || err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := ReadTar("x", bytes.NewReader(whole[:700])); !IsCut(err) {
		t.Error("who could wait for the rest does not know it")
	}
}

// TestBomb: a few kilobytes that unpack to more than a bundle may be are not unpacked.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "x", Size: 64 << 20, Mode: 0o600})
	zeros := make([]byte, 1<<20)
	for range 64 {
		w.Write(zeros)
	}
	w.Close()
	z.Close()
	if _, err := ReadTar("x", &b); err == nil || err.Error() != errSize.Error() {
		t.Error(err)
	}
}

func many(n int) (entries []any) {
	for i := range n {
		entries = append(entries, [2]string{fmt.Sprint(i), ""})
	}
	return entries
}

func folders(n int) (entries []any) {
	for i := range n {
		entries = append(entries, &tar.Header{Typeflag: tar.TypeDir, Name: fmt.Sprint(i, "/")})
	}
	return entries
}

func sized(n int, text string) (entries []any) {
	for i := range n {
		entries = append(entries, [2]string{fmt.Sprint(i), text})
	}
	return entries
}

func TestReadFolder(t *testing.T) {
	b := packed(t)
	var whole bytes.Buffer
	if err := b.WriteTar(&whole); err != nil {
		t.Fatal(err)
	}
	root := fstest.MapFS{
		"stick/one.tar":              {Data: whole.Bytes()},
		"stick/two/manifest.json":    {Data: []byte("{")},
		"stick/three.conf":           {Data: []byte("x")},
		"stick/four.tar":             {Data: whole.Bytes()[:600]},
		"stick/S1.result.txt":        {Data: []byte("x")},
		"stick/old.conf.rejected":    {Data: []byte("x")},
		"stick/.Trashes/x.conf":      {Data: []byte("x")},
		"stick/holiday/picture.jpeg": {Data: []byte("x")},
		"stick/._one.tar":            {Data: []byte("x")},
	}
	var got []string
	for _, c := range Read(root, "stick", nil) {
		got = append(got, fmt.Sprint(c.Name, " ", c.Bundle != nil, " ", c.Err))
	}
	want := []string{"stick/four.tar false the archive ends in the middle", "stick/one.tar true <nil>", "stick/three.conf true <nil>",
		"stick/two false manifest.json: unexpected EOF"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestReadTogether: whatever somebody has put on a stick, it is not in memory as a
// whole, and nothing is chosen of a part of it.
func TestReadTogether(t *testing.T) {
	root := fstest.MapFS{}
	large := make([]byte, MaxSize)
	for i := range 5 {
		root[fmt.Sprint("stick/", i, ".conf")] = &fstest.MapFile{Data: large}
	}
	all := Read(root, "stick", func(*Bundle) bool { return true })
	var left []string
	for _, c := range all {
		if c.Err != nil {
			left = append(left, c.Name+": "+c.Err.Error())
		}
	}
	want := []string{"stick/2.conf: it is not read: the bundles before it have 67108864 octets, or more",
		"stick/3.conf: it is not read: the bundles before it have 67108864 octets, or more", "stick/4.conf: it is not read: the bundles before it have 67108864 octets, or more"}
	if d := cmp.Diff(want, left); d != "" {
		t.Error(d)
	}
	if _, err := (&Carrier{}).ours(all); err == nil || err.Error() != want[0] {
		t.Error(err)
	}
	if c := Choose(Identity{}, all, Trust{}, Taken{}); c.Index >= 0 {
		t.Errorf("%+v", c)
	}
	// What is for others does not count.
	others := Read(root, "stick", func(*Bundle) bool { return false })
	if len(others) != 5 || slices.ContainsFunc(others, func(c Candidate) bool { return c.Err != nil || c.Files != nil }) {
		t.Errorf("%+v", others)
	}
}

func FuzzTar(f *testing.F) {
	b, err := Pack("edge", example, []Target{{kind: "*"}}, 7)
	if err != nil {
		f.Fatal(err)
	}
	b.Sign(ours)
	var whole bytes.Buffer
	if err := b.WriteTar(&whole); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add(whole.Bytes()[:900])
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := ReadTar("x", bytes.NewReader(in))
		if err != nil {
			if b != nil && b.Files != nil {
				t.Fatal("half a bundle")
			}
			return
		}
		var out bytes.Buffer
		if err := b.WriteTar(&out); err != nil {
			t.Fatal(err)
		}
		again, err := ReadTar("x", &out)
		if err != nil || cmp.Diff(b.Files, again.Files) != "" || again.Digest != b.Digest {
			t.Fatal(err, "it is not what it was")
		}
		for name := range b.Files {
			if !filepath.IsLocal(name) {
				t.Fatalf("%q leads out", name)
			}
		}
	})
}

func FuzzManifest(f *testing.F) {
	b, err := Pack("edge", example, []Target{{kind: "serial", value: "x"}}, 7)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b.manifest)
	f.Fuzz(func(t *testing.T, manifest []byte) {
		m, err := ParseManifest(manifest)
		if err == nil {
			for name := range m.Files {
				if !filepath.IsLocal(name) {
					t.Fatalf("%q leads out", name)
				}
			}
		}
	})
}

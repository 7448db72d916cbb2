package image_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"holdfast/image"
	"holdfast/image/imagetest"
	"holdfast/image/signature"
)

var (
	ours, theirs = signature.Private{1}, signature.Private{2}
	known        = []signature.Key{ours.Public()}
)

// read reads a bundle to its end.
func read(b []byte, keys []signature.Key) (*image.Manifest, error) {
	in, err := image.Open(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if _, err := in.Verify(keys); err != nil {
		return nil, err
	}
	return in.Manifest, in.Pass(nil)
}

// TestSameOctets: equal parts and keys give equal bundles; and what is in them is
// read again.
func TestSameOctets(t *testing.T) {
	b := imagetest.Bundle(t, "1.2", ours, theirs)
	if !bytes.Equal(b, imagetest.Bundle(t, "1.2", ours, theirs)) {
		t.Error("the same bundle has other octets")
	}
	for _, keys := range [][]signature.Key{known, {theirs.Public()}} {
		m, err := read(b, keys)
		if err != nil || m.Version != "1.2" || m.Compatible != "holdfast-amd64" || len(m.Parts) != 2 {
			t.Error(m, err)
		}
	}
	var again bytes.Buffer
	if err := image.Sign(&again, bytes.NewReader(imagetest.Bundle(t, "1.2", ours)), []signature.Private{theirs}); err != nil || !bytes.Equal(again.Bytes(), b) {
		t.Error("a signature that is added later makes another bundle", err)
	}
}

// TestMoreParts: parts that are for other boxes are read over, and proven.
func TestMoreParts(t *testing.T) {
	parts := append(imagetest.Parts(t, "1.2"), image.Content{Name: "boot.itb", Data: []byte("for U-Boot")})
	var b bytes.Buffer
	if _, err := image.Make(&b, imagetest.For, parts, []signature.Private{ours}); err != nil {
		t.Fatal(err)
	}
	if m, err := read(b.Bytes(), known); err != nil || len(m.Parts) != 3 {
		t.Error(m, err)
	}
	if _, err := read(bytes.Replace(b.Bytes(), []byte("for U-Boot"), []byte("for a boot"), 1), known); err == nil {
		t.Error("a part was changed, and nobody has seen it")
	}
}

func TestRefusedBundles(t *testing.T) {
	whole := imagetest.Bundle(t, "1.2", ours)
	flip := func(at int) []byte {
		b := bytes.Clone(whole)
		b[at] ^= 1
		return b
	}
	wrong := "the signature of key " + ours.Public().ID() + " is wrong: the manifest was changed after it was signed"
	root := bytes.Index(whole, []byte("root.img\x00"))
	for name, c := range map[string]struct {
		bundle []byte
		want   string
	}{
		"empty":                {nil, "the bundle ends in the middle: fetch it again"},
		"no tar":               {bytes.Repeat([]byte("x"), 2000), "want a bundle of images: a tar with manifest.json in this place: archive/tar: invalid tar header"},
		"unsigned":             {imagetest.Bundle(t, "1.2"), "nobody signed it"},
		"another's":            {imagetest.Bundle(t, "1.2", theirs), "no key that this box knows signed it"},
		"a bit of the version": {flip(bytes.Index(whole, []byte(`"1.2"`)) + 1), wrong},
		"a bit of the root":    {flip(root + 512*100), "root.img: it is not the one that was signed (SHA-256): fetch the bundle again"},
		"a bit of the kernel":  {flip(len(whole) - 3000), "uki.efi: it is not the one that was signed (SHA-256): fetch the bundle again"},
		"within the manifest":  {whole[:600], "the bundle ends in the middle: fetch it again"},
		"within the root":      {whole[:len(whole)/2], "root.img: the bundle ends in the middle: fetch it again"},
		"within the kernel":    {whole[:len(whole)-3000], "uki.efi: the bundle ends in the middle: fetch it again"},
		"without the kernel":   {whole[:bytes.LastIndex(whole, []byte("uki.efi\x00"))], "the bundle ends in the middle: fetch it again"},
		"something behind it":  {retar(t, whole, func(all []entry) []entry { return append(all, entry{"more", []byte("x")}) }), `"more": the manifest does not name it`},
		"another order":        {retar(t, whole, func(all []entry) []entry { all[2], all[3] = all[3], all[2]; return all }), `want root.img in this place, got "uki.efi"`},
		"no signature's file":  {retar(t, whole, func(all []entry) []entry { return append(all[:1:1], all[2:]...) }), `want manifest.sig in this place, got "root.img"`},
		"a shorter root": {retar(t, whole, func(all []entry) []entry { all[2].data = all[2].data[:4096]; return all }),
			"root.img: want 2486272 octets, got 4096: fetch the bundle again"},
		"a long manifest": {retar(t, whole, func(all []entry) []entry { all[0].data = make([]byte, 70000); return all }), "manifest.json: more than 65536 octets"},
	} {
		if _, err := read(c.bundle, known); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestEachCut: wherever a bundle ends before its last part, it is not whole.
func TestEachCut(t *testing.T) {
	whole := imagetest.Bundle(t, "1.2", ours)
	for at := 0; at < len(whole)-2048; at += 12289 {
		if _, err := read(whole[:at], known); err == nil {
			t.Fatalf("the first %d octets are a bundle", at)
		}
	}
}

type entry struct {
	name string
	data []byte
}

// retar makes a tar of other files.
func retar(t *testing.T, b []byte, change func([]entry) []entry) []byte {
	t.Helper()
	var all []entry
	for in := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry{h.Name, data})
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range change(all) {
		if err := w.WriteHeader(&tar.Header{Name: e.name, Size: int64(len(e.data)), Typeflag: tar.TypeReg, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		w.Write(e.data)
	}
	w.Close()
	return out.Bytes()
}

// TestMakeRefuses what no box could start.
func TestMakeRefuses(t *testing.T) {
	good := imagetest.Parts(t, "1.2")
	other, _ := imagetest.Root(t, "1.3", imagetest.Blocks)
	r, _ := imagetest.Root(t, "1.2", imagetest.Blocks)
	flipped := bytes.Clone(good[0].Data)
	flipped[5000] ^= 1
	for name, c := range map[string]struct {
		m            image.Release
		root, kernel []byte
		want         string
	}{
		"no kernel":          {imagetest.For, good[0].Data, []byte("MZ"), "uki.efi: is not a program for UEFI on 64 bits"},
		"a kernel's half":    {imagetest.For, good[0].Data, good[1].Data[:100000], "uki.efi: section .linux is cut off: it ends at octet "},
		"another root":       {imagetest.For, good[0].Data, imagetest.Kernel(t, "1.2", other), "root.img: the kernel would refuse it: hashes: block "},
		"a bit":              {imagetest.For, flipped, good[1].Data, "root.img: the kernel would refuse it: block 1 is not what it was made of"},
		"two roots":          {imagetest.For, good[0].Data, imagetest.Kernel(t, "1.2", r, "holdfast.root="+r.String()), "uki.efi: command line: want holdfast.root= once, got it 2 times"},
		"a kernel's version": {imagetest.For, good[0].Data, imagetest.Kernel(t, "1.2-rc1", r), `uki.efi: os-release: IMAGE_VERSION: want up to 6 numbers with dots between, as 1.12.0, got "1.2-rc1"`},
		"nobody's":           {image.Release{Arch: "amd64"}, good[0].Data, good[1].Data, `compatible: want a family of boards, as "holdfast-amd64", got ""`},
		"too high a floor":   {image.Release{Arch: "amd64", Compatible: "x", MinVersion: "1.3"}, good[0].Data, good[1].Data, "min-version: want at most the version, 1.2, got 1.3"},
		"a short root":       {imagetest.For, good[0].Data[:40960], good[1].Data, "root.img: size: want 2486272, as its verity says, got 40960"},
	} {
		_, err := image.Make(io.Discard, c.m, []image.Content{{Name: image.RootPart, Data: c.root}, {Name: image.KernelPart, Data: c.kernel}}, nil)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzBundle(f *testing.F) {
	whole := imagetest.Bundle(f, "1.2", ours)
	f.Add(whole[:3000])
	f.Add(whole[:len(whole)/50])
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := image.Open(bytes.NewReader(b))
		if err != nil || in.Read() != nil {
			return
		}
		if err := in.Pass(nil); err == nil {
			t.Log("a whole bundle")
		}
	})
}

func FuzzManifest(f *testing.F) {
	in, err := image.Open(bytes.NewReader(imagetest.Bundle(f, "1.2", ours)))
	if err != nil || in.Read() != nil {
		f.Fatal(err)
	}
	f.Add(in.Manifest.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := image.ParseManifest(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.Encode(), b) {
			t.Fatalf("two texts are one manifest:\n%s\n%s", b, m.Encode())
		}
	})
}

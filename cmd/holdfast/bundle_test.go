package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"holdfast/image"
	"holdfast/image/imagetest"
)

func TestBundle(t *testing.T) {
	y := yard{t, t.TempDir()}
	public := strings.TrimSpace(y.does("keygen @key"))
	other := strings.TrimSpace(y.does("keygen @other"))
	parts := imagetest.Parts(t, "1.2")
	y.write("root", string(parts[0].Data))
	y.write("uki", string(parts[1].Data))
	y.write("itb", "for U-Boot")
	bundle := func(line string) (code int, out, err string) {
		var o, e bytes.Buffer
		code = run(append([]string{"bundle"}, strings.Fields(strings.ReplaceAll(line, "@", y.dir+"/"))...), &o, &e)
		return code, strings.ReplaceAll(o.String(), y.dir+"/", "@"), strings.ReplaceAll(e.String(), y.dir+"/", "@")
	}
	for _, c := range []struct {
		line, out string
	}{
		{"make -o @a --root @root --kernel @uki --min-version 1.1 --part boot.itb=@itb --key @key", "@a: version 1.2 for holdfast-amd64, 1 signature\n"},
		{"sign --key @other @a", ""},
		{"verify --key " + public + " @a", "@a: whole; version 1.2 for holdfast-amd64\nsigned by " + public + "\n"},
		{"verify --key " + other + " @a", "@a: whole; version 1.2 for holdfast-amd64\nsigned by " + other + "\n"},
		{"make -o @b --root @root --kernel @uki --arch arm64", "@b: version 1.2 for holdfast-arm64, 0 signatures\n"},
	} {
		if code, out, err := bundle(c.line); code != 0 || out != c.out {
			t.Errorf("%s: exit code %d\n%s%s", c.line, code, out, err)
		}
	}
	if code, out, err := bundle("info @a"); code != 0 || !strings.HasPrefix(out, "version     1.2\ncompatible  holdfast-amd64\narch        amd64\nmin-version 1.1\npart        root.img, 2486272 octets, sha256 ") ||
		!strings.HasSuffix(out, ", not verified\n") || strings.Count(out, "\n") != 9 {
		t.Error(code, out, err)
	}
	_, out, _ := bundle("info --json @b")
	var said struct {
		Manifest   image.Manifest
		Signatures []string
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || said.Manifest.Version != "1.2" || said.Signatures == nil || len(said.Signatures) != 0 {
		t.Error(out, err)
	}
	for line, want := range map[string]string{
		"verify --key " + public + " @b":         "holdfast: @b: nobody signed it\n",
		"verify @a":                              "holdfast: " + image.KeysFolder + ": want public keys, *.pub: without one, nobody can sign a bundle\n",
		"verify --key " + public + " @uki":       "holdfast: @uki: want a bundle of images: a tar with manifest.json in this place: ",
		"info @none":                             "holdfast: open @none: no such file or directory\n",
		"make -o @c --root @uki --kernel @uki":   "holdfast: @c: root.img: size: want 2486272, as its verity says, got 212480\n",
		"make -o @c --root @root --kernel @root": "holdfast: @c: uki.efi: is not a program for UEFI on 64 bits\n",
	} {
		if code, _, err := bundle(line); code != 1 || !strings.HasPrefix(err, want) {
			t.Errorf("%s: exit code %d\n%s, want\n%s", line, code, err, want)
		}
	}
	for _, line := range []string{"", "nonsense", "make", "make -o @c --root @root --kernel @uki --min-version v1", "make -o @c --root @root --kernel @uki --part x", "sign @a", "verify", "info"} {
		if code, _, err := bundle(line); code != 2 {
			t.Errorf("%s: exit code %d\n%s", line, code, err)
		}
	}
	if files, _ := os.ReadDir(y.dir); len(files) != 7 {
		t.Errorf("something is left: %v", files)
	}
}

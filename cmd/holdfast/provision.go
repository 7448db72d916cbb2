package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"holdfast/appliance/provision"
	"holdfast/image/signature"
)

var provisionVerb = &verb{word: "provision", args: "keygen|pack|sign|verify|simulate|run …",
	help: "make bundles of configuration, try them on fleets, look for one",
	long: `
  keygen FILE                             a new key into FILE; its public half is printed
  pack DIR -o X.tar --target T… --version N [--name TEXT] [--key FILE]…
                                          a bundle of all files of DIR, signed by the keys
  sign --key FILE… X.tar                  add signatures, or put new ones in their place
  verify [--key PUBLIC]… X                say whether X is whole, and who signed it
  simulate --serial X [--uuid X] [--mac X]… DIR [--fleet FILE] [--key PUBLIC]…
           [--signed] [--version N]       say what boxes would take of DIR, and whether
                                          its configuration is valid
  run [--drop PATH] [--config FILE] [--device DEVICE] [--wait TIME]
                                          on a box, as root: look for a bundle on volumes,
                                          in credentials, behind the URL of the kernel's
                                          command line or of a DHCP lease; put it into the
                                          drop folder, and say what became of it

A target is serial:X, uuid:X, mac:X or *, for any box. X is a tar or a folder. A
version only grows: a box refuses a bundle that is older than one that it has taken.
In FILE of --fleet each line is a box: serial=X uuid=X mac=X, with "#" for comments.
verify and simulate have --json. PUBLIC is a key in base64, or a file of them.

Exit code: 0, or 1: a bundle is refused, a box would take none, or what was found
was rejected.`}

func init() { provisionVerb.run = runProvision }

func runProvision(c *call) error {
	return c.sub("keygen, pack, sign, verify, simulate or run", map[string]func(*call) error{"keygen": keygen, "pack": pack, "sign": sign, "verify": verify, "simulate": simulate, "run": provisionRun})
}

// several is a flag that may be said more than once.
type several []string

func (s *several) String() string     { return strings.Join(*s, " ") }
func (s *several) Set(v string) error { *s = append(*s, v); return nil }

func (c *call) several(name string) *several {
	var s several
	c.Var(&s, name, "")
	return &s
}

func keygen(c *call) error {
	args, err := c.parse(1, 1)
	if err != nil {
		return err
	}
	p, err := signature.Generate()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // a key is never written over
	if err != nil {
		return err
	}
	_, err = f.Write(p.Encode())
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintln(c.out, p.Public())
	return nil
}

func privates(files []string) (keys []signature.Private, err error) {
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		p, err := signature.ParsePrivate(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		keys = append(keys, p)
	}
	return keys, nil
}

// publics are keys that were said, or that stand in files, one a line.
func publics(said []string) (keys []signature.Key, err error) {
	for _, s := range said {
		text := s
		if b, err := os.ReadFile(s); err == nil {
			text = string(b)
		}
		more, err := signature.ParseKeys(text)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", s, err)
		}
		keys = append(keys, more...)
	}
	return keys, nil
}

func pack(c *call) error {
	out, name, version := c.String("o", "", ""), c.String("name", "", ""), c.Uint64("version", 0, "")
	said, keyFiles := c.several("target"), c.several("key")
	args, err := c.parse(1, 1)
	switch {
	case err != nil:
		return err
	case *out == "":
		return usagef("want -o FILE")
	case *version == 0:
		return usagef("want --version, a number from 1 that grows with each bundle")
	case len(*said) == 0:
		return usagef("want --target, one or more")
	}
	var targets []provision.Target
	for _, s := range *said {
		t, err := provision.ParseTarget(s)
		if err != nil {
			return usagef("--target: %s", err)
		}
		targets = append(targets, t)
	}
	keys, err := privates(*keyFiles)
	if err != nil {
		return err
	}
	if *name == "" {
		*name = strings.TrimSuffix(filepath.Base(*out), ".tar")
	}
	b, err := provision.Pack(*name, os.DirFS(args[0]), targets, *version)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	for _, k := range keys {
		b.Sign(k)
	}
	return writeBundle(c.out, *out, b)
}

// writeBundle writes an archive. It may hold keys.
func writeBundle(out io.Writer, path string, b *provision.Bundle) error {
	if err := replace(path, 0o600, b.WriteTar); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: version %d, %d %s, sha256 %s\n", path, b.Version(), len(b.Files), plural(len(b.Files), "file"), b.Digest)
	return nil
}

// replace writes a file beside its name first: who looks sees all of it.
func replace(path string, mode os.FileMode, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path))
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(write(f), f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

func sign(c *call) error {
	keyFiles := c.several("key")
	args, err := c.parse(1, 1)
	if err != nil {
		return err
	}
	if len(*keyFiles) == 0 {
		return usagef("want --key FILE")
	}
	keys, err := privates(*keyFiles)
	if err != nil {
		return err
	}
	if st, err := os.Stat(args[0]); err == nil && st.IsDir() {
		return usagef("want an archive: pack signs a folder")
	}
	b, err := readBundle(args[0])
	if err != nil {
		return err
	}
	for _, k := range keys {
		b.Sign(k)
	}
	return writeBundle(c.out, args[0], b)
}

// readBundle reads a bundle that is an archive or a folder.
func readBundle(path string) (*provision.Bundle, error) {
	all := provision.Read(os.DirFS(filepath.Dir(path)), filepath.Base(path), nil)
	if len(all) != 1 || all[0].Err == nil && all[0].Manifest == nil {
		return nil, fmt.Errorf("%s: want one bundle, an archive (.tar, .tar.gz, .tgz) or a folder with its manifest.json", path)
	}
	if err := all[0].Err; err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all[0].Bundle, nil
}

func verify(c *call) error {
	said, asJSON := c.several("key"), c.Bool("json", false, "")
	args, err := c.parse(1, 1)
	if err != nil {
		return err
	}
	keys, err := publics(*said)
	if err != nil {
		return err
	}
	b, err := readBundle(args[0])
	if err != nil {
		return err
	}
	k, bad := b.Verify(keys)
	signed := ""
	if bad == nil {
		signed = k.String()
	} else if len(*said) == 0 && (errors.Is(bad, signature.ErrUnsigned) || errors.Is(bad, signature.ErrUnknown)) {
		bad = nil // nobody asked whose it is
	}
	if *asJSON {
		err = c.json(map[string]any{"bundle": args[0], "name": b.Manifest.Name, "version": b.Version(), "digest": b.Digest,
			"targets": b.Manifest.Targets, "files": len(b.Files), "signatures": append([]string{}, b.Signatures()...), "verified": signed})
	} else {
		fmt.Fprintf(c.out, "%s: whole; version %d, %d %s, sha256 %s\n", args[0], b.Version(), len(b.Files), plural(len(b.Files), "file"), b.Digest)
		switch {
		case signed != "":
			fmt.Fprintf(c.out, "signed by %s\n", signed)
		case len(b.Signatures()) > 0:
			fmt.Fprintf(c.out, "says that it is signed by keys %s\n", strings.Join(b.Signatures(), " "))
		default:
			fmt.Fprintln(c.out, "not signed")
		}
	}
	if bad != nil {
		return fmt.Errorf("%s: %w", args[0], bad)
	}
	return err
}

func (c *call) json(v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

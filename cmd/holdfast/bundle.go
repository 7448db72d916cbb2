package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"holdfast/image"
	"holdfast/image/signature"
	"holdfast/image/source"
)

var bundleVerb = &verb{word: "bundle", args: "make|sign|info|verify …",
	help: "signed bundles of images: make, sign, look at",
	long: `
  make -o X.bundle --root FILE --kernel FILE [--arch ARCH] [--compatible NAME]
       [--min-version VERSION] [--part NAME=FILE]… [--key FILE]…
                      a bundle of a root (squashfs with its hashes) and the unified
                      kernel image that starts it, whose version it has; signed by keys
                      of holdfast provision keygen
  sign --key FILE… X  add signatures, or put new ones in their place
  info X              show the manifest, whoever may have signed it
  verify [--key PUBLIC]… X
                      say whether X is whole, and signed by one of the keys; those of
                      this box are in ` + image.KeysFolder + `

ARCH is amd64, or arm64; NAME is a family of boards, holdfast-ARCH. A box takes no
version older than VERSION any more when it runs this one. X is a file, a URL, or
"-" for standard input. info and verify have --json. PUBLIC is a key in base64, or a
file of them.

Exit code: 0, or 1: the error says what is wrong.`}

func init() { bundleVerb.run = runBundle }

func runBundle(c *call) error {
	return c.sub("make, sign, info or verify", map[string]func(*call) error{"make": bundleMake, "sign": bundleSign, "info": bundleInfo, "verify": bundleVerify})
}

func bundleMake(c *call) error {
	out, root, kernel := c.String("o", "", ""), c.String("root", "", ""), c.String("kernel", "", "")
	arch, compatible, floor := c.String("arch", "amd64", ""), c.String("compatible", "", ""), c.String("min-version", "", "")
	more, keyFiles := c.several("part"), c.several("key")
	if _, err := c.parse(0, 0); err != nil {
		return err
	}
	if *out == "" || *root == "" || *kernel == "" {
		return usagef("want -o FILE, --root FILE and --kernel FILE")
	}
	r := image.Release{Compatible: *compatible, Arch: *arch}
	if r.Compatible == "" {
		r.Compatible = "holdfast-" + r.Arch
	}
	if *floor != "" {
		v, err := image.ParseVersion(*floor)
		if err != nil {
			return usagef("--min-version: %s", err)
		}
		r.MinVersion = v
	}
	parts, err := contents(append([]string{image.RootPart + "=" + *root, image.KernelPart + "=" + *kernel}, *more...))
	if err != nil {
		return err
	}
	keys, err := privates(*keyFiles)
	if err != nil {
		return err
	}
	return replace(*out, 0o644, func(to io.Writer) error {
		made, err := image.Make(to, r, parts, keys)
		if err == nil {
			fmt.Fprintf(c.out, "%s: version %s for %s, %d %s\n", *out, made.Version, made.Compatible, len(keys), plural(len(keys), "signature"))
		}
		return err
	})
}

// contents reads parts that are named NAME=FILE.
func contents(named []string) (parts []image.Content, err error) {
	for _, s := range named {
		name, file, ok := strings.Cut(s, "=")
		if !ok {
			return nil, usagef("--part: want NAME=FILE, got %q", s)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		parts = append(parts, image.Content{Name: name, Data: data})
	}
	return parts, nil
}

func bundleSign(c *call) error {
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
	from, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer from.Close()
	return replace(args[0], 0o644, func(to io.Writer) error { return image.Sign(to, from, keys) })
}

func bundleInfo(c *call) error {
	asJSON := c.Bool("json", false, "")
	args, err := c.parse(1, 1)
	if err != nil {
		return err
	}
	return withBundle(args[0], func(b *image.Bundle) error {
		if err := b.Read(); err != nil {
			return err
		}
		if *asJSON {
			return c.json(map[string]any{"manifest": b.Manifest, "signatures": append([]string{}, b.Signatures.IDs()...)})
		}
		m := b.Manifest
		fmt.Fprintf(c.out, "version     %s\ncompatible  %s\narch        %s\n", m.Version, m.Compatible, m.Arch)
		if m.MinVersion != "" {
			fmt.Fprintf(c.out, "min-version %s\n", m.MinVersion)
		}
		for _, p := range m.Parts {
			fmt.Fprintf(c.out, "part        %s, %d octets, sha256 %s\n", p.Name, p.Size, p.SHA256)
		}
		for _, id := range b.Signatures.IDs() {
			fmt.Fprintf(c.out, "signature   of key %s, not verified\n", id)
		}
		if len(b.Signatures) == 0 {
			fmt.Fprintln(c.out, "signature   none")
		}
		return nil
	})
}

func bundleVerify(c *call) error {
	said, asJSON := c.several("key"), c.Bool("json", false, "")
	args, err := c.parse(1, 1)
	if err != nil {
		return err
	}
	var keys []signature.Key
	if len(*said) > 0 {
		keys, err = publics(*said)
	} else {
		keys, err = image.ReadKeys(image.KeysFolder)
	}
	if err != nil {
		return err
	}
	return withBundle(args[0], func(b *image.Bundle) error {
		k, err := b.Verify(keys)
		if err != nil {
			return err
		}
		if err := b.Pass(nil); err != nil {
			return err
		}
		if *asJSON {
			return c.json(map[string]any{"manifest": b.Manifest, "verified": k.String()})
		}
		fmt.Fprintf(c.out, "%s: whole; version %s for %s\nsigned by %s\n", args[0], b.Manifest.Version, b.Manifest.Compatible, k)
		return nil
	})
}

// withBundle opens a bundle, whose name then stands before what is wrong with it.
func withBundle(name string, do func(*image.Bundle) error) error {
	from, err := source.Default.Open(context.Background(), name)
	if err != nil {
		return err
	}
	defer from.Close()
	b, err := image.Open(from)
	if err == nil {
		err = do(b)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Command mkimage makes the image of a box for one architecture, and the bundle
// with which boxes update to it.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"holdfast/image"
	"holdfast/image/build"
	"holdfast/image/signature"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func run() error {
	var o build.Options
	var err error
	out := flag.String("o", "dist", "folder for what is made")
	flag.StringVar(&o.Arch, "arch", "amd64", "amd64 or arm64")
	flag.StringVar(&o.Version, "version", "0.0.1", "version of the image: numbers and dots")
	flag.StringVar(&o.MinVersion, "min-version", "", "the oldest version that boxes with this one take")
	flag.StringVar(&o.Cache, "cache", "", "folder for packages")
	flag.StringVar(&o.Program, "program", "", "the static program for the architecture")
	flag.StringVar(&o.Early, "early", "", "the first program for the architecture")
	flag.StringVar(&o.Append, "append", "", "more for the kernel's command line")
	private := flag.String("key", "", "file of the private key that signs the bundle; without one there is no bundle")
	keys := flag.String("keys", "", "public keys that boxes take bundles of, with commas between")
	flag.BoolVar(&o.Fast, "fast", false, "compress the root less: for tests")
	flag.StringVar(&o.SecureBoot.Key, "secure-boot-key", "", "file of the key that signs what firmware starts; without one nothing is signed")
	flag.StringVar(&o.SecureBoot.Certificate, "secure-boot-cert", "", "file of the certificate for it, which the firmware of the boxes knows")
	with := flag.String("with", "", "folder whose files are laid over the root: etc/holdfast/provision.conf, etc/ssl/certs/own.crt, …")
	plain := flag.Bool("plain", false, "do not compress the disk")
	flag.Parse()
	if o.Epoch, err = strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: want seconds since 1970: %w", err)
	}
	if (o.SecureBoot.Key == "") != (o.SecureBoot.Certificate == "") {
		return errors.New("-secure-boot-key and -secure-boot-cert go together")
	}
	if *with != "" {
		o.With = os.DirFS(*with)
	}
	signers, err := signersOf(&o, *private, *keys)
	if err != nil {
		return err
	}
	p, err := build.Make(context.Background(), o)
	if err != nil {
		return err
	}
	return write(p, filepath.Join(*out, fmt.Sprintf("holdfast-%s-%s", o.Version, o.Arch)), signers, *plain)
}

// signersOf reads the key that signs, whose public half boxes know too.
func signersOf(o *build.Options, private, keys string) (signers []signature.Private, err error) {
	o.Keys = map[string]string{}
	for i, k := range strings.FieldsFunc(keys, func(r rune) bool { return r == ',' }) {
		o.Keys[fmt.Sprintf("key%d", i+1)] = k
	}
	if private == "" {
		return nil, nil
	}
	text, err := os.ReadFile(private)
	if err != nil {
		return nil, err
	}
	k, err := signature.ParsePrivate(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", private, err)
	}
	o.Keys["key0"] = k.Public().String()
	return []signature.Private{k}, nil
}

// write writes all that was made beside each other.
func write(p *build.Parts, base string, signers []signature.Private, plain bool) error {
	for _, f := range []struct {
		name string
		data []byte
	}{{".root", p.Root}, {".efi", p.UKI}, {".vmlinuz", p.Kernel}, {".initrd", p.Initrd}, {".cmdline", []byte(p.Line)}, {".cdx.json", p.Materials()}} {
		if err := os.WriteFile(base+f.name, f.data, 0o644); err != nil {
			return err
		}
	}
	if err := bundle(p, base+".bundle", signers); err != nil {
		return err
	}
	if err := p.Disk(context.Background(), base+".img"); err != nil {
		return err
	}
	fmt.Printf("%s: root %.1f MB, kernel image %.1f MB", filepath.Base(base), mega(len(p.Root)), mega(len(p.UKI)))
	if plain {
		fmt.Println()
		return nil
	}
	if out, err := exec.Command("xz", "-T1", "--lzma2=preset=6,dict=64MiB", "-k", "-f", base+".img").CombinedOutput(); err != nil {
		return fmt.Errorf("xz: %w: %s", err, out)
	}
	st, err := os.Stat(base + ".img.xz")
	if err != nil {
		return err
	}
	fmt.Printf(", disk compressed %.1f MB (limit %d)\n", mega(int(st.Size())), limits[p.Arch])
	if mega(int(st.Size())) > float64(limits[p.Arch]) {
		return fmt.Errorf("%s.img.xz is over %d MB", base, limits[p.Arch])
	}
	return nil
}

// limits are how large a compressed disk may be, in MB.
var limits = map[string]int{"amd64": 32, "arm64": 40}

func mega(n int) float64 { return float64(n) / 1e6 }

// bundle makes the bundle, if somebody signs it.
func bundle(p *build.Parts, path string, signers []signature.Private) error {
	if len(signers) == 0 {
		return nil
	}
	var b bytes.Buffer
	r := image.Release{Compatible: "holdfast-" + p.Arch, Arch: p.Arch, MinVersion: image.Version(p.MinVersion)}
	if _, err := image.Make(&b, r, []image.Content{{Name: image.RootPart, Data: p.Root}, {Name: image.KernelPart, Data: p.UKI}}, signers); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

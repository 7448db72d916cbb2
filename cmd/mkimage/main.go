// Command mkimage makes the image of a box for one architecture.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"holdfast/image/build"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func run() error {
	var o build.Options
	out := flag.String("o", "dist", "folder for what is made")
	flag.StringVar(&o.Arch, "arch", "amd64", "amd64 or arm64")
	flag.StringVar(&o.Version, "version", "0.0.1", "version of the image")
	flag.StringVar(&o.Cache, "cache", "", "folder for packages")
	flag.StringVar(&o.Program, "program", "", "the static program for the architecture")
	flag.StringVar(&o.Early, "early", "", "the first program for the architecture")
	flag.StringVar(&o.Append, "append", "", "more for the kernel's command line")
	flag.Parse()
	o.Epoch, _ = strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	p, err := build.Make(context.Background(), o)
	if err != nil {
		return err
	}
	base := filepath.Join(*out, fmt.Sprintf("holdfast-%s-%s", o.Version, o.Arch))
	if err := p.Disk(context.Background(), base+".img"); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{".root", p.Root}, {".efi", p.UKI}, {".vmlinuz", p.Kernel}, {".initrd", p.Initrd}, {".cmdline", []byte(p.Line)}} {
		if err := os.WriteFile(base+f.name, f.data, 0o644); err != nil {
			return err
		}
	}
	if out, err := exec.Command("xz", "-T1", "-6", "--lzma2=preset=6,dict=64MiB", "-k", "-f", base+".img").CombinedOutput(); err != nil {
		return fmt.Errorf("xz: %w: %s", err, out)
	}
	st, err := os.Stat(base + ".img.xz")
	if err != nil {
		return err
	}
	fmt.Printf("%s.img.xz: %.1f MB; root %.1f MB, kernel image %.1f MB\n", base, float64(st.Size())/1e6, float64(len(p.Root))/1e6, float64(len(p.UKI))/1e6)
	return nil
}

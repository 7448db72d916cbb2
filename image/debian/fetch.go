// Package debian makes files out of Debian's packages, for any architecture,
// without root, a chroot or emulation: apt fetches them into a folder of its
// own, and no maintainer script runs.
package debian

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Suite is the release that images are made of.
const Suite = "bookworm"

// sources is where packages come from. Who has a mirror sets HOLDFAST_MIRROR.
func sources() string {
	mirror := "http://deb.debian.org/debian"
	if m := os.Getenv("HOLDFAST_MIRROR"); m != "" {
		mirror = m
	}
	const key = "/usr/share/keyrings/debian-archive-keyring.gpg"
	return fmt.Sprintf("deb [signed-by=%s] %s %s main\ndeb [signed-by=%s] %s %s-updates main\ndeb [signed-by=%s] %s-security %s-security main\n",
		key, mirror, Suite, key, mirror, Suite, key, mirror, Suite)
}

// Fetch has apt put packages, and what they depend on, into a folder, which it
// may have been used for before. It gives the paths of the packages, in order.
func Fetch(ctx context.Context, dir, arch string, packages []string) ([]string, error) {
	apt := filepath.Join(dir, "apt")
	for _, sub := range []string{"lists/partial", "cache/archives/partial", "empty"} {
		if err := os.MkdirAll(filepath.Join(apt, sub), 0o755); err != nil {
			return nil, err
		}
	}
	for name, text := range map[string]string{"status": "", "sources.list": sources()} {
		if err := os.WriteFile(filepath.Join(apt, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	o := options(apt, arch)
	if _, err := run(ctx, "apt-get", append(o, "update")...); err != nil {
		return nil, err
	}
	install := slices.Concat(o, []string{"--yes", "--download-only", "install"}, packages)
	if _, err := run(ctx, "apt-get", install...); err != nil {
		return nil, err
	}
	uris, err := run(ctx, "apt-get", slices.Concat(o, []string{"--print-uris", "-o", "Dir::Cache::archives=" + filepath.Join(apt, "empty")}, install[len(o):])...)
	if err != nil {
		return nil, err
	}
	return wanted(string(uris), filepath.Join(apt, "cache/archives"))
}

// wanted are the files that apt's list of addresses is of: the folder may have
// older ones too. A line is 'URI' NAME SIZE DIGEST.
func wanted(list, dir string) (paths []string, err error) {
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		if len(fields) < 3 || !strings.HasPrefix(fields[0], "'") {
			continue
		}
		path := filepath.Join(dir, fields[1])
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("apt lists no packages:\n%s", list)
	}
	slices.Sort(paths)
	return paths, nil
}

// options have apt know nothing of this machine.
func options(apt, arch string) (o []string) {
	for _, s := range []string{
		"Dir::State=" + apt, "Dir::State::status=" + apt + "/status", "Dir::State::lists=" + apt + "/lists", "Dir::Cache=" + apt + "/cache",
		"Dir::Etc::sourcelist=" + apt + "/sources.list", "Dir::Etc::sourceparts=/dev/null", "Dir::Etc::main=/dev/null", "Dir::Etc::parts=/dev/null",
		"APT::Architecture=" + arch, "APT::Architectures=" + arch, "APT::Install-Recommends=0", "APT::Sandbox::User=root", "Debug::NoLocking=1", "Acquire::Languages=none",
	} {
		o = append(o, "-o", s)
	}
	return o
}

func run(ctx context.Context, name string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(errs.String()))
	}
	return out, nil
}

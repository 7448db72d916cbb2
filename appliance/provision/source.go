package provision

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// Source is a place where bundles may be, besides the drop folder. They are asked
// in the order of Sources, and the first that has one which the box takes wins.
type Source struct {
	Name string // of its folder among what is dropped: "from-" and this
	Find func(context.Context) ([]Candidate, error)
	// Answer writes the result back to where the bundles were; nil: it can't be.
	Answer func(name string, text []byte) error
	// Done takes bundles away on which the daemon has decided; nil: they stay, and
	// whoever put them there takes them away.
	Done func() error
}

// Credentials is the source of what systemd hands to a unit in a folder: out of
// SMBIOS or qemu's fw_cfg. holdfast.bundle is an archive, or one in base64;
// holdfast.conf a configuration alone. root is "/", or a folder that tests fill.
func Credentials(root, folder string) Source {
	return Source{Name: "credential", Find: func(context.Context) (all []Candidate, err error) {
		b, err := credential(root, folder, "holdfast.bundle")
		if err != nil {
			return nil, err
		}
		if b != nil {
			c := Candidate{Name: "holdfast.bundle"}
			c.Bundle, c.Err = ReadTar(c.Name, bytes.NewReader(unbase64(b)))
			all = append(all, c)
		}
		b, err = credential(root, folder, "holdfast.conf")
		if b != nil {
			all = append(all, Candidate{Name: "holdfast.conf", Bundle: Plain("holdfast.conf", b)})
		}
		return all, err
	}}
}

// credential is one of a name; nil: there is none. SMBIOS is read first, and here:
// Debian 12's systemd reads 4096 octets of it, and takes what is cut for whole.
func credential(root, folder, name string) ([]byte, error) {
	if b := oem(root, name); b != nil || folder == "" {
		return b, nil
	}
	b, err := os.ReadFile(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// oem is a credential among SMBIOS's OEM strings, which stand behind the five octets
// of a structure of type 11; nil: it is not there.
func oem(root, name string) []byte {
	files, _ := filepath.Glob(filepath.Join(root, "sys/firmware/dmi/entries/11-*/raw"))
	for _, file := range files {
		raw, _ := os.ReadFile(file)
		for _, s := range bytes.Split(raw[min(5, len(raw)):], []byte{0}) {
			if v, ok := bytes.CutPrefix(s, []byte("io.systemd.credential:"+name+"=")); ok {
				return v
			}
			if v, ok := bytes.CutPrefix(s, []byte("io.systemd.credential.binary:"+name+"=")); ok {
				return unbase64(v)
			}
		}
	}
	return nil
}

// unbase64 is what base64 stands for, or the octets as they are.
func unbase64(b []byte) []byte {
	text := strings.Join(strings.Fields(string(b)), "")
	if plain, err := base64.StdEncoding.Strict().DecodeString(text); err == nil {
		return plain
	}
	return b
}

// Folder is the source of what lies in a folder, which need not be there: that of
// an image's ESP, which is a volume for whoever has flashed the disk. What was
// decided on is moved into a folder of it: nobody pulls this disk, and at the next
// boot it would take the place of a configuration that has come since.
func Folder(name, dir string, id Identity) Source {
	return Source{Name: name, Find: func(context.Context) ([]Candidate, error) {
		root, err := os.OpenRoot(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		defer root.Close()
		return Read(root.FS(), ".", id.keeps), nil
	}, Answer: func(name string, text []byte) error { return renameio.WriteFile(filepath.Join(dir, name), text, 0o644) },
		Done: func() error { return putAway(dir) }}
}

// putAway moves all that may be a bundle into the folder "done".
func putAway(dir string) error {
	const done = "done"
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	if err := root.MkdirAll(done, 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == done || isResult(e.Name()) {
			continue
		}
		to := path.Join(done, e.Name())
		if err := errors.Join(root.RemoveAll(to), root.Rename(e.Name(), to)); err != nil {
			return err
		}
	}
	return nil
}

// CommandLineWord is how the kernel's command line names a URL.
const CommandLineWord = "holdfast.provision"

// CommandLine is the source of the URL on the kernel's command line.
func CommandLine(line string, id Identity, f Fetcher) Source {
	return Source{Name: "url", Find: func(ctx context.Context) ([]Candidate, error) {
		for word := range strings.FieldsSeq(line) {
			if at, ok := strings.CutPrefix(word, CommandLineWord+"="); ok {
				return f.find(ctx, strings.Trim(at, `"`), id)
			}
		}
		return nil, nil
	}}
}

// find fetches what a URL stands for, which may name the box.
func (f Fetcher) find(ctx context.Context, at string, id Identity) ([]Candidate, error) {
	u, err := Expand(at, id)
	if err != nil {
		return nil, err
	}
	b, err := f.Fetch(ctx, u.String())
	if err != nil {
		return nil, err
	}
	c := Candidate{Name: path.Base(u.Path)}
	if path.Ext(u.Path) == ".conf" {
		c.Bundle = Plain(c.Name, b)
	} else {
		c.Bundle, c.Err = ReadTar(c.Name, bytes.NewReader(b))
	}
	return []Candidate{c}, nil
}

// Expand puts a box's identity into a URL: ${serial}, ${uuid} and ${mac}, the
// first one. What a URL can't hold is escaped.
func Expand(at string, id Identity) (*url.URL, error) {
	mac := ""
	if len(id.MACs) > 0 {
		mac = id.MACs[0]
	}
	for _, w := range [][2]string{{"${serial}", id.Serial}, {"${uuid}", id.UUID}, {"${mac}", mac}} {
		if strings.Contains(at, w[0]) && w[1] == "" {
			return nil, fmt.Errorf("%s: this box has no %s", at, strings.Trim(w[0], "${}"))
		}
		at = strings.ReplaceAll(at, w[0], url.PathEscape(w[1]))
	}
	u, err := url.Parse(at)
	switch {
	case err != nil:
		return nil, err
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, fmt.Errorf("want https://… or http://…, got %q", at)
	case u.User != nil:
		return nil, errors.New("a URL with a password in it is not fetched: everybody may read the kernel's command line")
	}
	return u, nil
}

// Lease is the source of the URL in a DHCP lease (RFC 2132 option 67, the boot
// file's name): in what dhclient keeps, and in what the kernel's or klibc's own
// DHCP left at the boot. systemd-networkd does not keep that option; from it, the
// private option 224 is taken. As long as a link of its asks for a lease one may
// come, which is waited for: waits is told, once.
func Lease(root string, id Identity, f Fetcher, waits func()) Source {
	return Source{Name: "dhcp", Find: func(ctx context.Context) ([]Candidate, error) {
		for n := 0; ; n++ {
			asks := asking(root) // before the leases: the last may come between
			if at := leaseURL(root); at != "" {
				return f.find(ctx, at, id)
			}
			if !asks {
				return nil, nil
			}
			if n == 0 {
				waits()
			}
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Second):
			}
		}
	}}
}

// asking says whether systemd-networkd asks DHCP for an address that it has not
// got yet. Its word "configured" says less: router advertisements are enough for it.
func asking(root string) bool {
	links, _ := filepath.Glob(filepath.Join(root, "run/systemd/netif/links/*"))
	for _, l := range links {
		if _, err := os.Stat(filepath.Join(root, "run/systemd/netif/leases", filepath.Base(l))); err == nil {
			continue
		}
		state, _ := os.ReadFile(l)
		for line := range strings.Lines(string(state)) {
			if file, ok := strings.CutPrefix(strings.TrimSpace(line), "NETWORK_FILE="); ok && wantsDHCP(filepath.Join(root, file)) {
				return true
			}
		}
	}
	return false
}

func wantsDHCP(path string) bool {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "DHCP="); ok {
			return slices.Contains([]string{"yes", "true", "on", "1", "ipv4"}, v)
		}
	}
	return false
}

// leaseURL is the first URL in the files of leases; "": there is none.
func leaseURL(root string) string {
	for _, l := range []struct {
		glob string
		read func(string) string
	}{
		{"run/systemd/netif/leases/*", networkd},
		{"var/lib/dhcp/dhclient*.leases", dhclient},
		{"run/net-*.conf", klibc},
	} {
		files, _ := filepath.Glob(filepath.Join(root, l.glob))
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil || len(b) > 1<<20 {
				continue
			}
			if at := l.read(string(b)); strings.HasPrefix(at, "https://") || strings.HasPrefix(at, "http://") {
				return at
			}
		}
	}
	return ""
}

// networkd reads OPTION_224=HEX.
func networkd(text string) string {
	for line := range strings.Lines(text) {
		if hex, ok := strings.CutPrefix(strings.TrimSpace(line), "OPTION_224="); ok {
			var b []byte
			if _, err := fmt.Sscanf(hex, "%x", &b); err == nil {
				return strings.TrimRight(string(b), "\x00")
			}
		}
	}
	return ""
}

// dhclient reads the last lease's bootfile-name, or filename of its header.
func dhclient(text string) (at string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSpace(line), ";")
		for _, word := range []string{"option bootfile-name ", "filename "} {
			if v, ok := strings.CutPrefix(line, word); ok {
				at = strings.Trim(v, `"`)
			}
		}
		if line == "lease {" {
			at = ""
		}
	}
	return at
}

// klibc reads a file of shell variables.
func klibc(text string) string {
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "filename="); ok {
			return strings.Trim(v, `'"`)
		}
	}
	return ""
}

// pause is how long the n-th try waits for the next.
func pause(n int) time.Duration { return min(time.Second<<min(n, 6), time.Minute) }

// Package units is the unit, sysusers, tmpfiles, udev, D-Bus and polkit files that
// we ship.
package units

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// Files are the files, by name.
//
//go:embed holdfast* 50-* 60-* 61-* org.holdfast.*
var Files embed.FS

// program is where the files say that our program is.
const program = "/usr/bin/holdfast"

// Names are the files that every box needs.
func Names() (names []string) {
	entries, err := fs.ReadDir(Files, ".")
	if err != nil {
		panic(err) // they are part of the program
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), Hardware) {
			names = append(names, e.Name())
		}
	}
	return names
}

// Hardware is the drop-in for a box that had better boot than try for ever.
const Hardware = "50-holdfast-hardware.conf"

// Path is where a file belongs, from the root on.
func Path(name string) string {
	stem := strings.TrimSuffix(name, path.Ext(name))
	switch path.Ext(name) {
	case ".sysusers":
		return "etc/sysusers.d/" + stem + ".conf"
	case ".tmpfiles":
		return "etc/tmpfiles.d/" + stem + ".conf"
	case ".policy":
		return "usr/share/polkit-1/actions/" + name
	case ".rules":
		if name == "60-holdfast.rules" {
			return "etc/polkit-1/rules.d/" + name
		}
		return "etc/udev/rules.d/" + name
	case ".conf":
		if name == Hardware {
			return "etc/systemd/system/holdfast.service.d/" + name
		}
		return "etc/dbus-1/system.d/" + name
	}
	return "etc/systemd/system/" + name
}

// Install writes files below a root, for a program that lies at exe, and gives
// their paths.
func Install(root, exe string, names []string) (paths []string, err error) {
	for _, name := range names {
		b, err := Files.ReadFile(name)
		if err != nil {
			return paths, err
		}
		text := strings.ReplaceAll(string(b), program, exe)
		to := filepath.Join(root, Path(name))
		if err := write(to, text); err != nil {
			return paths, fmt.Errorf("install %s: %w", name, err)
		}
		paths = append(paths, to)
	}
	return paths, nil
}

// write replaces a file as a whole: a unit that ends in the middle is another one.
func write(to, text string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(to, []byte(text), 0o644, renameio.IgnoreUmask())
}

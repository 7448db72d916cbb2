package rootfs

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed all:disk
var disk embed.FS

// verdict is the unit that keeps a version or has the box restarted.
const verdict = "holdfast-update-verdict.service"

// disk adds what a root wants that is read from a disk and is never written:
// /var is on the data partition, and /etc lies over the image's own.
func (r *Root) disk() error {
	sub, err := fs.Sub(disk, "disk")
	if err != nil {
		return err
	}
	if err := r.Copy("", sub); err != nil {
		return err
	}
	for unit, target := range map[string]string{"holdfast-data.service": "local-fs.target", "holdfast-keep.path": "multi-user.target", "holdfast-console.service": "multi-user.target"} {
		r.Symlink(fmt.Sprintf("etc/systemd/system/%s.wants/%s", target, unit), "/usr/lib/systemd/system/"+unit)
	}
	// The daemon asks for the verdict, so that no target waits for it; whoever wants
	// a boot to be complete does. The loader's own service would bless any version.
	r.Symlink("etc/systemd/system/holdfast.service.wants/"+verdict, "/usr/lib/systemd/system/"+verdict)
	r.Symlink("etc/systemd/system/boot-complete.target.requires/"+verdict, "/usr/lib/systemd/system/"+verdict)
	r.Symlink("etc/systemd/system/systemd-bless-boot.service", "/dev/null")
	delete(r.Tree, "var/run")
	delete(r.Tree, "var/tmp")
	delete(r.Tree, "var/lib")
	return nil
}

// release says what the image is, for people, boot loaders and updates.
func (r *Root) release(o Options) {
	text := "ID=holdfast\nNAME=Holdfast\nPRETTY_NAME=\"Holdfast " + o.Version + "\"\n"
	if o.Version != "" {
		text += "IMAGE_ID=holdfast\nIMAGE_VERSION=" + o.Version + "\nVERSION_ID=" + o.Version + "\n"
	}
	r.File("etc/os-release", 0o644, []byte(text))
	r.File("etc/holdfast-release.json", 0o644, fmt.Appendf(nil, "{\"compatible\": \"holdfast-%s\", \"version\": %q, \"arch\": %q}\n", o.Arch, o.Version, o.Arch))
}

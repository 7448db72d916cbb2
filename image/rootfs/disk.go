package rootfs

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"

	"holdfast/image"
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
	for unit, target := range map[string]string{"holdfast-data.service": "local-fs.target", "tmp.mount": "local-fs.target", "holdfast-keep.path": "multi-user.target", "holdfast-keep.service": "multi-user.target", "holdfast-console.service": "multi-user.target",
		"holdfast-update-scrub.timer": "timers.target"} {
		r.Symlink(fmt.Sprintf("etc/systemd/system/%s.wants/%s", target, unit), "/usr/lib/systemd/system/"+unit)
	}
	// The daemon asks for the verdict, so that no target waits for it; whoever wants
	// a boot to be complete does. The loader's own service would bless any version.
	r.Symlink("etc/systemd/system/holdfast.service.wants/"+verdict, "/usr/lib/systemd/system/"+verdict)
	r.Symlink("etc/systemd/system/boot-complete.target.requires/"+verdict, "/usr/lib/systemd/system/"+verdict)
	r.Symlink("etc/systemd/system/systemd-bless-boot.service", "/dev/null")
	// The manager's machine id lies below what lies over /etc: nobody could unmount it.
	r.File(`etc/systemd/system/etc-machine\x2did.mount.d/stays.conf`, 0o644, []byte("[Unit]\nDefaultDependencies=no\n"))
	for _, dir := range []string{"home", "srv", "root"} {
		r.Dir(dir, 0o755)
	}
	delete(r.Tree, "var/run")
	delete(r.Tree, "var/tmp")
	delete(r.Tree, "var/lib")
	return nil
}

// release says what the image is, for people, boot loaders and updates.
func (r *Root) release(o Options) error {
	text := "ID=holdfast\nNAME=Holdfast\nPRETTY_NAME=\"Holdfast " + o.Version + "\"\n"
	if o.Version != "" {
		text += "IMAGE_ID=holdfast\nIMAGE_VERSION=" + o.Version + "\nVERSION_ID=" + o.Version + "\n"
	}
	r.File("etc/os-release", 0o644, []byte(text))
	if o.Version == "" {
		return nil // a root of the lab
	}
	rel, err := json.Marshal(image.Release{Compatible: "holdfast-" + o.Arch, Version: image.Version(o.Version), Arch: o.Arch, MinVersion: image.Version(o.MinVersion)})
	if err != nil {
		return err
	}
	r.File(image.ReleaseFile, 0o644, append(rel, '\n'))
	for name, key := range o.Keys {
		r.File(path.Join(image.KeysFolder, name+".pub"), 0o644, []byte(key+"\n"))
	}
	return nil
}

// Package rootfs is the root of a box: which files of Debian's packages it has,
// what is configured, and our own program and units.
package rootfs

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"holdfast/image/debian"
	"holdfast/image/tree"
	"holdfast/systemd/units"
)

//go:embed files.txt
var files string

//go:embed polkit.txt
var polkit string

//go:embed all:overlay
var overlay embed.FS

// packages are what a root is picked of, with what they depend on; the kernel
// comes by the name of its architecture.
var packages = []string{"systemd", "systemd-sysv", "udev", "dbus", "polkitd", "kmod", "iproute2", "mount", "util-linux", "util-linux-extra", "login", "coreutils", "dash", "grep",
	"procps", "openssh-server", "systemd-boot-efi", "e2fsprogs", "dosfstools", "fdisk", "ca-certificates"}

// modules are the kernel's that a box may need before anybody can load more. A
// "?" is for what only some architectures have.
var modules = []string{
	// disks and their file systems
	"virtio_blk", "virtio_scsi", "virtio_pci?", "ahci?", "nvme?", "sd_mod", "usb_storage", "uas", "sdhci_pci?", "mmc_block", "xhci_pci?", "ehci_pci?", "xhci_plat_hcd?",
	"ext4", "crc32c_generic", "crc32c_intel?", "autofs4?", "squashfs", "vfat", "isofs", "loop", "overlay", "dm_verity", "nls_cp437", "nls_ascii", "nls_utf8", "qemu_fw_cfg?", "efivarfs?",
	// links
	"virtio_net", "e1000?", "e1000e?", "igb?", "igc?", "ixgbe?", "i40e?", "bnxt_en?", "tg3?", "r8169?", "mvneta?", "mvpp2?", "stmmac_platform?", "dwmac_generic?",
	"veth", "dummy", "8021q", "bonding", "bridge?", "vrf?",
	// watchdogs
	"i6300esb", "iTCO_wdt?", "sp5100_tco?", "softdog", "sbsa_gwdt?", "dw_wdt?", "imx2_wdt?", "ipmi_watchdog?", "wdat_wdt?",
	// entropy and time
	"virtio_rng",
}

// masked are units that can't do their work here: the root is not written, and
// nobody answers at a first boot; and some that nobody here has a use for, each of
// which takes its time at each boot.
var masked = []string{"systemd-remount-fs.service", "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service", "systemd-user-sessions.service",
	"systemd-repart.service", "systemd-firstboot.service", "systemd-hwdb-update.service", "systemd-machine-id-commit.service", "systemd-boot-system-token.service",
	"systemd-boot-update.service", "systemd-pcrphase.service", "systemd-pcrphase-sysinit.service", "systemd-pcrphase-initrd.service", "systemd-timesyncd.service", "ldconfig.service", "systemd-sysusers.service",
	"getty@tty1.service", "autovt@.service", "systemd-ask-password-wall.path", "systemd-ask-password-console.path", "systemd-resolved.service", "systemd-networkd-wait-online.service",
	"dpkg-db-backup.timer", "e2scrub_reap.service", "fstrim.timer", "systemd-oomd.service", "systemd-homed.service", "systemd-userdbd.socket", "quotaon.service", "systemd-quotacheck.service", "rc-local.service",
	"dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount", "sys-fs-fuse-connections.mount", "proc-sys-fs-binfmt_misc.automount",
	"modprobe@.service", "kmod-static-nodes.service", "systemd-tmpfiles-setup-dev.service", "systemd-binfmt.service"}

// enabled are units that are wanted at each boot, beside what static units want.
var enabled = []string{"systemd-networkd.service", "ssh.service", "holdfast.service", "holdfast-helper.socket", "holdfast-provision.service"}

// Options is what a root is made of.
type Options struct {
	Arch    string // amd64 or arm64
	Cache   string // a folder for packages, which the next build finds again
	Version string // of the image
	// MinVersion is the oldest version that boxes with this one take; "": any.
	MinVersion string
	Keys       map[string]string // who may sign bundles: public keys by a name
	Polkit     bool              // others than root are asked who they are
	Disk       bool              // the root is on a disk and is not written: what is, stands on the data partition
	Program    string            // the path of our static program for Arch; "": somebody puts it there later
	With       fs.FS             // what whoever builds the image lays over all else; nil: nothing
}

// Root is a root, and the kernel that goes with it.
type Root struct {
	tree.Tree
	Kernel   []byte
	Release  string // of the kernel
	All      tree.Tree
	Packages []string // NAME_VERSION_ARCH
}

// Build makes a root.
func Build(ctx context.Context, o Options) (*Root, error) {
	packed, err := debian.Fetch(ctx, o.Cache, o.Arch, append(packages, "linux-image-"+o.Arch))
	if err != nil {
		return nil, err
	}
	all, err := debian.Unpack(ctx, packed)
	if err != nil {
		return nil, err
	}
	list := files
	if o.Polkit {
		list += polkit
	}
	out, err := debian.Pick(all, list)
	if err != nil {
		return nil, fmt.Errorf("files.txt: %w", err)
	}
	r := &Root{Tree: out, All: all}
	for _, p := range packed {
		r.Packages = append(r.Packages, strings.TrimSuffix(path.Base(p), ".deb"))
	}
	if err := debian.Modules(ctx, all, out, modules); err != nil {
		return nil, err
	}
	if err := r.kernel(); err != nil {
		return nil, err
	}
	return r, r.own(o)
}

// kernel finds the kernel itself.
func (r *Root) kernel() error {
	for _, name := range r.All.Names() {
		if ok, _ := path.Match("boot/vmlinuz-*", name); ok {
			r.Kernel, r.Release = r.All[name].Data, name[len("boot/vmlinuz-"):]
			return nil
		}
	}
	return fmt.Errorf("no package has a kernel")
}

// own adds what is ours.
func (r *Root) own(o Options) error {
	if err := r.overlay(); err != nil {
		return err
	}
	if o.Program != "" {
		data, err := os.ReadFile(o.Program)
		if err != nil {
			return err
		}
		r.File("usr/bin/holdfast", 0o755, data)
	}
	if err := r.units(); err != nil {
		return err
	}
	for _, name := range masked {
		r.Symlink("etc/systemd/system/"+name, "/dev/null")
	}
	for _, name := range enabled {
		if err := r.enable(name); err != nil {
			return err
		}
	}
	if err := r.release(o); err != nil {
		return err
	}
	if o.Disk {
		if err := r.disk(); err != nil {
			return err
		}
	}
	if err := r.authorities(); err != nil {
		return err
	}
	r.Symlink("etc/systemd/system/default.target", "/lib/systemd/system/multi-user.target")
	r.Symlink("etc/systemd/system/dbus-org.freedesktop.network1.service", "/lib/systemd/system/systemd-networkd.service")
	for _, dir := range []string{"dev", "proc", "sys", "run", "var", "root", "mnt", "etc/holdfast", "var/lib", "boot", "efi"} {
		r.Dir(dir, 0o755)
	}
	r.Dir("tmp", 0o777|fs.ModeSticky)
	r.Symlink("var/run", "/run")
	r.Symlink("var/tmp", "/tmp")
	if o.With == nil {
		return nil
	}
	return r.Copy("", o.With)
}

// authorities puts the certificates that the package's script would put together
// where programs look for them: a bundle may come by https.
func (r *Root) authorities() error {
	var all []byte
	for _, name := range r.All.Names() {
		if ok, _ := path.Match("usr/share/ca-certificates/mozilla/*.crt", name); ok {
			all = append(all, r.All[name].Data...)
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("no package has certificates of authorities")
	}
	r.File("etc/ssl/certs/ca-certificates.crt", 0o644, all)
	return nil
}

// enable has a unit be wanted by whom it says, as "systemctl enable" does.
func (r *Root) enable(name string) error {
	for _, dir := range []string{"etc/systemd/system/", "usr/lib/systemd/system/"} {
		f := r.Tree[dir+name]
		if f == nil {
			continue
		}
		for line := range strings.Lines(string(f.Data)) {
			if targets, ok := strings.CutPrefix(line, "WantedBy="); ok {
				for _, t := range strings.Fields(targets) {
					r.Symlink("etc/systemd/system/"+t+".wants/"+name, "/"+dir+name)
				}
			}
		}
		return nil
	}
	return fmt.Errorf("there is no unit %s", name)
}

// units puts what we ship for the service manager where it belongs.
func (r *Root) units() error {
	for _, name := range append(units.Names(), units.Hardware) {
		data, err := units.Files.ReadFile(name)
		if err != nil {
			return err
		}
		r.File(units.Path(name), 0o644, data)
	}
	return nil
}

func (r *Root) overlay() error {
	sub, err := fs.Sub(overlay, "overlay")
	if err != nil {
		return err
	}
	if err := r.Copy("", sub); err != nil {
		return err
	}
	r.Tree["etc/shadow"].Mode = 0o600
	return nil
}

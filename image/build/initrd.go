package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"

	"holdfast/image/debian"
	"holdfast/image/rootfs"
	"holdfast/image/tree"
)

// Modules that have to be loaded before there is a root, in steps: the watchdog
// comes before anything that could hang, and of disks those that boxes have most.
var (
	dogModules  = []string{"i6300esb?", "iTCO_wdt?", "sp5100_tco?", "sbsa_gwdt?", "dw_wdt?", "imx2_wdt?", "wdat_wdt?"}
	diskModules = []string{"virtio_blk", "virtio_scsi", "virtio_pci?", "virtio_mmio?", "ahci?", "nvme?", "sd_mod", "usb_storage", "uas", "xhci_pci?", "ehci_pci?", "mmc_block",
		"sdhci_pci?", "sdhci_acpi?", "sdhci_iproc?"}
	rootModules = []string{"squashfs", "dm_verity", "sha256_generic?", "sha256_ssse3?", "sha256_arm64?", "sha2_ce?"}
	// To mark a version bad whose root is broken.
	espModules = []string{"vfat", "nls_cp437", "nls_ascii"}
)

// initrd is the first files of the kernel: our first program, and modules.
func (p *Parts) initrd(ctx context.Context, r *rootfs.Root) ([]byte, error) {
	t := tree.Tree{}
	program, err := os.ReadFile(p.Early)
	if err != nil {
		return nil, err
	}
	t.File("init", 0o755, program)
	t.File("etc/os-release", 0o644, r.Tree["etc/os-release"].Data)
	for _, dir := range []string{"dev", "proc", "sys", "run", "root", "efi"} {
		t.Dir(dir, 0o755)
	}
	for dir, names := range map[string][]string{"modules/watchdog": dogModules, "modules/disk": diskModules, "modules/root": rootModules, "modules/esp": espModules} {
		files, err := debian.InOrder(r.All, names)
		if err != nil {
			return nil, err
		}
		for i, f := range files {
			t.File(fmt.Sprintf("%s/%03d-%s.ko", dir, i, f.Name), 0o644, f.Data)
		}
	}
	var b, out bytes.Buffer
	if err := t.WriteCPIO(&b); err != nil {
		return nil, err
	}
	// The kernel knows no other check, and wants it in one block.
	preset := "9e"
	if p.Fast {
		preset = "0"
	}
	xz := exec.CommandContext(ctx, "xz", "--check=crc32", "--lzma2=preset="+preset+",dict=8MiB", "--threads=1", "--stdout")
	xz.Stdin, xz.Stdout = &b, &out
	if err := xz.Run(); err != nil {
		return nil, fmt.Errorf("xz: %w", err)
	}
	return out.Bytes(), nil
}

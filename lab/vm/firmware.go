package vm

import (
	"fmt"
	"os"
	"path/filepath"
)

// board is a kind of machine that boots an image through its firmware.
type board struct {
	qemu, machine string
	code, vars    string // of the firmware, and what it remembers at first; "": nothing
	cpu           string
	more          []string
}

var boards = map[string]board{
	"amd64": {qemu: "qemu-system-x86_64", machine: "q35", code: "/usr/share/OVMF/OVMF_CODE_4M.fd", vars: "/usr/share/OVMF/OVMF_VARS_4M.fd", cpu: "max"},
	// Its firmware starts only what Snakeoil has signed.
	"amd64-secure": {qemu: "qemu-system-x86_64", machine: "q35,smm=on", code: "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", vars: "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd", cpu: "max",
		more: []string{"-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"}},
	"arm64": {qemu: "qemu-system-aarch64", machine: "virt,gic-version=3", code: "/usr/share/AAVMF/AAVMF_CODE.fd", vars: "/usr/share/AAVMF/AAVMF_VARS.fd", cpu: "cortex-a57"},
	"uboot": {qemu: "qemu-system-aarch64", machine: "virt,gic-version=3", code: "/usr/lib/u-boot/qemu_arm64/u-boot.bin", cpu: "cortex-a57"},
}

// firmware is the arguments of an emulator for a machine that boots its first disk
// through firmware, with a memory of its own for what the firmware remembers.
func (m *Machine) firmware() []string {
	m.Helper()
	b := boards[m.Firmware]
	args := append([]string{"-machine", b.machine, "-cpu", b.cpu}, b.more...)
	if b.vars == "" {
		return append(args, "-bios", b.code)
	}
	vars := m.base + ".vars"
	if _, err := os.Stat(vars); err != nil {
		text, err := os.ReadFile(b.vars)
		if err == nil {
			err = os.WriteFile(vars, text, 0o644)
		}
		if err != nil {
			m.Fatalf("vm: %v", err)
		}
	}
	return append(args, "-drive", "if=pflash,format=raw,readonly=on,file="+b.code, "-drive", "if=pflash,format=raw,file="+vars)
}

// Overlay makes a disk that begins as another is, and gives its path; what is
// written goes to it alone.
func (m *Machine) overlay(of string) string {
	m.Helper()
	path := filepath.Join(m.Dir, m.Name+".disk")
	m.Lab.File(m.Name+".disk", "")
	src, err := os.Open(of)
	if err != nil {
		m.Fatalf("vm: %v", err)
	}
	defer src.Close()
	if err := sparse(path, src); err != nil {
		m.Fatalf("vm: %s: %v", path, err)
	}
	return path
}

// sparse copies a file and leaves its holes.
func sparse(path string, from *os.File) error {
	to, err := os.Create(path)
	if err != nil {
		return err
	}
	defer to.Close()
	st, err := from.Stat()
	if err != nil {
		return err
	}
	const data, hole = 3, 4 // SEEK_DATA, SEEK_HOLE
	for at := int64(0); at < st.Size(); {
		begin, err := from.Seek(at, data)
		if err != nil {
			break // nothing but a hole is left
		}
		end, err := from.Seek(begin, hole)
		if err != nil {
			return err
		}
		b := make([]byte, end-begin)
		if _, err := from.ReadAt(b, begin); err != nil {
			return fmt.Errorf("%s: %w", from.Name(), err)
		}
		if _, err := to.WriteAt(b, begin); err != nil {
			return err
		}
		at = end
	}
	return to.Truncate(st.Size())
}

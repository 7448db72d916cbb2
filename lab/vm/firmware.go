package vm

import (
	"fmt"
	"os"
	"path/filepath"
)

// board is a kind of machine that boots an image through its firmware.
type board struct {
	qemu, machine string
	code, vars    string // of the firmware
	serial        string
}

var boards = map[string]board{
	"amd64": {"qemu-system-x86_64", "q35", "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", "max"},
	"arm64": {"qemu-system-aarch64", "virt,gic-version=3", "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd", "cortex-a57"},
}

// arguments are those of an emulator for a machine that boots its first disk
// through firmware, with a memory of its own for what the firmware remembers.
func (m *Machine) firmware() []string {
	m.Helper()
	b := boards[m.Firmware]
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
	return []string{"-machine", b.machine, "-cpu", b.serial,
		"-drive", "if=pflash,format=raw,readonly=on,file=" + b.code, "-drive", "if=pflash,format=raw,file=" + vars}
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

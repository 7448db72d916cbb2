package boot

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// description is the name of our entry in the firmware's menu.
const description = "Holdfast"

// loadOption is what the firmware can start (UEFI 2.10, section 3.1.3,
// EFI_LOAD_OPTION).
type loadOption struct {
	Attributes  uint32
	Description string
	Path        []byte // device path, with its end
	Data        []byte // for what is started
}

// active is LOAD_OPTION_ACTIVE: it is tried by itself.
const active = 1

func (o loadOption) append(b []byte) []byte {
	b = le.AppendUint32(b, o.Attributes)
	b = le.AppendUint16(b, uint16(len(o.Path)))
	b = append(b, toUTF16(o.Description)...)
	return slices.Concat(b, o.Path, o.Data)
}

// parseLoadOption reads what append writes.
func parseLoadOption(b []byte) (o loadOption, err error) {
	if len(b) < 6 {
		return o, fmt.Errorf("want attributes and a length, got %d octets", len(b))
	}
	o.Attributes = le.Uint32(b)
	size := int(le.Uint16(b[4:]))
	b = b[6:]
	end := 0
	for end+1 < len(b) && le.Uint16(b[end:]) != 0 {
		end += 2
	}
	if end+2+size > len(b) {
		return o, fmt.Errorf("want a description and %d octets of a path, got %d octets", size, len(b))
	}
	o.Description = fromUTF16(b[:end])
	b = b[end+2:]
	o.Path, o.Data = b[:size], b[size:]
	return o, nil
}

// loaderPath is the device path of a file on a partition of a GPT disk (UEFI
// 2.10, sections 10.3.5.1 and 10.3.5.4).
func loaderPath(p partition, file string) []byte {
	b := []byte{4, 1, 42, 0}
	b = le.AppendUint32(b, p.Number)
	b = le.AppendUint64(b, p.Start)
	b = le.AppendUint64(b, p.Size)
	b = append(b, p.GUID[:]...)
	b = append(b, 2, 2) // a GPT, signed by a GUID
	name := toUTF16(file)
	b = append(b, 4, 4)
	b = le.AppendUint16(b, uint16(len(name)+4))
	b = append(b, name...)
	return append(b, 0x7f, 0xff, 4, 0)
}

// Enroll has the firmware start systemd-boot before anything else, by an entry
// of ours that is written when it is absent or wrong. An image that was just
// written to a disk has none: the firmware starts the version that is good. Its
// error says what the box does without.
func (b *SystemdBoot) Enroll() error {
	if err := b.enroll(); err != nil {
		return fmt.Errorf("the firmware has no entry for systemd-boot: %w: it goes on to start the version that was last marked good, and would not try another", err)
	}
	return nil
}

func (b *SystemdBoot) enroll() error {
	file := "systemd-boot" + architecture + suffix
	if _, err := os.Stat(b.path(esp + "/EFI/systemd/" + file)); err != nil {
		return err
	}
	p, err := b.partition()
	if err != nil {
		return err
	}
	number, err := b.bootNumber()
	if err != nil {
		return err
	}
	want := loadOption{Attributes: active, Description: description, Path: loaderPath(p, `\EFI\systemd\`+file)}.append(nil)
	if err := b.keep(bootName(number), want); err != nil {
		return err
	}
	order, err := b.variable("BootOrder", global)
	if err != nil {
		return err
	}
	first := le.AppendUint16(nil, number)
	for ; len(order) >= 2; order = order[2:] {
		if n := le.Uint16(order); n != number {
			first = le.AppendUint16(first, n)
		}
	}
	return b.keep("BootOrder", first)
}

func bootName(number uint16) string { return fmt.Sprintf("Boot%04X", number) }

// keep writes a variable unless it is so already: the firmware's memory wears
// out. What the firmware then says it has must be that.
func (b *SystemdBoot) keep(name string, value []byte) error {
	is, err := b.variable(name, global)
	if err != nil || bytes.Equal(is, value) {
		return err
	}
	if err := b.setVariable(name, global, value); err != nil {
		return err
	}
	if is, err = b.variable(name, global); err == nil && !bytes.Equal(is, value) {
		err = fmt.Errorf("variable %s: the firmware has not kept what was written", name)
	}
	return err
}

// bootNumber is that of our entry, or the first that is free.
func (b *SystemdBoot) bootNumber() (uint16, error) {
	files, err := os.ReadDir(b.path(efivars))
	if err != nil {
		return 0, err
	}
	taken := map[uint16]bool{}
	for _, f := range files {
		name, ours := strings.CutSuffix(f.Name(), "-"+global)
		digits, boot := strings.CutPrefix(name, "Boot")
		n, err := strconv.ParseUint(digits, 16, 16)
		if !ours || !boot || err != nil || len(digits) != 4 {
			continue
		}
		value, err := b.variable(name, global)
		if err != nil {
			return 0, err
		}
		if o, err := parseLoadOption(value); err == nil && o.Description == description {
			return uint16(n), nil
		}
		taken[uint16(n)] = true
	}
	for n := range 0x10000 {
		if !taken[uint16(n)] {
			return uint16(n), nil
		}
	}
	return 0, errors.New("all 65536 numbers of entries are taken")
}

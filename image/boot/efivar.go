package boot

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"
)

// Variables of the firmware, as files of efivarfs: NAME-VENDOR, with four octets
// of attributes before the value (UEFI 2.10, section 8.2).
const (
	efivars = "sys/firmware/efi/efivars"
	global  = "8be4df61-93ca-11d2-aa0d-00e098032b8c" // UEFI's own
	loader  = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f" // systemd's Boot Loader Interface
	kept    = 7                                      // NON_VOLATILE, BOOTSERVICE_ACCESS, RUNTIME_ACCESS
)

var le = binary.LittleEndian

func (b *SystemdBoot) variablePath(name, vendor string) string {
	return b.path(filepath.Join(efivars, name+"-"+vendor))
}

// variable reads a value; there is none if the variable does not exist.
func (b *SystemdBoot) variable(name, vendor string) ([]byte, error) {
	data, err := os.ReadFile(b.variablePath(name, vendor))
	if gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(data) < 4 {
		return nil, fmt.Errorf("variable %s: want attributes, got %d octets", name, len(data))
	}
	return data[4:], nil
}

// setVariable writes a value that the firmware keeps.
func (b *SystemdBoot) setVariable(name, vendor string, value []byte) error {
	if err := b.disk.SetVariable(b.variablePath(name, vendor), append(le.AppendUint32(nil, kept), value...)); err != nil {
		return fmt.Errorf("variable %s: %w", name, err)
	}
	return nil
}

// countedVersion is the version of which systemd-boot has counted a try since the
// box was reset; "" is that of none.
func (b *SystemdBoot) countedVersion() (string, error) {
	value, err := b.variable("LoaderBootCountPath", loader)
	if err != nil {
		return "", err
	}
	path := fromUTF16(value)
	k, _ := parseName(path[strings.LastIndexAny(path, `\/`)+1:])
	return k.version, nil
}

// once has systemd-boot choose a version that is to be tried, at the next boot
// only. It knows it by its file, whose tries it changes.
func (b *SystemdBoot) once(version string) error {
	return b.setVariable("LoaderEntryOneShot", loader, toUTF16(prefix+version+"+*"+suffix))
}

// toUTF16 is text as the firmware has it, with the zero at its end.
func toUTF16(s string) (b []byte) {
	for _, c := range append(utf16.Encode([]rune(s)), 0) {
		b = le.AppendUint16(b, c)
	}
	return b
}

// fromUTF16 reads until a zero, or the end.
func fromUTF16(b []byte) string {
	var s []uint16
	for ; len(b) >= 2; b = b[2:] {
		c := le.Uint16(b)
		if c == 0 {
			break
		}
		s = append(s, c)
	}
	return string(utf16.Decode(s))
}

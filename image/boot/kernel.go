package boot

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"holdfast/image/uki"
	"holdfast/image/versions"
)

// kernel is a file of EFI/Linux: holdfast_VERSION.efi,
// holdfast_VERSION+LEFT.efi or holdfast_VERSION+LEFT-DONE.efi.
type kernel struct {
	name    string
	version string
	counted bool
	left    int // tries, if counted
	program bool
	why     string // it is bad
}

// parseName reads the name of a file; ok is false for one that is not ours.
func parseName(name string) (k kernel, ok bool) {
	s, ours := strings.CutPrefix(name, prefix)
	s, efi := strings.CutSuffix(s, suffix)
	version, tries, counted := strings.Cut(s, "+")
	k = kernel{name: name, version: version, counted: counted}
	if !ours || !efi || versions.Check(version) != nil {
		return k, false
	}
	if counted {
		left, done, tried := strings.Cut(tries, "-")
		n, err := strconv.ParseUint(left, 10, 16)
		if _, bad := strconv.ParseUint(done, 10, 16); err != nil || tried && bad != nil {
			return k, false
		}
		k.left = int(n)
	}
	return k, true
}

// readHead reads a file's first sector, or as much as there is.
func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, sector)
	n, _ := f.ReadAt(head, 0)
	return head[:n], nil
}

// reason is what a mark says; "" if a power cut has left anything else in its
// place.
func reason(head []byte) string {
	s := strings.TrimSpace(string(head))
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return ""
	}
	return s
}

// mark is what reason reads.
func mark(why string) []byte {
	why = strings.Join(strings.Fields(why), " ")
	return []byte(strings.ToValidUTF8(why[:min(len(why), sector)], ""))
}

func goodKernel(list []kernel, version string) (kernel, bool) {
	i := slices.IndexFunc(list, func(k kernel) bool { return k.version == version && !k.counted && k.program })
	if i < 0 {
		return kernel{}, false
	}
	return list[i], true
}

// appendEntry appends what the files of a version say; those of one whose
// installation was cut off say nothing.
func appendEntry(entries []Entry, list []kernel, version string, onTrial bool) []Entry {
	e := Entry{Version: version}
	known := false
	for _, k := range list {
		if k.version != version || e.State == Good {
			continue
		}
		spent := k.counted && k.left == 0
		switch {
		case k.program && !k.counted:
			e.State, e.TriesLeft, e.Why, known = Good, 0, "", true
		case k.program && (!spent || onTrial):
			e.State, e.TriesLeft, known = Trying, k.left, true
		case spent:
			e.Why, known = cmp.Or(e.Why, k.why), true
		}
	}
	if !known {
		return entries
	}
	return append(entries, e)
}

// checkKernel refuses what some firmware would stop at for good.
func checkKernel(data []byte, version string) error {
	parts, err := uki.Sections(data)
	if err == nil {
		err = uki.Whole(data)
	}
	if err != nil {
		return fmt.Errorf("its kernel image %w", err)
	}
	i := slices.IndexFunc(parts, func(s uki.Section) bool { return s.Name == ".linux" })
	if i < 0 || len(data) < sector {
		return errors.New("its kernel image has no kernel (section .linux)")
	}
	if v := kernelVersion(data); v != "" && v != version {
		return fmt.Errorf("its kernel image is of version %s", v)
	}
	return nil
}

// kernelVersion is what a kernel image says of itself; "" is nothing.
func kernelVersion(data []byte) string {
	parts, _ := uki.Sections(data)
	for _, s := range parts {
		if s.Name == ".osrel" {
			return imageVersion(s.Data)
		}
	}
	return ""
}

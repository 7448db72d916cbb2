// Package versions is what versions of images are: which texts are one, and which
// one is newer.
package versions

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of a version.
const (
	maxNumbers = 6
	maxDigits  = 9
)

// Check refuses what is not numbers with dots between, "1.12.0" or "20261124".
// Equal versions are equal texts, and each is part of names of files as it is.
func Check(s string) error {
	words := strings.Split(s, ".")
	bad := len(words) > maxNumbers || slices.ContainsFunc(words, func(w string) bool {
		n, err := strconv.ParseUint(w, 10, 32)
		return err != nil || len(w) > maxDigits || strconv.FormatUint(n, 10) != w
	})
	if bad {
		return fmt.Errorf("want up to %d numbers with dots between, as 1.12.0, got %q", maxNumbers, s)
	}
	return nil
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// Compare is negative if a is older than b, 0 if they are the same, and positive
// if it is newer: as systemd-boot orders versions, and names of files that have
// one (UAPI group, "Version Format Specification"). Numbers are compared as
// numbers, and of 1.2 and 1.2.0 the longer is newer.
func Compare(a, b string) int {
	for {
		a, b = trimOther(a), trimOther(b)
		if c, done := bySeparator(&a, &b); done {
			return c
		}
		part := isLetter
		if digitAt(a) || digitAt(b) {
			part = isDigit
		}
		x, y := span(&a, part), span(&b, part)
		if digitAt(x) || digitAt(y) {
			if x == "" || y == "" {
				return cmp.Compare(len(x), len(y))
			}
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if c := cmp.Compare(len(x), len(y)); c != 0 {
				return c
			}
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
}

// bySeparator looks at an end, and at what stands between the numbers and words
// of two versions: "~" makes a version older than its beginning, anything else
// newer.
func bySeparator(a, b *string) (result int, done bool) {
	for _, sep := range "~-^." {
		if sep == '-' && (*a == "" || *b == "") {
			return cmp.Compare(len(*a), len(*b)), true
		}
		x, y := strings.HasPrefix(*a, string(sep)), strings.HasPrefix(*b, string(sep))
		switch {
		case x && y:
			*a, *b = (*a)[1:], (*b)[1:]
		case x:
			return -1, true
		case y:
			return 1, true
		}
	}
	return 0, false
}

// trimOther takes away what no version is compared by.
func trimOther(s string) string {
	return strings.TrimLeftFunc(s, func(r rune) bool {
		return r > 0x7f || !isDigit(byte(r)) && !isLetter(byte(r)) && !strings.ContainsRune("~-^.", r)
	})
}

func digitAt(s string) bool { return s != "" && isDigit(s[0]) }

// span takes the first characters of a kind.
func span(s *string, kind func(byte) bool) string {
	n := 0
	for n < len(*s) && kind((*s)[n]) {
		n++
	}
	part := (*s)[:n]
	*s = (*s)[n:]
	return part
}

package boot

import (
	"cmp"
	"fmt"
	"strings"
)

// checkVersion refuses what a file name of a boot loader can't say: "+" begins
// the tries.
func checkVersion(v string) error {
	ok := v != "" && len(v) <= 64 && isDigit(v[0])
	for i := range len(v) {
		ok = ok && (isDigit(v[i]) || isLetter(v[i]) || strings.IndexByte(".~^-", v[i]) >= 0)
	}
	if !ok {
		return fmt.Errorf(`want a version like "2.0.1", got %q`, v)
	}
	return nil
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// compareVersions orders versions as systemd-boot does, the older first (UAPI
// group, "Version Format Specification").
func compareVersions(a, b string) int {
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

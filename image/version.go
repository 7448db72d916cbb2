package image

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Version is that of an image: numbers with dots between, "1.12.0" or
// "20261124". It only grows. Equal versions are equal texts, and it is part of
// names of files as it is.
type Version string

// Limits of a version.
const (
	maxNumbers = 6
	maxDigits  = 9
)

// ParseVersion reads a version.
func ParseVersion(s string) (Version, error) {
	words := strings.Split(s, ".")
	bad := len(words) > maxNumbers || slices.ContainsFunc(words, func(w string) bool {
		n, err := strconv.ParseUint(w, 10, 32)
		return err != nil || len(w) > maxDigits || strconv.FormatUint(n, 10) != w
	})
	if bad {
		return "", fmt.Errorf("want up to %d numbers with dots between, as 1.12.0, got %q", maxNumbers, s)
	}
	return Version(s), nil
}

// Compare is negative if v is older than w, 0 if they are the same, and positive
// if it is newer. Numbers are compared as numbers, and of 1.2 and 1.2.0 the
// longer is newer: as boot loaders sort (UAPI group, Version Format).
func (v Version) Compare(w Version) int {
	return slices.CompareFunc(strings.Split(string(v), "."), strings.Split(string(w), "."), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) // no number begins with 0
	})
}

// UnmarshalText reads a version out of JSON.
func (v *Version) UnmarshalText(b []byte) (err error) {
	*v, err = ParseVersion(string(b))
	return err
}

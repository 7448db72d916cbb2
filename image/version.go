package image

import "holdfast/image/versions"

// Version is that of an image: numbers with dots between, "1.12.0" or
// "20261124". It only grows.
type Version string

// ParseVersion reads a version.
func ParseVersion(s string) (Version, error) {
	if err := versions.Check(s); err != nil {
		return "", err
	}
	return Version(s), nil
}

// Compare is negative if v is older than w, 0 if they are the same, and positive
// if it is newer.
func (v Version) Compare(w Version) int { return versions.Compare(string(v), string(w)) }

// UnmarshalText reads a version out of JSON.
func (v *Version) UnmarshalText(b []byte) (err error) {
	*v, err = ParseVersion(string(b))
	return err
}

// Package generation is the configurations that a box has had: the last good ones
// and one that is being tried, each whole, on disk, through a power cut.
package generation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// File is one of a generation's.
type File struct {
	Data []byte
	Run  bool // it may be executed
}

// Files are those of a generation, by their path from its folder. A key that was
// read from somewhere else has the path that the configuration names.
type Files map[string]File

// Digest is a SHA-256 of names, contents and what may be executed, in hex.
func (f Files) Digest() string {
	h := sha256.New()
	part := func(b []byte) {
		_ = binary.Write(h, binary.BigEndian, uint64(len(b)))
		h.Write(b)
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		part([]byte(name))
		part(f[name].Data)
		part(fmt.Append(nil, f[name].Run))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Configurations are the names of the files that are read as one configuration:
// all *.conf of the folder itself, in the order of their names.
func (f Files) Configurations() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if strings.HasSuffix(name, ".conf") && path.Base(name) == name {
			names = append(names, name)
		}
	}
	return names
}

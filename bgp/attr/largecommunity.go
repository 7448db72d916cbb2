package attr

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// RFC 8092.
var largeCommunityRow = row{
	name: "large-community", flags: Optional | Transitive, bad: Withdraw,
	check: itemsOf(12), keep: keepLarge, text: textLarge,
	json: func(b []byte, v string) []byte {
		return jsonList(b, v, 12, func(b []byte, v string) []byte { return jsonNumbers(b, v, 4) })
	},
}

// keepLarge leaves out what is there already (RFC 8092 section 5).
func keepLarge(_ *Block, into *Builder, flags uint8, v []byte) {
	if !repeats(v) {
		into.Put(LargeCommunity, flags, v)
		return
	}
	seen, once := map[[12]byte]bool{}, make([]byte, 0, len(v))
	for ; len(v) >= 12; v = v[12:] {
		if c := [12]byte(v); !seen[c] {
			seen[c] = true
			once = append(once, c[:]...)
		}
	}
	into.Put(LargeCommunity, flags, once)
}

// repeats says whether one may be there twice: of a long list nobody knows.
func repeats(v []byte) bool {
	const few = 16
	if len(v) > 12*few {
		return true
	}
	for i := 12; i < len(v); i += 12 {
		for j := 0; j < i; j += 12 {
			if [12]byte(v[i:]) == [12]byte(v[j:]) {
				return true
			}
		}
	}
	return false
}

// parseLarge reads "65000:1:2" (RFC 8092).
func parseLarge(s string) (v [3]uint32, err error) {
	parts := strings.Split(s, ":")
	for i := range v {
		var n uint64
		if len(parts) == 3 {
			n, err = strconv.ParseUint(parts[i], 10, 32)
		}
		if len(parts) != 3 || err != nil {
			return v, fmt.Errorf("want a large community like 65000:1:2, got %q", s)
		}
		v[i] = uint32(n)
	}
	return v, nil
}

func large(d *Draft, s string) error {
	v, err := parseLarge(s)
	if err != nil {
		return err
	}
	b := make([]byte, 0, 12)
	for _, n := range v {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return d.add(b...)
}

func textLarge(b []byte, v string) []byte { return textList(b, v, 12, textLargeOne) }

func textLargeOne(b []byte, v string) []byte {
	for i := range 3 {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(asAt(v, 4*i)), 10)
	}
	return b
}

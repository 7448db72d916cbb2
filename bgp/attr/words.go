package attr

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/bgp"
)

// originWords are the words of ORIGIN, by value.
var originWords = [...]string{OriginIGP: "igp", OriginEGP: "egp", OriginIncomplete: "incomplete"}

// ParseOrigin reads "igp", "egp" or "incomplete", in whatever case: ExaBGP's manual
// writes them in capitals.
func ParseOrigin(s string) (byte, error) {
	if i := slices.Index(originWords[:], strings.ToLower(s)); i >= 0 {
		return byte(i), nil
	}
	return 0, fmt.Errorf("want igp, egp or incomplete, got %q", s)
}

// Limits of a segment and of a path, the latter so that it fits an attribute.
const (
	segmentMax = 255 // AS numbers; the count is one octet (RFC 4271 section 4.3)
	listMax    = 60000
)

// ParseAggregator reads "ASN:ADDRESS", in four octets and four.
func ParseAggregator(s string) ([]byte, error) {
	left, right, _ := strings.Cut(s, ":")
	as, err := bgp.ParseASN(left)
	ip, err2 := netip.ParseAddr(right)
	if err != nil || err2 != nil || as == 0 || !ip.Is4() { // AS 0: RFC 7607
		return nil, fmt.Errorf("want ASN:ADDRESS like 65000:192.0.2.1, got %q", s)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(as)), ip.AsSlice()...), nil
}

// communityWords are the well-known communities (IANA registry).
var communityWords = map[string]uint32{
	"graceful-shutdown": 0xffff0000,
	"accept-own":        0xffff0001,

	"route-filter-translated-v4": 0xffff0002,
	"route-filter-v4":            0xffff0003,
	"route-filter-translated-v6": 0xffff0004,
	"route-filter-v6":            0xffff0005,

	"llgr-stale":          0xffff0006,
	"no-llgr":             0xffff0007,
	"accept-own-nexthop":  0xffff0008,
	"standby-pe":          0xffff0009,
	"blackhole":           0xffff029a,
	"no-export":           0xffffff01,
	"no-advertise":        0xffffff02,
	"no-export-subconfed": 0xffffff03,
	"nopeer":              0xffffff04,
	"no-peer":             0xffffff04,
}

// communityNames is the other way round.
var communityNames = func() map[uint32]string {
	m := make(map[uint32]string, len(communityWords))
	for w, v := range communityWords {
		if w != "no-peer" {
			m[v] = w
		}
	}
	return m
}()

// ParseCommunity reads "65000:1", a well-known name, also as the registry spells
// it ("NO_EXPORT"), or "0xFDE80001".
func ParseCommunity(s string) (uint32, error) {
	if v, ok := communityWords[strings.ReplaceAll(strings.ToLower(s), "_", "-")]; ok {
		return v, nil
	}
	if h, ok := strings.CutPrefix(s, "0x"); ok {
		if v, err := strconv.ParseUint(h, 16, 32); err == nil {
			return uint32(v), nil
		}
	}
	if v, err := strconv.ParseUint(s, 10, 32); err == nil { // as one number
		return uint32(v), nil
	}
	left, right, _ := strings.Cut(s, ":")
	hi, err := strconv.ParseUint(left, 10, 16)
	lo, err2 := strconv.ParseUint(right, 10, 16)
	if err != nil || err2 != nil {
		return 0, fmt.Errorf("want a community like 65000:1, no-export or 0xFDE80001, got %q", s)
	}
	return uint32(hi<<16 | lo), nil
}

// ParseLarge reads "65000:1:2" (RFC 8092).
func ParseLarge(s string) (v [3]uint32, err error) {
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

// ParseHex reads "0x" and pairs of digits.
func ParseHex(s string) ([]byte, error) {
	h, ok := strings.CutPrefix(strings.ToLower(s), "0x")
	b, err := hex.DecodeString(h)
	if !ok || err != nil {
		return nil, fmt.Errorf("want octets like 0x00FF, got %q", s)
	}
	return b, nil
}

// sorted puts the items of a list of equal sizes in order, each once: ExaBGP
// sends them so, and equal sets are then equal octets.
func sorted(list []byte, size int) []byte {
	items := make([]string, 0, len(list)/size)
	for ; len(list) >= size; list = list[size:] {
		items = append(items, string(list[:size]))
	}
	slices.Sort(items)
	return []byte(strings.Join(slices.Compact(items), ""))
}

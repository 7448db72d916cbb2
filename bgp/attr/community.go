package attr

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// RFC 1997.
var communityRow = row{
	name: "community", flags: Optional | Transitive, bad: Withdraw,
	check: itemsOf(4), text: textCommunities,
	json: func(b []byte, v string) []byte { return jsonList(b, v, 4, jsonCommunity) },
}

func jsonCommunity(b []byte, v string) []byte {
	return jsonNumbers(b, v, 2)
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

// parseCommunity reads "65000:1", a well-known name, also as the registry spells
// it ("NO_EXPORT"), or "0xFDE80001".
func parseCommunity(s string) (uint32, error) {
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

func community(d *Draft, s string) error {
	v, err := parseCommunity(s)
	if err != nil {
		return err
	}
	return d.add(binary.BigEndian.AppendUint32(nil, v)...)
}

func textCommunities(b []byte, v string) []byte { return textList(b, v, 4, textCommunity) }

func textCommunity(b []byte, v string) []byte {
	n := binary.BigEndian.Uint32([]byte(v))
	if name, ok := communityNames[n]; ok {
		return append(b, name...)
	}
	b = strconv.AppendUint(b, uint64(n>>16), 10)
	return strconv.AppendUint(append(b, ':'), uint64(n&0xffff), 10)
}

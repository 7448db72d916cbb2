package attr

import (
	"errors"
	"fmt"
)

// generic takes the code, the flags, and then the value.
func generic(d *Draft, s string) error {
	b, err := parseHex(s)
	if err != nil {
		return err
	}
	if d.count < 2 && len(b) != 1 {
		return fmt.Errorf("want one octet like 0x20, got %q", s)
	}
	if d.count == 3 {
		return fmt.Errorf("want no more than code, flags and value, got %q", s)
	}
	return d.add(b...)
}

func endGeneric(d *Draft) error {
	if d.count != 3 {
		return errors.New("want code, flags and value like [ 0x20 0xC0 0x000000010000000200000003 ]")
	}
	code, flags, value := d.list[0], d.list[1], d.list[2:]
	if err := checkGeneric(code, value); err != nil {
		return fmt.Errorf("code 0x%02X: %w", code, err)
	}
	if size := itemSizes[code]; size > 0 {
		value = sorted(value, size)
	}
	d.Put(code, flags, value)
	return nil
}

// itemSizes is the size of one item of the attributes that are sorted lists.
var itemSizes = map[uint8]int{Community: 4, ExtCommunity: 8, IPv6Community: 20, LargeCommunity: 12}

// checkGeneric refuses octets that no peer could read, and attributes that are
// made for each peer.
func checkGeneric(code uint8, value []byte) error {
	switch code {
	case MPReach, MPUnreach, AS4Path, AS4Aggregator:
		return errors.New("is made for each peer; want next-hop, as-path or aggregator in words")
	}
	if check := table[code].check; check != nil {
		if f := check(value, Source{ASN4: true, Own: true}); f != nil {
			return errors.New(f.reason)
		}
	}
	return nil
}

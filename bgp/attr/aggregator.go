package attr

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/bgp"
)

var aggregatorRow = row{
	name: "aggregator", flags: Optional | Transitive, bad: Discard,
	check: checkAggregator, keep: keepAggregator,
	text: textAggregator, json: jsonAggregator,
}

func checkAggregator(v []byte, from Source) *fault {
	if from.ASN4 {
		return checkAggregatorSize(v, 8, from)
	}
	return checkAggregatorSize(v, 6, from)
}

// checkAggregatorSize wants size octets, of which the last four are an address
// and the others an AS number, not 0 (RFC 7607).
func checkAggregatorSize(v []byte, size int, from Source) *fault {
	if len(v) != size {
		return &fault{LengthError, 0, fmt.Sprintf("want %d octets, got %d", size, len(v))}
	}
	for _, o := range v[:size-4] {
		if o != 0 || from.Own {
			return nil
		}
	}
	return &fault{OptionalError, 0, "AS number 0"}
}

// keepAggregator puts it with four octets for the AS number.
func keepAggregator(_ *Block, into *Builder, flags uint8, v []byte) {
	into.begin(Aggregator, flags)
	if len(v) == 6 {
		into.buf = append(into.buf, 0, 0)
	}
	into.buf = append(into.buf, v...)
	into.end()
}

func jsonAggregator(b []byte, v string) []byte {
	return append(appendAggregator(append(b, '"'), v), '"')
}

// appendAggregator appends "ASN:ADDRESS".
func appendAggregator(b []byte, v string) []byte {
	b = strconv.AppendUint(b, uint64(asAt(v, 0)), 10)
	return textDotted(append(b, ':'), v[4:])
}

func textAggregator(b []byte, v string) []byte {
	b = append(b, " ( "...)
	return append(appendAggregator(b, v), " )"...)
}

// parseAggregator reads "ASN:ADDRESS", in four octets and four.
func parseAggregator(s string) ([]byte, error) {
	left, right, _ := strings.Cut(s, ":")
	as, err := bgp.ParseASN(left)
	ip, err2 := netip.ParseAddr(right)
	if err != nil || err2 != nil || as == 0 || !ip.Is4() { // AS 0: RFC 7607
		return nil, fmt.Errorf("want ASN:ADDRESS like 65000:192.0.2.1, got %q", s)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(as)), ip.AsSlice()...), nil
}

func aggregator(d *Draft, s string) error {
	v, err := parseAggregator(s)
	if err != nil {
		return err
	}
	return d.add(v...)
}

package attr

import (
	"fmt"
	"strconv"
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

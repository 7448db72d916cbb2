package attr

import "fmt"

// Values of ORIGIN (RFC 4271 section 5.1.1).
const (
	OriginIGP        = 0
	OriginEGP        = 1
	OriginIncomplete = 2
)

var originRow = row{
	name: "origin", flags: Transitive, bad: Withdraw,
	check: checkOrigin, text: textOrigin, json: jsonOrigin,
}

func checkOrigin(v []byte, from Source) *fault {
	if f := oneOctet(v, from); f != nil {
		return f
	}
	if v[0] > OriginIncomplete {
		return &fault{InvalidOrigin, 0, fmt.Sprintf("want 0, 1 or 2, got %d", v[0])}
	}
	return nil
}

var oneOctet = fixed(1)

func jsonOrigin(b []byte, v string) []byte {
	return append(append(append(b, '"'), originWords[v[0]]...), '"')
}

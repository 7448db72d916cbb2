package attr

import (
	"fmt"
	"slices"
	"strings"
)

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

func textOrigin(b []byte, v string) []byte { return append(append(b, ' '), originWords[v[0]]...) }

// originWords are the words of ORIGIN, by value.
var originWords = [...]string{OriginIGP: "igp", OriginEGP: "egp", OriginIncomplete: "incomplete"}

// parseOrigin reads "igp", "egp" or "incomplete", in whatever case: ExaBGP's manual
// writes them in capitals.
func parseOrigin(s string) (byte, error) {
	if i := slices.Index(originWords[:], strings.ToLower(s)); i >= 0 {
		return byte(i), nil
	}
	return 0, fmt.Errorf("want igp, egp or incomplete, got %q", s)
}

func origin(d *Draft, s string) error {
	v, err := parseOrigin(s)
	if err != nil {
		return err
	}
	return d.add(v)
}

package attr

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"holdfast/bgp/grammar"
)

// lsShape is a form that values of TLVs have. Json and text say no where a value
// does not have it; that text is exact is found out by saying it again.
type lsShape struct {
	json, text func(b []byte, v string) ([]byte, bool)
	say        func(b []byte, s grammar.Source) ([]byte, error)
}

var lsOctets = lsShape{
	json: func(b []byte, v string) ([]byte, bool) { return fmt.Appendf(b, `"0x%X"`, v), true },
	text: func(b []byte, v string) ([]byte, bool) { return fmt.Appendf(b, "0x%X", v), true },
	say: func(b []byte, s grammar.Source) ([]byte, error) {
		w, err := grammar.Value(s, "octets like 0x00FF")
		if err != nil {
			return b, err
		}
		v, err := parseHex(w)
		return append(b, v...), err
	},
}

var lsName = lsShape{
	json: func(b []byte, v string) ([]byte, bool) { return appendQuoted(b, v), true },
	text: func(b []byte, v string) ([]byte, bool) { return fmt.Appendf(b, `"%s"`, v), plainName(" " + v) },
	say: func(b []byte, s grammar.Source) ([]byte, error) {
		w, err := grammar.Value(s, "a name")
		return append(b, w...), err
	},
}

// lsDotted is octets in hexadecimal with dots between them, as IS-IS has them;
// one says the digits, the other how.
func lsDotted(first int, json func(b []byte, v string) []byte, want string, sizes ...int) lsShape {
	return lsShape{
		json: func(b []byte, v string) ([]byte, bool) { return json(b, v), slices.Contains(sizes, len(v)) },
		text: func(b []byte, v string) ([]byte, bool) {
			if !slices.Contains(sizes, len(v)) {
				return b, false
			}
			b = hex.AppendEncode(b, []byte(v[:first]))
			for v = v[first:]; v != ""; v = v[min(2, len(v)):] {
				b = hex.AppendEncode(append(b, '.'), []byte(v[:min(2, len(v))]))
			}
			return b, true
		},
		say: func(b []byte, s grammar.Source) ([]byte, error) {
			w, err := grammar.Value(s, want)
			if err != nil {
				return b, err
			}
			v, err := hex.DecodeString(strings.ReplaceAll(w, ".", ""))
			if err != nil || !slices.Contains(sizes, len(v)) {
				return b, grammar.Wish(want, w)
			}
			return append(b, v...), nil
		},
	}
}

// lsArea is an area of IS-IS: octets that ExaBGP tells as one number.
var lsArea = lsDotted(1, func(b []byte, v string) []byte {
	return fmt.Appendf(b, `"%d"`, new(big.Int).SetBytes([]byte(v)))
}, "an area like 49.0001", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)

// lsSystem is a router of IS-IS.
var lsSystem = lsDotted(2, func(b []byte, v string) []byte {
	return fmt.Appendf(b, `"%x"`, v)
}, "a router like 1921.6800.0001", 6)

var lsAddress = lsShape{
	json: func(b []byte, v string) ([]byte, bool) {
		return fmt.Appendf(b, `"%s"`, address(v)), len(v) == 4 || len(v) == 16
	},
	text: func(b []byte, v string) ([]byte, bool) {
		return address(v).AppendTo(b), len(v) == 4 || len(v) == 16
	},
	say: func(b []byte, s grammar.Source) ([]byte, error) {
		a, err := grammar.Addr(s)
		return append(b, a.AsSlice()...), err
	},
}

// unsigned is a number in all octets of v, which are eight at most.
func unsigned(v string) (n uint64) {
	for i := range len(v) {
		n = n<<8 | uint64(v[i])
	}
	return n
}

// sayUnsigned appends a number in size octets.
func sayUnsigned(b []byte, size int, s grammar.Source) ([]byte, error) {
	n, err := grammar.Uint(s, 1<<(8*size)-1)
	return appendUnsigned(b, size, n), err
}

func appendUnsigned(b []byte, size int, n uint64) []byte {
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

func lsNumber(size int) lsShape {
	told := func(b []byte, v string) ([]byte, bool) {
		return strconv.AppendUint(b, unsigned(v), 10), len(v) == size
	}
	return lsShape{told, told, func(b []byte, s grammar.Source) ([]byte, error) { return sayUnsigned(b, size, s) }}
}

// lsNumbers is a list of them.
func lsNumbers(size int) lsShape {
	list := func(open, sep, end string) func([]byte, string) ([]byte, bool) {
		return func(b []byte, v string) ([]byte, bool) {
			b = append(b, open...)
			for between := ""; len(v) >= size; v, between = v[size:], sep {
				b = strconv.AppendUint(append(b, between...), unsigned(v[:size]), 10)
			}
			return append(b, end...), v == ""
		}
	}
	return lsShape{list("[", ", ", "]"), list("[ ", " ", " ]"), func(b []byte, s grammar.Source) ([]byte, error) {
		err := grammar.Items(s, "a number", func(w string) error {
			n, err := grammar.ParseUint(w)
			if err != nil || size < 8 && n>>(8*size) != 0 {
				return grammar.Wish(fmt.Sprintf("a number 0-%d", uint64(1)<<(8*size)-1), w)
			}
			b = appendUnsigned(b, size, n)
			return nil
		})
		return b, err
	}}
}

// lsMetric has one octet for the narrow metric of IS-IS, two for OSPF, three for
// the wide metric of IS-IS (RFC 9552 section 5.3.2.4).
var lsMetric = lsShape{
	json: func(b []byte, v string) ([]byte, bool) {
		if len(v) == 1 {
			return strconv.AppendUint(b, uint64(v[0]&0x3f), 10), true // IS-IS has six bits
		}
		return strconv.AppendUint(b, unsigned(v), 10), len(v) == 2 || len(v) == 3
	},
	text: func(b []byte, v string) ([]byte, bool) {
		if len(v) < 1 || len(v) > 3 {
			return b, false
		}
		return append(strconv.AppendUint(b, unsigned(v), 10), []string{" narrow", " ospf", ""}[len(v)-1]...), true
	},
	say: func(b []byte, s grammar.Source) ([]byte, error) {
		n, err := grammar.Uint(s, 1<<24-1)
		if err != nil {
			return b, err
		}
		size, most := 3, uint64(1<<24-1)
		switch s.Peek() {
		case "narrow":
			size, most = 1, 63
		case "ospf":
			size, most = 2, 1<<16-1
		default:
			return appendUnsigned(b, size, n), nil
		}
		if n > most {
			return b, fmt.Errorf("want a number 0-%d before %s, got %d", most, s.Peek(), n)
		}
		s.Next()
		return appendUnsigned(b, size, n), nil
	},
}

// float is octets in a second, as a float of IEEE with four octets; not those
// that are no number.
func float(v string) (float64, bool) {
	if len(v) != 4 {
		return 0, false
	}
	f := float64(math.Float32frombits(uint32(asAt(v, 0))))
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// jsonFloat appends a float with a point or an exponent, as ExaBGP does.
func jsonFloat(b []byte, v string) ([]byte, bool) {
	f, ok := float(v)
	if abs := math.Abs(f); abs >= 1e16 || abs < 1e-4 && abs > 0 {
		return strconv.AppendFloat(b, f, 'e', -1, 64), ok
	}
	b = strconv.AppendFloat(b, f, 'f', -1, 64)
	if f == math.Trunc(f) {
		b = append(b, ".0"...)
	}
	return b, ok
}

func textFloat(b []byte, v string) ([]byte, bool) {
	f, ok := float(v)
	return strconv.AppendFloat(b, f, 'f', -1, 32), ok
}

func parseFloat(b []byte, w string) ([]byte, error) {
	f, err := strconv.ParseFloat(w, 32)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return b, grammar.Wish("octets in a second like 125000000", w)
	}
	return appendUnsigned(b, 4, uint64(math.Float32bits(float32(f)))), nil
}

var lsFloat = lsShape{jsonFloat, textFloat, func(b []byte, s grammar.Source) ([]byte, error) {
	w, err := grammar.Value(s, "octets in a second like 125000000")
	if err != nil {
		return b, err
	}
	return parseFloat(b, w)
}}

// lsFloats is one for each of eight priorities (RFC 5305 section 3.6).
var lsFloats = lsShape{
	json: eight("[", ", ", "]", jsonFloat),
	text: eight("[ ", " ", " ]", textFloat),
	say: func(b []byte, s grammar.Source) ([]byte, error) {
		at := len(b)
		err := grammar.Items(s, "octets in a second like 125000000", func(w string) (err error) {
			b, err = parseFloat(b, w)
			return err
		})
		if err == nil && len(b)-at != 32 {
			err = fmt.Errorf("want 8 values, got %d", (len(b)-at)/4)
		}
		return b, err
	},
}

func eight(open, sep, end string, one func([]byte, string) ([]byte, bool)) func([]byte, string) ([]byte, bool) {
	return func(b []byte, v string) (_ []byte, ok bool) {
		if len(v) != 32 {
			return b, false
		}
		b = append(b, open...)
		for between := ""; v != ""; v, between = v[4:], sep {
			if b, ok = one(append(b, between...), v[:4]); !ok {
				return b, false
			}
		}
		return append(b, end...), true
	}
}

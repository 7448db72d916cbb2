package attr

import (
	"fmt"

	"holdfast/bgp/grammar"
)

// lsLinkIDs are the identifiers that the ends of a link give it (RFC 5307).
var lsLinkIDs = lsRecord(
	lsPart{name: "local-id", size: 4, lsShape: lsNumber(4)},
	lsPart{name: "remote-id", size: 4, lsShape: lsNumber(4)},
)

// lsMeasured and lsMinMax are 24 bits, microseconds or 0.000003 per cent, with a
// flag that says that it is out of the ordinary (RFC 8571 section 2).
var (
	lsMeasured = measured("value")
	lsMinMax   = measured("min", "max")
)

func measured(names ...string) lsShape {
	return lsShape{
		json: func(b []byte, v string) ([]byte, bool) {
			if len(v) != 4*len(names) {
				return b, false
			}
			b = fmt.Appendf(b, `{"anomalous": %t`, v[0]&0x80 != 0)
			for i, name := range names {
				b = fmt.Appendf(b, `, "%s": %d`, name, uint24(v[4*i+1:]))
			}
			return append(b, '}'), true
		},
		text: func(b []byte, v string) ([]byte, bool) {
			if len(v) != 4*len(names) {
				return b, false
			}
			sep := ""
			for i := range names {
				b = fmt.Appendf(b, "%s%d", sep, uint24(v[4*i+1:]))
				sep = " "
			}
			if v[0]&0x80 != 0 {
				b = append(b, " anomalous"...)
			}
			return b, true
		},
		say: func(b []byte, s grammar.Source) (_ []byte, err error) {
			at := len(b)
			for range names {
				if b, err = sayUnsigned(append(b, 0), 3, s); err != nil {
					return b, err
				}
			}
			if s.Peek() == "anomalous" {
				s.Next()
				b[at] = 0x80
			}
			return b, nil
		},
	}
}

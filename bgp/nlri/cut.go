package nlri

import "fmt"

// Cut takes the NLRI that b begins with, for families that put a header before
// it: its last octets, wide of them, are the length of what follows. It gives
// the NLRI with its header.
func Cut(b []byte, header, wide int) ([]byte, error) {
	if len(b) < header {
		return nil, fmt.Errorf("want a header of %d octets, %d left", header, len(b))
	}
	n := 0
	for _, c := range b[header-wide : header] {
		n = n<<8 | int(c)
	}
	if n > len(b)-header {
		return nil, fmt.Errorf("a route of %d octets, %d left", n, len(b)-header)
	}
	return b[: header+n : header+n], nil
}

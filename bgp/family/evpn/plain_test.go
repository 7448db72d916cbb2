package evpn

import "testing"

// FuzzPlain: what is good at a glance is good when it is read.
func FuzzPlain(f *testing.F) {
	f.Add([]byte("\x02\x21\x00\x01\xc0\x00\x02\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x30\x00\x11\x22\x33\x44\x55\x00\x00\x06\x41"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < header || len(b) != header+int(b[1]) || !plain(b) {
			return
		}
		if _, err := parse(b); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
	})
}

package wire

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/capability"
)

// openMessage is an OPEN with what follows the version in hexadecimal.
func openMessage(t testing.TB, body string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(body, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return PatchLength(append(AppendHeader(nil, TypeOpen), b...), 0)
}

func TestParseOpen(t *testing.T) {
	const head = "04 fde8 00b4 0a000002 "
	for _, c := range []struct{ name, body, want string }{
		{"none", head + "00", ""},
		{"one parameter", head + "06 0204 4100 4101", "2/0 at octet 29: asn4: at octet 35: want 1 octets, 0 left"},
		{"version 3", "03 fde8 00b4 0a000002 00", "2/1 at octet 19: version 3, want 4"},
		{"hold time 2", "04 fde8 0002 0a000002 00", "2/6 at octet 22: hold time 2 s"},
		{"no identifier", "04 fde8 00b4 00000000 00", "2/3 at octet 24: the identifier is zero"},
		{"AS 0", "04 0000 00b4 0a000002 00", "2/2 at octet 20: AS 0"},
		{"AS 0 in the capability", head + "08 0206 4104 00000000", "2/2 at octet 20: AS 0"},
		{"authentication", head + "04 0102 0000", "2/4 at octet 29: optional parameter 1 is not known"},
		{"parameters too long", head + "20 0206 4104 0000fde9", "2/0 at octet 28: optional parameters of 32 octets, 8 are there"},
		{"capability too long", head + "08 0206 4108 0000fde9", "2/0 at octet 29: asn4: "},
		{"extended", head + "ff ff 0009 02 0006 4104 00010000", ""},
		{"extended, cut short", head + "ff ff 0007 02 0006 4104", "2/0 at octet 28: optional parameters of 7 octets, 5 are there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseOpen(openMessage(t, c.body))
			got := ""
			if err != nil {
				got = strings.Replace(err.Error(), CodeText(err.Code, err.Subcode), string('0'+err.Code)+"/"+string('0'+err.Subcode), 1)
			}
			if (c.want == "") != (got == "") || !strings.HasPrefix(got, c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestOpenBytes: each capability in a parameter of its own.
func TestOpenBytes(t *testing.T) {
	got := AppendOpen(nil, Open{Version: 4, AS: 65533, HoldTime: 180 * time.Second, ID: 0x0a000002, Capabilities: []capability.Capability{
		capability.ForFamily(bgp.IPv4Unicast), capability.ForASN(65533), capability.Flag(capability.ExtendedMessage), capability.ForHostName("edge", "example.net")}})
	want := openMessage(t, "04 fffd 00b4 0a000002 29 0206 0104 00010001 0206 4104 0000fffd 0202 0600 0213 4911 04 65646765 0b 6578616d706c652e6e6574")
	if d := cmp.Diff(hex.EncodeToString(want), hex.EncodeToString(got)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestLongOpenIsExtended(t *testing.T) {
	o := Open{Version: 4, AS: 23456, ID: 1, HoldTime: 90 * time.Second}
	for range 40 {
		o.Capabilities = append(o.Capabilities, capability.ForFamily(bgp.IPv6Unicast))
	}
	msg := AppendOpen(nil, o)
	got, err := ParseOpen(msg)
	if err != nil || len(msg) < 300 {
		t.Fatal(len(msg), err)
	}
	if d := cmp.Diff(&o, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestFrame(t *testing.T) {
	keep := AppendKeepalive(nil)
	for name, c := range map[string]struct {
		b   []byte
		n   int
		err string
	}{
		"whole":       {append(bytes.Clone(keep), 1, 2, 3), 19, ""},
		"cut":         {keep[:18], 0, ""},
		"marker":      {append([]byte{0}, keep[1:]...), 0, "1/1"},
		"type":        {append(bytes.Clone(keep[:18]), 9), 0, "1/0"},
		"long":        {append(bytes.Clone(keep[:16]), 0x10, 1, 2), 0, "1/2"},
		"short open":  {append(bytes.Clone(keep[:16]), 0, 28, 1), 0, "1/2"},
		"fat keep":    {append(bytes.Clone(keep[:16]), 0, 20, 4), 0, "1/2"},
		"half update": {append(bytes.Clone(keep[:16]), 0, 40, 2), 0, ""},
	} {
		n, _, err := Frame(c.b, bgp.MaxMessage)
		got := ""
		if err != nil {
			got = string('0'+err.Code) + "/" + string('0'+err.Subcode)
		}
		if n != c.n || got != c.err {
			t.Errorf("%s: %d %q, want %d %q", name, n, got, c.n, c.err)
		}
	}
	if n, _, err := Frame(append(bytes.Clone(keep[:16]), 0x20, 0, 2), bgp.MaxExtended); n != 0 || err != nil {
		t.Errorf("an extended UPDATE: %d %v", n, err)
	}
}

func TestShutdownText(t *testing.T) {
	n := Shutdown(AdminShutdown, strings.Repeat("é", 200))
	if len(n.Data) > 256 || n.Text() != strings.Repeat("é", 127) {
		t.Errorf("%d octets: %s", len(n.Data), n.Text())
	}
	for _, c := range []struct{ data, want string }{
		{"\x05hello", "hello"}, {"\x05hell", ""}, {"", ""}, {"\x03a\x1b\xff", "a \ufffd"}, {"\x00", ""},
	} {
		if got := (Notification{Code: CodeCease, Subcode: AdminReset, Data: []byte(c.data)}).Text(); got != c.want {
			t.Errorf("%q: %q, want %q", c.data, got, c.want)
		}
	}
}

func TestRefresh(t *testing.T) {
	for _, r := range []Refresh{{bgp.IPv4Unicast, RefreshRequest}, {bgp.IPv6Unicast, BoRR}, {bgp.IPv6Unicast, EoRR}} {
		if got, err := ParseRefresh(AppendRefresh(nil, r)); err != nil || got != r {
			t.Errorf("%v became %v, %v", r, got, err)
		}
	}
	if _, err := ParseRefresh(AppendRefresh(nil, Refresh{})[:22]); err == nil || err.Code != CodeRefresh {
		t.Error(err)
	}
}

// FuzzOpen: what is read is said again as it was, and nothing panics.
func FuzzOpen(f *testing.F) {
	f.Add(openMessage(f, "04 fde8 00b4 0a000002 08 0206 4104 0000fde8")[HeaderLen:])
	f.Add(openMessage(f, "04 fde8 00b4 0a000002 ff ff 0009 02 0006 4104 00010000")[HeaderLen:])
	f.Add(openMessage(f, "04 fde8 0000 0a000002 0a 0208 4006 8078 0001 0180")[HeaderLen:])
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) < 10 || len(body) > bgp.MaxMessage-HeaderLen {
			return
		}
		o, err := ParseOpen(PatchLength(append(AppendHeader(nil, TypeOpen), body...), 0))
		if err != nil {
			_ = err.Error()
			return
		}
		var n bgp.Negotiated
		capability.Negotiate(&n, o.Capabilities, o.Capabilities)
		if _, ok := capability.AS(o.Capabilities); !ok && o.AS > 65535 {
			t.Fatal("an AS of four octets without its capability")
		}
		for _, c := range o.Capabilities {
			if c.Valid() {
				view(c)
			}
		}
		again, err := ParseOpen(AppendOpen(nil, *o))
		if err != nil {
			t.Fatalf("our own OPEN: %v", err)
		}
		if d := cmp.Diff(o, again); d != "" {
			t.Errorf("-first +again:\n%s", d)
		}
	})
}

// view looks into a capability.
func view(c capability.Capability) {
	switch c.Code {
	case capability.GracefulRestart:
		c.Restart()
	case capability.AddPath:
		c.Paths()
	case capability.HostName:
		c.HostName()
	}
}

// FuzzNotification: a NOTIFICATION of whatever octets can be shown.
func FuzzNotification(f *testing.F) {
	f.Add([]byte("\x06\x02\x05hello"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) < 2 || len(body) > bgp.MaxMessage-HeaderLen {
			return
		}
		n := ParseNotification(PatchLength(append(AppendHeader(nil, TypeNotification), body...), 0))
		if again := ParseNotification(AppendNotification(nil, n)); n.String() != again.String() {
			t.Errorf("%s became %s", n, again)
		}
	})
}

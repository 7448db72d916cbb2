package console

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/netio/link"
)

func TestText(t *testing.T) {
	f := Facts{Version: "1.2", ID: "serial 7F3K", Status: "not provisioned: waits for a bundle", Update: "1.2 is on trial, and lacks nothing", Key: "SHA256:abc", Links: link.Snapshot{
		Links: []link.Link{{Name: "eth0", Up: true, Running: true}, {Name: "eth1", Up: true}, {Name: "eth2"}, {Name: "lo", Up: true, Running: true}},
		Addrs: []link.Addr{{Prefix: netip.MustParsePrefix("10.0.0.1/24"), Link: "eth0"}, {Prefix: netip.MustParsePrefix("fe80::1/64"), Link: "eth0"},
			{Prefix: netip.MustParsePrefix("127.0.0.1/8"), Link: "lo"}, {Prefix: netip.MustParsePrefix("2001:db8::1/64"), Link: "eth0"}}}}
	want := `
Holdfast 1.2, serial 7F3K
  eth0       up         10.0.0.1/24 2001:db8::1/64
  eth1       no carrier 
  eth2       down       
  ssh key    SHA256:abc
  not provisioned: waits for a bundle
  1.2 is on trial, and lacks nothing
`
	if d := cmp.Diff(want, f.Text()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

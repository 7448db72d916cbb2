package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNameServers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(path, []byte("OPER_STATE=routable\nDNS=192.0.2.1 fe80::1%eth0 192.0.2.9:53#name\nNTP=192.0.2.2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fe80::1%eth0")}
	if d := cmp.Diff(want, nameServers(path), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	_, err := networkd(filepath.Join(t.TempDir(), "none")).LookupHost(t.Context(), "example.com")
	if err == nil || !strings.Contains(err.Error(), "no lease and no router has named a DNS server yet") {
		t.Error(err)
	}
}

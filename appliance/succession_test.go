package appliance

import (
	"log/slog"
	"net/netip"
	"os"
	"testing"

	"holdfast/appliance/settings"
	"holdfast/bgp"
	"holdfast/netio"
	"holdfast/systemd"
)

// TestForwarding: packets of a family were taken if all of its addresses are here,
// those of the configuration and those of gates.
func TestForwarding(t *testing.T) {
	prefix := netip.MustParsePrefix
	gone4 := settings.Address{Prefix: prefix("192.0.2.99/32"), Link: "lo"}
	gone6 := settings.Condition{Kind: settings.HasAddress, Address: prefix("2001:db8::99/128")}
	with := func(as []settings.Address, cs ...settings.Condition) *settings.Settings {
		return &settings.Settings{Addresses: as, Gates: []settings.Gate{{Name: "dns", Conditions: cs}}}
	}
	here := settings.Condition{Kind: settings.HasAddress, Address: prefix("127.0.0.1/8"), Link: "lo"}
	for name, c := range map[string]struct {
		s            *settings.Settings
		v4, v6, evpn bool
	}{
		"nothing asked for": {with(nil), true, true, true},
		"here":              {with(nil, here), true, true, true},
		"IPv4 gone":         {with([]settings.Address{gone4}, here), false, true, false},
		"IPv6 gone":         {with(nil, here, gone6), true, false, false},
	} {
		d := &Daemon{notifier: systemd.New(func(string) string { return "" })}
		f := d.forwarding(c.s)
		if v4, v6, evpn := f(bgp.IPv4Unicast), f(bgp.IPv6Unicast), f(bgp.MakeFamily(bgp.AFIL2VPN, 70)); v4 != c.v4 || v6 != c.v6 || evpn != c.evpn {
			t.Errorf("%s: %v %v %v", name, v4, v6, evpn)
		}
	}
	booted := &Daemon{notifier: systemd.New(func(k string) string { return map[string]string{"NOTIFY_SOCKET": "@nobody"}[k] })}
	if booted.forwarding(with(nil))(bgp.IPv4Unicast) {
		t.Error("nothing was taken before a boot")
	}
	booted.heir = true
	if !booted.forwarding(with(nil))(bgp.IPv4Unicast) {
		t.Error("and it was, when there was a life before")
	}
}

// TestWill: a descriptor that is another socket than the will says is not taken.
func TestWill(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := will{Sockets: []netio.Kept{{Addr: netip.MustParseAddrPort("0.0.0.0:179")}}}
	if k, ok := w.socket(int(f.Fd())); ok {
		t.Error(k)
	}
	d := &Daemon{log: slog.New(slog.DiscardHandler), notifier: systemd.New(func(string) string { return "" })}
	if d.inherit() != nil || d.heir {
		t.Error("without a manager there is nothing to inherit")
	}
}

package netio

import (
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"testing"
)

// handOver ends a listener, and goes on with its socket on another loop, with
// other keys, as another process would.
func handOver(t *testing.T, from running, ln *Listener, to running, keys map[netip.Prefix]Auth) *int {
	t.Helper()
	var k Kept
	var ok bool
	from.do(func() { k, ok = ln.Keep() })
	if !ok {
		t.Fatal("not kept")
	}
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	heir := Kept{FD: k.FD}
	if err := json.Unmarshal(text, &heir); err != nil || !heir.Matches(k.FD) {
		t.Fatalf("%s is not the socket: %v", text, err)
	}
	came := 0
	to.do(func() {
		if _, err := to.Listen(ListenOptions{Addr: heir.Addr, Auth: keys, Kept: &heir}, func(*Conn) Handler { came++; return &side{} }); err != nil {
			t.Error(err)
		}
	})
	return &came
}

// TestKeptKeys: keys of the life before that are not wanted any more are removed,
// others changed and set.
func TestKeptKeys(t *testing.T) {
	old, r := run(t), run(t)
	peers := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("127.0.0.2/32"), netip.MustParsePrefix("127.0.0.3/32")}
	ln, _ := server(t, old, "127.0.0.1:0", false, map[netip.Prefix]Auth{peers[0]: {MD5: "one"}, peers[1]: {MD5: "two"}}, SocketOptions{})
	at := ln.Addr()
	came := handOver(t, old, ln, r, map[netip.Prefix]Auth{peers[0]: {MD5: "uno"}, peers[2]: {MD5: "three"}})
	for _, c := range []struct {
		peer int
		key  string
		want bool
	}{{0, "one", false}, {0, "uno", true}, {1, "two", false}, {1, "", true}, {2, "", false}, {2, "three", true}} {
		got, err := try(t, r, c.want, DialOptions{Remote: at, Local: peers[c.peer].Addr(), Auth: Auth{MD5: c.key}})
		if got != c.want {
			t.Errorf("from %s with key %q: %v, %v", peers[c.peer], c.key, got, err)
		}
	}
	r.waitFor("three of them", func() bool { return *came == 3 })
}

// TestKeptBacklog: who connects between two lives is there in the second one.
func TestKeptBacklog(t *testing.T) {
	old, r := run(t), run(t)
	ln, gone := server(t, old, "127.0.0.1:0", false, nil, SocketOptions{})
	var k Kept
	old.do(func() { k, _ = ln.Keep() })
	c, err := net.Dial("tcp", k.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	came := 0
	r.do(func() {
		if _, err := r.Listen(ListenOptions{Addr: k.Addr, Kept: &k}, func(*Conn) Handler { came++; return &side{} }); err != nil {
			t.Error(err)
		}
	})
	r.waitFor("the connection", func() bool { return came == 1 })
	old.do(func() {
		if *gone != 0 {
			t.Error("the old life has taken it")
		}
		if _, ok := ln.Keep(); ok {
			t.Error("kept twice")
		}
	})
}

func TestKeptMatches(t *testing.T) {
	r := run(t)
	ln, _ := server(t, r, "127.0.0.1:0", false, nil, SocketOptions{})
	other, _ := server(t, r, "127.0.0.1:0", false, nil, SocketOptions{})
	var k, o Kept
	r.do(func() { k, _ = ln.Keep(); o, _ = other.Keep() })
	defer k.Close()
	defer o.Close()
	lo := k
	lo.Device = "lo"
	got := []bool{k.Matches(k.FD), k.Matches(o.FD), k.Matches(0), k.Matches(-1), lo.Matches(k.FD)}
	if !slices.Equal(got, []bool{true, false, false, false, false}) {
		t.Error(got)
	}
}

// TestKeptAO: a key that could not be taken away again does not outlive us.
func TestKeptAO(t *testing.T) {
	r := run(t)
	ln, _ := server(t, r, "127.0.0.1:0", false, nil, SocketOptions{})
	r.do(func() {
		ln.keys[netip.MustParsePrefix("127.0.0.1/32")] = Auth{AO: AO{KeyID: 1, Key: "k"}}
		if _, ok := ln.Keep(); ok {
			t.Error("kept")
		}
		delete(ln.keys, netip.MustParsePrefix("127.0.0.1/32"))
		ln.Close()
	})
}

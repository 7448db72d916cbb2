package appliance

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"holdfast/appliance/settings"
	"holdfast/bgp/api"
	"holdfast/bgp/config"
	"holdfast/bgp/speaker"
	"holdfast/netio"
)

// ground is a daemon's loop and table, with two neighbors whom nobody reaches.
func ground(t *testing.T) *Daemon {
	t.Helper()
	loop, err := netio.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &Daemon{loop: loop, speaker: speaker.New(loop, speaker.Options{})}
	d.reconciler = newReconciler(slog.New(slog.DiscardHandler), settings.Default(), d.follow)
	section := "neighbor %s { router-id 10.0.0.1; local-address 127.0.0.1; local-as 65000; peer-as 65001; passive; family { ipv4 unicast; ipv6 unicast; ipv4 flow; } }\n"
	c, err := config.Parse("test", []byte(fmt.Sprintf(section+section, "127.0.0.8", "127.0.0.9")), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- loop.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := d.onLoop(ctx, func() { err = d.speaker.Apply(c) }); err != nil {
		t.Fatal(err)
	}
	return d
}

// say has commands done.
func (d *Daemon) say(t *testing.T, lines ...string) {
	t.Helper()
	var p api.Parser
	var b api.Batch
	for _, line := range lines {
		p.Line(&b, []byte(line))
	}
	done := make(chan struct{})
	d.loop.Post(func() { d.speaker.Do(&b, func() { close(done) }) })
	<-done
	for _, it := range b.Items {
		if it.Err != nil {
			t.Fatal(it.Err)
		}
	}
}

// ask gives all pages of a query, and how many they were.
func (d *Daemon) askRoutes(t *testing.T, q RouteQuery) (all []RouteStatus, pages int) {
	t.Helper()
	for {
		arg, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		v, err := d.routes(t.Context(), string(arg))
		if err != nil {
			t.Fatal(err)
		}
		p := v.(*Page)
		all = append(all, p.Routes...)
		if pages++; p.Next == 0 {
			return all, pages
		}
		q.From = p.Next
	}
}

func TestRoutesArePaged(t *testing.T) {
	d := ground(t)
	const n = 5000
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("announce route 10.0.%d.%d/32 next-hop 192.0.2.1", byte(i>>8), byte(i)))
	}
	d.say(t, lines...)
	all, pages := d.askRoutes(t, RouteQuery{})
	seen := map[string]bool{}
	for _, r := range all {
		seen[r.Text] = true
	}
	if len(all) != n || len(seen) != n || pages < n/pageRoutes {
		t.Errorf("%d routes, %d of them different, in %d pages", len(all), len(seen), pages)
	}
}

func TestRoutesOfAPrefixAndOfANeighbor(t *testing.T) {
	d := ground(t)
	d.say(t, "announce route 10.1.0.0/16 next-hop 192.0.2.1", "neighbor 127.0.0.9 announce route 10.1.2.0/24 next-hop 192.0.2.1",
		"announce route 10.2.0.0/16 next-hop 192.0.2.1 watchdog dns", "announce route 2001:db8::/32 next-hop 2001:db8::1",
		"announce flow route { match { destination 10.1.2.3/32; } then { discard; } }")
	for _, c := range []struct {
		q    RouteQuery
		want string // the first word of each, and for how many neighbors it is
	}{
		{RouteQuery{Prefix: "10.1.0.0/16"}, "10.1.0.0/16 2, 10.1.2.0/24 1"},
		{RouteQuery{Prefix: "10.1.2.0/24"}, "10.1.2.0/24 1"},
		{RouteQuery{Prefix: "10.1.2.3"}, ""},
		{RouteQuery{Prefix: "::/0"}, "2001:db8::/32 2"},
		{RouteQuery{Prefix: "10.0.0.0/8", Neighbor: "127.0.0.8"}, "10.1.0.0/16 1, 10.2.0.0/16 1"},
	} {
		all, _ := d.askRoutes(t, c.q)
		var got []string
		for _, r := range all {
			word, _, _ := strings.Cut(r.Text, " ")
			got = append(got, fmt.Sprint(word, " ", len(r.Peers)))
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%+v: %s, want %s", c.q, s, c.want)
		}
	}
	for arg, want := range map[string]string{
		`{"neighbor":"127.0.0.7"}`: "there is no neighbor 127.0.0.7", `{"prefix":"x"}`: `want a prefix like 192.0.2.53/32, got "x"`, "x": "routes: ",
	} {
		if _, err := d.routes(t.Context(), arg); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", arg, err, want)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/appliance"
	"holdfast/appliance/control"
)

// answers is a control socket with these answers.
func answers(t *testing.T, handlers map[string]control.Handler) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "c.sock")
	s, err := control.Listen(path, handlers)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return path
}

// paged answers with these routes, one a page, after an empty one.
func paged(t *testing.T, routes ...appliance.RouteStatus) string {
	return answers(t, map[string]control.Handler{"routes": func(_ context.Context, arg string) (any, error) {
		var q appliance.RouteQuery
		if err := json.Unmarshal([]byte(arg), &q); err != nil {
			return nil, err
		}
		if q.Neighbor == "10.0.0.3" {
			return nil, errors.New("there is no neighbor 10.0.0.3")
		}
		p := appliance.Page{Routes: []appliance.RouteStatus{}}
		if q.From > 0 {
			p.Routes = append(p.Routes, routes[q.From-1])
		}
		if int(q.From) < len(routes) {
			p.Next = q.From + 1
		}
		return p, nil
	}})
}

func tell(t *testing.T, args string) (code int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(strings.Fields(args), &o, &e)
	return code, o.String(), e.String()
}

func TestRoutes(t *testing.T) {
	routes := []appliance.RouteStatus{
		{Text: "10.0.0.0/24 next-hop self", Owner: "api", On: true, Peers: []appliance.PeerTold{{Neighbor: "10.0.0.1", Told: "announced"}, {Neighbor: "10.0.0.2", Told: "no session"}}},
		{Text: "10.0.1.0/24 next-hop self", Owner: "configuration", Group: "dns", Reason: "eth1 is down"},
	}
	path := paged(t, routes...)
	code, out, err := tell(t, "routes --socket "+path)
	want := "FROM\tGATE\tTOLD\tROUTE\napi\t-\t1 announced, 1 no session\t10.0.0.0/24 next-hop self\n" +
		"configuration\tdns closed\tno neighbor\t10.0.1.0/24 next-hop self\n"
	if diff := cmp.Diff(want, out); code != 0 || err != "" || diff != "" {
		t.Errorf("%d, %s, %s", code, err, diff)
	}
	for _, rs := range [][]appliance.RouteStatus{routes, {}} {
		code, out, _ = tell(t, "routes 10.0.0.0/8 neighbor 10.0.0.1 --json --socket "+paged(t, rs...))
		var got []appliance.RouteStatus
		if err := json.Unmarshal([]byte(out), &got); code != 0 || err != nil || cmp.Diff(rs, got) != "" {
			t.Errorf("%d, %v, %s", code, err, out)
		}
	}
	for args, want := range map[string]string{
		"neighbor 10.0.0.3": "1 holdfast: there is no neighbor 10.0.0.3", "neighbor": "2 holdfast routes: want [PREFIX] [neighbor ADDRESS]",
		"10.0.0.0/8 neighbor x": `2 holdfast routes: neighbor: want an address, got "x"`, "a b": "2 holdfast routes: want [PREFIX]",
	} {
		if code, _, err := tell(t, "routes --socket "+path+" "+args); !strings.HasPrefix(fmt.Sprint(code, " ", err), want) {
			t.Errorf("%s: %d %s", args, code, err)
		}
	}
}

func TestNeighbors(t *testing.T) {
	path := answers(t, map[string]control.Handler{"status": func(context.Context, string) (any, error) {
		return appliance.Status{Neighbors: []appliance.NeighborStatus{
			{Address: "10.0.0.1", AS: 65001, State: "ESTABLISHED", Announced: 5, Updates: 2, Sessions: 1, CaughtUp: true, Families: []string{"ipv4 unicast"}},
			{Address: "2001:db8::1", AS: 65002, State: "ACTIVE", LastError: "connection refused"},
		}}, nil
	}})
	code, out, err := tell(t, "neighbors --socket "+path)
	rows := strings.Split(out, "\n")
	if code != 0 || err != "" || len(rows) != 4 || rows[1] != "10.0.0.1\t65001\tESTABLISHED\t-\t1\t5\t0\t0\t2\t0\t" {
		t.Errorf("%d, %s, %q", code, err, rows)
	}
	code, out, _ = tell(t, "neighbors 2001:DB8:0::1 --json --socket "+path)
	var got []appliance.NeighborStatus
	if err := json.Unmarshal([]byte(out), &got); code != 0 || err != nil || len(got) != 1 || got[0].AS != 65002 {
		t.Errorf("%d, %v, %s", code, err, out)
	}
	_, out, _ = tell(t, "neighbors 10.0.0.1 --socket "+path)
	if want := "sent         5 announced, 0 withdrawn, in 2 updates; it has been told everything\n"; !strings.Contains(out, want) {
		t.Errorf("got %s", out)
	}
	if code, _, err := tell(t, "neighbors 10.0.0.9 --socket "+path); code != 1 || err != "holdfast: there is no neighbor 10.0.0.9\n" {
		t.Errorf("%d, %s", code, err)
	}
}

func TestTableKeepsItsColumns(t *testing.T) {
	var b bytes.Buffer
	tab := table{printer: &printer{out: &b, terminal: true}}
	tab.add([][]string{{"A", "B"}, {"long", "x"}})
	tab.add([][]string{{"y", "z"}})
	if want := "A     B\nlong  x\ny     z\n"; b.String() != want {
		t.Errorf("got %q, want %q", &b, want)
	}
}

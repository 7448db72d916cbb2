package appliance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/bgp/api"
)

const askedConf = `
process one { run /bin/sleep 1000; }
neighbor 127.0.0.2 { description first; router-id 10.0.0.1; local-address 127.0.0.1; local-as 65000; peer-as 65001; passive true; api { processes [ one ]; } family { ipv4 unicast; }
	static { route 10.1.0.0/24 next-hop self; } }
neighbor 127.0.0.3 { router-id 10.0.0.1; local-address 127.0.0.1; local-as 65000; peer-as 65002; passive true; family { ipv4 unicast; }
	static { route 10.1.0.0/24 next-hop self; route 10.2.0.0/24 next-hop 10.0.0.9 med 3; } }
`

// asked is a daemon with a loop, its configuration, and nothing that needs a
// machine.
type asked struct {
	*testing.T
	d *Daemon
}

func newAsked(t *testing.T, conf string) *asked {
	t.Helper()
	a := prepared(t, conf, somePort(t))
	a.begin()
	return a
}

// prepared is one that has not begun yet, whose neighbors are at a port.
func prepared(t *testing.T, conf string, port uint16) *asked {
	t.Helper()
	path := filepath.Join(t.TempDir(), "edge.conf")
	a := &asked{T: t}
	a.write(path, conf)
	o := Options{Path: path, Port: port, NoControl: true, Version: "1.0", Log: slog.New(slog.DiscardHandler), Getenv: func(string) string { return "" }}
	c, err := o.start()
	if err == nil {
		a.d, err = newDaemon(o, c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// begin has the loop run, and the configuration be at work.
func (a *asked) begin() {
	a.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- a.d.loop.Run(ctx) }()
	a.Cleanup(func() {
		a.d.helpers.Reconcile(nil) // they are not to end by themselves
		a.d.helpers.Close(context.Background())
		cancel()
		<-ended
	})
	if err := <-a.d.become(a.d.loaded, a.d.loaded.known(a.d.files)); err != nil {
		a.Fatal(err)
	}
}

func (a *asked) write(path, text string) {
	a.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		a.Fatal(err)
	}
}

func (a *asked) loop(f func()) {
	a.Helper()
	if err := a.d.onLoop(a.Context(), f); err != nil {
		a.Fatal(err)
	}
}

// say is one command that is alone, and what it is answered with.
func (a *asked) say(it api.Item) string {
	a.Helper()
	var out bytes.Buffer
	b := &api.Batch{Commands: 1, Alone: true, Items: []api.Item{it}, Say: func(lines []byte) bool { out.Write(lines); return true }}
	a.do(b)
	answer, _ := b.AppendAnswers(nil, true)
	return out.String() + string(answer)
}

// do has the daemon do a batch.
func (a *asked) do(b *api.Batch) {
	a.Helper()
	done := make(chan struct{})
	a.d.apply(b, func() { close(done) })
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		a.Fatal("no answer")
	}
}

func (a *asked) ask(q api.Question) string {
	a.Helper()
	return a.say(api.Item{Kind: api.Query, More: &api.More{Query: q}})
}

// named is the selector of "neighbor ADDRESS".
func named(address string) *api.Selector {
	var p api.Parser
	var b api.Batch
	p.Line(&b, []byte("neighbor "+address+" announce eor"))
	return b.Items[0].Peers
}

func (a *asked) want(got, want string) {
	a.Helper()
	if got != want {
		a.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestQuestions(t *testing.T) {
	a := newAsked(t, askedConf)
	a.want(a.ask(api.Question{What: api.ListPeers}),
		`[{"peer-address":"127.0.0.2","peer-as":65001,"state":"ACTIVE"},{"peer-address":"127.0.0.3","peer-as":65002,"state":"ACTIVE"}]`+"\ndone\n")
	a.want(a.ask(api.Question{What: api.ShowRIB, Text: true}), `neighbor 127.0.0.2 ipv4 unicast 10.1.0.0/24 next-hop self
neighbor 127.0.0.3 ipv4 unicast 10.1.0.0/24 next-hop self
neighbor 127.0.0.3 ipv4 unicast 10.2.0.0/24 next-hop 10.0.0.9
done
`)
	q := api.Question{What: api.ShowRIB, Text: true}
	only := api.Item{Kind: api.Query, Peers: named("127.0.0.2"), More: &api.More{Query: q}}
	a.want(a.say(only), "neighbor 127.0.0.2 ipv4 unicast 10.1.0.0/24 next-hop self\ndone\n")
	only.Peers = named("127.0.0.9")
	a.want(a.say(only), "error: no neighbor matches the command\nerror\n")
	a.want(a.ask(api.Question{What: api.ListRoutes, Address: prefix(t, "10.2.0.7/32")}),
		`[ { "index": "000101180A0200", "peer-address": "127.0.0.3", "family": "ipv4 unicast", "nlri": { "nlri": "10.2.0.0/24" }, "next-hop": "10.0.0.9" } ]`+"\ndone\n")
	a.want(a.ask(api.Question{What: api.ShowRIB, In: true}), "[ ]\ndone\n")
	only = api.Item{Kind: api.Query, Peers: named("127.0.0.3"), More: &api.More{Query: api.Question{What: api.ShowRIB, In: true}}}
	a.want(a.say(only), "error: neighbor 127.0.0.3: what it says is not kept; its section wants adj-rib-in\nerror\n")
	// An address that is a neighbor's stands for it.
	a.want(a.ask(api.Question{What: api.ShowRIB, Text: true, Address: prefix(t, "127.0.0.2/32")}), "neighbor 127.0.0.2 ipv4 unicast 10.1.0.0/24 next-hop self\ndone\n")
}

func TestStatusQuestions(t *testing.T) {
	a := newAsked(t, askedConf)
	var s struct {
		Version, UUID string
		PID           int
		Peers         map[string]string
	}
	line, answer, _ := strings.Cut(a.ask(api.Question{What: api.DaemonStatus}), "\n")
	if err := json.Unmarshal([]byte(line), &s); err != nil || answer != "done\n" || s.PID != os.Getpid() || len(s.Peers) != 2 || len(s.UUID) != 36 {
		t.Errorf("%s %s %v", line, answer, err)
	}
	a.want(a.ask(api.Question{What: api.QueueStatus}), `{"one":{"items":0,"bytes":0}}`+"\ndone\n")
	text := a.ask(api.Question{What: api.ShowPeers, Detail: api.Configuration, Text: true})
	if !strings.HasPrefix(text, "neighbor 127.0.0.2 {\n  description first;\n  router-id 10.0.0.1;\n") || !strings.HasSuffix(text, "}\ndone\n") {
		t.Error(text)
	}
	var list []ExportedNeighbor
	line, _, _ = strings.Cut(a.ask(api.Question{What: api.ShowPeers, Detail: api.Configuration}), "\n")
	if err := json.Unmarshal([]byte(line), &list); err != nil || len(list) != 2 || list[1].Peer != "127.0.0.3" || list[0].Routes != nil {
		t.Error(line, err)
	}
}

// TestReloadAnswers has "done" mean that the new configuration is at work, and
// "error" that nothing has changed.
func TestReloadAnswers(t *testing.T) {
	a := newAsked(t, askedConf)
	reload := func(text bool) string {
		return a.say(api.Item{Kind: api.Reload, More: &api.More{Query: api.Question{Text: text}}})
	}
	first, _, _ := strings.Cut(askedConf, "neighbor 127.0.0.3")
	a.write(a.d.options.Path, first)
	a.want(reload(true), "reload in progress\ndone\n")
	peers := func() string { return a.ask(api.Question{What: api.ListPeers, Text: true}) }
	a.want(peers(), "neighbor 127.0.0.2 peer-as 65001 state ACTIVE\ndone\n")
	a.write(a.d.options.Path, first+"bogus;")
	a.want(reload(false), fmt.Sprintf("{\"status\":\"reload in progress\"}\nerror: %s:5:1: unknown word \"bogus\", want appliance, neighbor, process, template, watchdog\nerror\n", a.d.options.Path))
	a.want(peers(), "neighbor 127.0.0.2 peer-as 65001 state ACTIVE\ndone\n")
	restart := func() string { return a.say(api.Item{Kind: api.Restart, More: &api.More{}}) }
	if got := restart(); !strings.HasPrefix(got, "{\"status\":\"restart in progress\"}\nerror: ") {
		t.Error(got)
	}
	a.write(a.d.options.Path, first)
	a.want(restart(), "{\"status\":\"restart in progress\"}\ndone\n")
	a.want(a.say(api.Item{Kind: api.Crash, More: &api.More{}}), "done\n")
	select {
	case why := <-a.d.stop:
		t.Error(why)
	default:
	}
	a.want(a.say(api.Item{Kind: api.Shutdown, More: &api.More{Query: api.Question{Text: true}}}), "shutdown in progress\ndone\n")
	a.want(<-a.d.stop+"\n", "a helper said shutdown\n")
}

func prefix(t *testing.T, text string) netip.Prefix {
	t.Helper()
	p, err := netip.ParsePrefix(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

package lab_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp/capability"
	"holdfast/bgp/wire"
	"holdfast/lab"
)

const examples = "/usr/share/doc/exabgp/examples"

// TestExamplesAreValid: what Debian's ExaBGP ships as examples is valid.
func TestExamplesAreValid(t *testing.T) {
	files, _ := filepath.Glob(examples + "/*.conf")
	if len(files) < 50 {
		t.Fatalf("%d examples in %s", len(files), examples)
	}
	h := lab.New(t).Host("box")
	for _, f := range files {
		if out, err := h.Try(lab.Binary(h), "validate", f); err != nil {
			t.Errorf("%s: %v\n%s", filepath.Base(f), err, out)
		}
	}
}

// differs is how many routes of an example differ from Debian's, and why;
// docs/exabgp.md lists the same.
var differs = map[string]struct {
	routes int
	why    string
}{
	"conf-l2vpn":           {1, "the same NLRI twice: for us the later one of the file counts, Debian's tells the sections in another order"},
	"parse-community":      {1, "origin:130000:1234 has a type of its own there (0x0203); ExaBGP main makes 0x0103 of it"},
	"conf-prefix-sid-srv6": {2, "the SRv6 TLV is a draft's there, RFC 9252's here"},
	"conf-flow-redirect":   {1, "origin:2.3.4.5:6789 is told as an AS number there (type 0x0003), as an address here and by ExaBGP main (0x0103)"},
}

// different counts the routes that only one of two tables has as it has them.
func different(a, b map[string]string) (n int) {
	for k, v := range a {
		if w, ok := b[k]; !ok || w != v {
			n++
		}
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			n++
		}
	}
	return n
}

// neighbors is what "holdfast config export" says, as far as it is asked here.
type neighbors struct {
	Neighbors []struct {
		Peer         string   `json:"peer-address"`
		LocalAddress string   `json:"local-address"`
		PeerAS       any      `json:"peer-as"` // a number, or auto
		MD5          bool     `json:"md5-password"`
		Routes       []string `json:"announce"`
		Connect      int
	} `json:"neighbor"`
	Processes []any `json:"process"`
}

// TestExamplesMeanTheSame sends the routes of each example that has some, and no
// helper, to the same listener from us and from Debian's ExaBGP.
func TestExamplesMeanTheSame(t *testing.T) {
	files, _ := filepath.Glob(examples + "/*.conf")
	compared := 0
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".conf")
		h := lab.New(t).Host("box")
		out, err := h.Try(lab.Binary(h), "config", "export", f)
		var n neighbors
		if err == nil {
			err = json.Unmarshal(out, &n)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(n.Neighbors) != 1 || len(n.Processes) > 0 || len(n.Neighbors[0].Routes) == 0 || n.Neighbors[0].MD5 || n.Neighbors[0].LocalAddress == "auto" {
			continue
		}
		compared++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours := tableOf(t, f, n, func(h *lab.Host) []string { return []string{lab.Binary(h), "server", f} })
			theirs := tableOf(t, f, n, func(*lab.Host) []string { return []string{"/usr/sbin/exabgp", f} })
			if known := differs[name]; different(theirs, ours) != known.routes {
				t.Errorf("known are %d different routes (%s), but (-Debian's +ours)\n%s", known.routes, known.why, cmp.Diff(theirs, ours))
			}
		})
	}
	if compared < 15 {
		t.Errorf("only %d examples were compared", compared)
	}
}

// tableOf is what a listener has been told when a daemon has read the example:
// family and NLRI → next hop and attributes, each as JSON.
func tableOf(t *testing.T, file string, n neighbors, argv func(*lab.Host) []string) map[string]string {
	h := lab.New(t).Host("box")
	peer, _, _ := strings.Cut(n.Neighbors[0].Peer, "/")
	for _, a := range []string{peer, n.Neighbors[0].LocalAddress} {
		if !strings.HasPrefix(a, "127.") && a != "::1" {
			add := []string{"ip", "address", "add", a + "/32", "dev", "lo"}
			if strings.Contains(a, ":") {
				add = []string{"ip", "address", "add", a + "/128", "dev", "lo", "nodad"} // to be there at once
			}
			h.Try(add...)
		}
	}
	port := 1790
	if n.Neighbors[0].Connect != 0 {
		port = n.Neighbors[0].Connect
	}
	as, _ := n.Neighbors[0].PeerAS.(float64)
	l := &listener{as: uint32(as)}
	var at net.Listener
	if err := h.Do(func() (err error) { at, err = net.Listen("tcp", net.JoinHostPort(peer, fmt.Sprint(port))); return err }); err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	go l.serve(at)
	env := append(os.Environ(), fmt.Sprintf("exabgp_tcp_port=%d", port), "exabgp_tcp_bind=", "exabgp_api_cli=false", "exabgp_daemon_user=root",
		"exabgp_log_destination=stderr", "exabgp_daemon_drop=false")
	d := h.Start("daemon", env, argv(h)...)
	lab.Poll(soon, func() bool { return l.settled() || !d.Running() })
	d.Stop()
	return decoded(t, h, file, l.updates())
}

// listener is a peer that says what is said to it, and writes down UPDATEs.
type listener struct {
	as   uint32
	mu   sync.Mutex
	got  []string
	ends int // End-of-RIBs that are to come
}

func (l *listener) serve(at net.Listener) {
	c, err := at.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	for {
		head := make([]byte, 19)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		m := append(head, make([]byte, int(binary.BigEndian.Uint16(head[16:]))-19)...)
		if _, err := io.ReadFull(c, m[19:]); err != nil {
			return
		}
		keepalive := append(append([]byte{}, m[:16]...), 0, 19, 4)
		switch m[18] {
		case 1:
			l.awaits(m)
			c.Write(append(l.mirror(m), keepalive...))
		case 2:
			l.takes(m)
		case 4:
			c.Write(keepalive)
		}
	}
}

// mirror is an OPEN as the one that came, from another router of the peer's AS.
func (l *listener) mirror(m []byte) []byte {
	o := append([]byte{}, m...)
	o[27]++
	for i := 29; i+1 < len(o); i += 2 + int(o[i+1]) {
		if o[i] == 2 && i+4+4 <= len(o) && o[i+2] == 65 {
			binary.BigEndian.PutUint32(o[i+4:], l.as)
		}
	}
	short := l.as
	if short > 0xffff {
		short = 23456
	}
	binary.BigEndian.PutUint16(o[20:], uint16(short))
	return o
}

// awaits an End-of-RIB of each family of an OPEN.
func (l *listener) awaits(open []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = -1 // of one that can't be read: it never settles
	if o, bad := wire.ParseOpen(open); bad == nil {
		l.ends = len(capability.Families(o.Capabilities))
	}
}

// takes writes an UPDATE down.
func (l *listener) takes(update []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, hex.EncodeToString(update))
	if endOfRIB(update) {
		l.ends--
	}
}

// endOfRIB says whether an UPDATE is empty, or has but an MP_UNREACH_NLRI that is;
// Debian's ExaBGP spends two octets on its length.
func endOfRIB(update []byte) bool {
	attributes := update[23:]
	if [4]byte(update[19:]) != [4]byte{3: byte(len(attributes))} {
		return false // it withdraws, or announces
	}
	return len(attributes) == 0 || attributes[1] == 15 && len(attributes) <= 7
}

// settled says that everything has come that is told at first.
func (l *listener) settled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.got) > 0 && l.ends == 0
}

func (l *listener) updates() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got
}

// inOrder is attributes with their communities in order: Debian's ExaBGP sends
// them as they are written.
func inOrder(attributes map[string]any) string {
	for name, value := range attributes {
		if list, ok := value.([]any); ok && strings.Contains(name, "community") {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
	}
	b, _ := json.Marshal(attributes) // came out of JSON
	return string(b)
}

// decoded is what our decoder makes of messages.
func decoded(t *testing.T, h *lab.Host, file string, messages []string) map[string]string {
	list := h.File("updates", strings.Join(messages, "\n"))
	// What can't be decoded is missing from the table, which is then different.
	out, _ := h.Try("sh", "-c", lab.Binary(h)+" decode -c "+file+" < "+list+" 2>/dev/null; true")
	table := map[string]string{}
	for line := range strings.Lines(string(out)) {
		var e struct {
			Neighbor struct {
				Message struct {
					Update struct {
						Attribute map[string]any
						Announce  map[string]map[string][]json.RawMessage
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		for family, hops := range e.Neighbor.Message.Update.Announce {
			for hop, routes := range hops {
				for _, r := range routes {
					table[family+" "+string(r)] = hop + " " + inOrder(e.Neighbor.Message.Update.Attribute)
				}
			}
		}
	}
	return table
}

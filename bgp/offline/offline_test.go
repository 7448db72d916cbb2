package offline

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"holdfast/bgp"
	"holdfast/bgp/event"
	"holdfast/bgp/family"
	"holdfast/bgp/wire"
	"holdfast/lab/golden"
)

// fixed is an event in which nothing depends on when and where it is.
var fixed = event.Event{Time: time.Unix(1, 500_000_000), Source: event.Source{Host: "box", PID: 7, PPID: 1}}

// TestGoldens has a section for each command: the messages that it sends, what
// they mean as JSON, and the commands that they are said with again. These
// commands send the same octets.
func TestGoldens(t *testing.T) {
	said := map[string]bool{}
	golden.Sections(t, "testdata/commands/*.txtar", func(t *testing.T, command, _ string) string { return goThrough(t, command, said) })
	for _, c := range family.Table {
		for _, verb := range []string{"announce ", "withdraw "} {
			if !said[verb+c.Family.String()] {
				t.Errorf("no golden has %q", verb+c.Family.String())
			}
		}
	}
}

// goThrough says a command, reads its messages, and says what it read.
func goThrough(t *testing.T, command string, said map[string]bool) string {
	e := Encoder{Session: Default()}
	d := NewDecoder(Default(), fixed, nil)
	out, err := e.Line(nil, command)
	if err != nil {
		return fmt.Sprintf("error %v\n", err)
	}
	msgs, err := Messages(out, wire.TypeUpdate)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, m := range msgs {
		fmt.Fprintf(&text, "%X\n", m[wire.HeaderLen:])
		j, err := d.JSON(nil, m)
		if err != nil || !json.Valid(j) {
			t.Fatalf("%v: %s", err, j)
		}
		_, body, _ := strings.Cut(string(j), `"direction": "in", `)
		fmt.Fprintln(&text, strings.TrimSuffix(body, " } }"))
		commands, err := d.Commands(nil, m)
		if err != nil || len(d.Problems) > 0 {
			t.Fatal(err, d.Problems)
		}
		text.Write(commands)
		for _, line := range strings.Split(strings.TrimSpace(string(commands)), "\n") {
			w := strings.Fields(line)
			said[w[0]+" "+w[1]+" "+w[2]] = true
		}
		if tree := string(d.Tree(nil, m)); strings.Contains(tree, "error") || strings.Contains(tree, "problem") {
			t.Errorf("tree:\n%s", tree)
		}
		again(t, string(commands), m)
	}
	return text.String()
}

// again wants the commands of a message to send its routes once more: each alone
// means what they meant together.
func again(t *testing.T, commands string, m []byte) {
	e := Encoder{Session: Default()}
	d := NewDecoder(Default(), fixed, nil)
	var got string
	for _, line := range strings.Split(strings.TrimSpace(commands), "\n") {
		out, err := e.Line(nil, line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		back, err := d.Commands(nil, out)
		if err != nil {
			t.Fatal(err)
		}
		got += string(back)
	}
	if diff := cmp.Diff(commands, got); diff != "" {
		t.Errorf("said again:\n%s", diff)
	}
}

// TestMessages has one of each other message, as JSON and as a tree.
func TestMessages(t *testing.T) {
	golden.Sections(t, "testdata/messages.txtar", func(t *testing.T, _, text string) string {
		octets, _, _ := strings.Cut(text, "\n")
		b, err := Octets(octets)
		if err != nil {
			t.Fatal(err)
		}
		got := octets + "\n"
		msgs, err := Messages(b, wire.TypeUpdate)
		if err != nil {
			got += "error " + err.Error() + "\n"
		}
		for _, m := range msgs {
			for _, legacy := range []bool{false, true} {
				got += asJSON(t, m, legacy)
			}
			got += string(NewDecoder(Default(), fixed, nil).Tree(nil, m))
		}
		return got
	})
}

// asJSON is a message's event, which has to be JSON, or why there is none.
func asJSON(t *testing.T, m []byte, legacy bool) string {
	d := NewDecoder(Default(), fixed, nil)
	d.Legacy = legacy
	j, err := d.JSON(nil, m)
	if err != nil {
		return "error " + err.Error() + "\n"
	}
	if !json.Valid(j) {
		t.Errorf("no JSON: %s", j)
	}
	return string(j) + "\n"
}

func TestNLRI(t *testing.T) {
	d := NewDecoder(Default(), fixed, nil)
	c := family.Lookup(bgp.IPv4Unicast)
	got, err := d.NLRI(nil, []byte{8, 10, 16, 10, 1, 40}, c.Family)
	want := "{ \"nlri\": \"10.0.0.0/8\" }\n{ \"nlri\": \"10.1.0.0/16\" }\n"
	if diff := cmp.Diff(want, string(got)); diff != "" || err == nil || !strings.HasPrefix(err.Error(), "octet 5: ipv4 unicast: ") {
		t.Errorf("%v\n%s", err, diff)
	}
}

// FuzzDecode holds that whatever comes is decoded or refused: JSON is JSON, and
// what is said of an UPDATE sends what it says.
func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*.txtar")
	files = append(files, "testdata/messages.txtar")
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range a.Files {
			line, _, _ := strings.Cut(string(s.Data), "\n")
			if b, err := hex.DecodeString(line); err == nil {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		msgs, _ := Messages(b, wire.TypeUpdate)
		for _, m := range msgs {
			d := NewDecoder(Default(), fixed, nil)
			j, err := d.JSON(nil, m)
			if err == nil && !json.Valid(j) {
				t.Fatalf("no JSON: %s", j)
			}
			d.Tree(nil, m)
			d.Commands(nil, m)
		}
	})
}

// TestTooLong has attributes that fit a set, and no message beside each other:
// both commands say so.
func TestTooLong(t *testing.T) {
	var lists strings.Builder
	for name, format := range map[string]string{"community": "%d:%d ", "extended-community": "target:%d:%d "} {
		fmt.Fprintf(&lists, " %s [ ", name)
		for i := range 7500 {
			fmt.Fprintf(&lists, format, 1+i>>12, i&0xfff)
		}
		lists.WriteString("]")
	}
	e := Encoder{Session: Default()}
	for _, command := range []string{"announce", "withdraw"} {
		out, err := e.Line(nil, command+" flow route destination 10.0.0.0/24"+lists.String())
		if err == nil || err.Error() != "ipv4 flow: the route does not fit a message of 65535 octets" {
			t.Errorf("%s: %d octets, %v", command, len(out), err)
		}
	}
}

// BenchmarkJSON has the same attributes again and again, and others each time.
func BenchmarkJSON(b *testing.B) {
	const attributes = "40010100" + "40021a02060000fde900000d1c00001b1b0000e1dd000111700000fdea" + "400304c0000201" + "80040400000064" +
		"400504000000c8" + "c00808fde80001fde80002" + "c010080002fde800000001" + "c020180000fde800000001000000020000fde80000000300000004"
	routes := ""
	for i := range 20 {
		routes += fmt.Sprintf("180a%04x", i)
	}
	octets, err := Octets(fmt.Sprintf("0000%04x", len(attributes)/2) + attributes + routes)
	if err != nil {
		b.Fatal(err)
	}
	msgs, err := Messages(octets, wire.TypeUpdate)
	if err != nil {
		b.Fatal(err)
	}
	msg := msgs[0]
	for _, c := range []struct {
		name   string
		change byte
	}{{"same", 0}, {"others", 1}} {
		b.Run(c.name, func(b *testing.B) {
			d := NewDecoder(Default(), fixed, nil)
			var line []byte
			b.ReportAllocs()
			for b.Loop() {
				at := bytes.Index(msg, []byte{0x80, 4, 4}) + 3 // MULTI_EXIT_DISC
				binary.BigEndian.PutUint32(msg[at:], binary.BigEndian.Uint32(msg[at:])+uint32(c.change))
				if line, err = d.JSON(line[:0], msg); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(line)))
		})
	}
}

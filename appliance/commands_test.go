package appliance

import (
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"holdfast/bgp/wire"
	"holdfast/lab/golden"
)

// TestCommands has dialogues. What goes in is in sections
//
//	conf  words of the section of neighbor 127.0.0.2, to be read at the start
//	      or when the daemon is told so
//	peer  messages that it sends, without marker and length
//	cmd   lines of its helper
//
// and what comes of them follows: what the helper is answered; the messages,
// without marker, that 127.0.0.2 and others read; and what is told of the first
// in JSON and in text.
func TestCommands(t *testing.T) { golden.Files(t, "testdata/commands/*.txtar", dialogue) }

// dialogue has what goes in said, and puts what comes of it in its place.
func dialogue(t *testing.T, a *txtar.Archive) {
	in := a.Files
	a.Files = nil
	words := chainWords
	if len(in) > 0 && in[0].Name == "conf" {
		words = string(in[0].Data)
		a.Files, in = in[:1:1], in[1:]
	}
	c := newChain(t, words)
	c.results() // of the start
	for _, f := range in {
		switch f.Name {
		case "conf":
			text, _ := os.ReadFile(c.d.options.Path)
			c.write(c.d.options.Path, strings.Replace(string(text), words, string(f.Data), 1))
			words = string(f.Data)
		case "peer":
			c.receive(string(f.Data))
		case "cmd":
		default:
			continue
		}
		a.Files = append(a.Files, f)
		if f.Name == "cmd" {
			a.Files = c.result(a.Files, "reply", c.converse(string(f.Data)))
		}
		if f.Name != "conf" {
			a.Files = append(a.Files, c.results()...)
		}
	}
}

// converse says lines, each when all has come of the one before.
func (c *chain) converse(lines string) (answers string) {
	for line := range strings.Lines(lines) {
		answers += c.say(strings.TrimSuffix(line, "\n"))
		select {
		case why := <-c.d.stop:
			c.stop(why)
		default:
			c.settle()
		}
	}
	return brief(steady(answers))
}

// stop has the daemon stop, and the neighbors read what they are told of it.
func (c *chain) stop(why string) {
	c.stopped = true
	ended := make(chan struct{})
	go func() { c.d.shutdown(why, c.d.factsNow()); close(ended) }()
	for at := range c.sessions {
		c.until(at, nil)
	}
	<-ended
}

// receive has the first neighbor send messages.
func (c *chain) receive(lines string) {
	for line := range strings.Lines(lines) {
		b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(line), ":", ""))
		if err != nil {
			c.Fatal(err)
		}
		m := wire.AppendHeader(nil, wire.Type(b[0]))
		c.sessions["127.0.0.2"].Write(wire.PatchLength(append(m, b[1:]...), 0))
		<-c.in
	}
	c.settle()
}

// results are the sections of what has come.
func (c *chain) results() (out []txtar.File) {
	for _, n := range []string{"", " 3", " 4"} {
		at := "127.0.0." + strings.TrimSpace(n)
		if n == "" {
			at += "2"
		}
		var text strings.Builder
		for _, m := range c.frames[at] {
			if m == nil {
				text.WriteString("closed\n")
			} else {
				fmt.Fprintf(&text, "%04X:%02X:%X\n", len(m), m[18], m[wire.HeaderLen:])
			}
		}
		out = c.result(out, "wire"+n, text.String())
	}
	clear(c.frames)
	return c.result(c.result(out, "json", c.events("two")), "text", c.events("one"))
}

// result adds a section that is not empty.
func (c *chain) result(out []txtar.File, name, text string) []txtar.File {
	if text != "" {
		out = append(out, txtar.File{Name: name, Data: []byte(text)})
	}
	return out
}

// unsteady is what differs each time, and what stands for it.
var unsteady = []struct {
	is  *regexp.Regexp
	put string
}{
	{regexp.MustCompile(`"(pid|uptime|start_time|duration)":[\d.]+`), `"$1":0`},
	{regexp.MustCompile(`\d:\d\d:\d\d`), "0:00:00"},
	{regexp.MustCompile(`PID: \d+`), "PID: 0"},
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`Start time: .*`), "Start time: T"},
	{regexp.MustCompile(`/\S+/(edge.conf|one\b)`), "$1"},
}

func steady(s string) string {
	for _, u := range unsteady {
		s = u.is.ReplaceAllString(s, u.put)
	}
	return s
}

// brief leaves out most of what is long: all commands, told by "help".
func brief(s string) string {
	const most, some = 80, 8
	lines := strings.SplitAfter(s, "\n")
	for i, l := range lines {
		if len(l) > 50*most {
			lines[i] = l[:most] + "…\n"
		}
	}
	if n := len(lines); n > most {
		lines = append(append(lines[:some:some], "…\n"), lines[n-some:]...)
	}
	return strings.Join(lines, "")
}

// Package nlritest is what the tests of all families have in common: cases that
// bind text, bytes and JSON, and the properties that every codec has.
package nlritest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
	"holdfast/bgp/nlri"
)

// Case is one NLRI in its three forms. Said is another way to say it; JSON is
// compared as data.
type Case struct{ Text, Wire, JSON, Said string }

// Run checks cases.
func Run(t *testing.T, c *nlri.Codec, cases []Case) {
	t.Helper()
	for _, tt := range cases {
		wire, err := hex.DecodeString(strings.ReplaceAll(tt.Wire, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		body, n, err := c.Next(wire)
		if err != nil || n != len(wire) {
			t.Errorf("%s: %d of %d octets: %v", tt.Wire, n, len(wire), err)
			continue
		}
		v := c.View(nlri.Raw{Family: c.Family, Body: body})
		if got := string(v.AppendText(nil)); got != tt.Text {
			t.Errorf("%s: text\n got %s\nwant %s", tt.Wire, got, tt.Text)
		}
		sameJSON(t, tt.Text, string(v.AppendJSON(nil, nil)), tt.JSON)
		for _, said := range []string{tt.Text, tt.Said} {
			if said == "" || c.Form == nil {
				continue
			}
			if got, err := Say(c, said); err != nil || !bytes.Equal(got, body) {
				t.Errorf("%s:\n got %x %v\nwant %x", said, got, err, body)
			}
		}
	}
}

func sameJSON(t *testing.T, name, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Errorf("%s: %v in %s", name, err, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Errorf("%s: %v in %s", name, err, want)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("%s: JSON\n got %s\nwant %s", name, got, want)
	}
}

// Wrong checks what is wrong with statements.
func Wrong(t *testing.T, c *nlri.Codec, cases map[string]string) {
	t.Helper()
	for text, want := range cases {
		if got, err := Say(c, text); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v (%x)\nwant %s", text, err, got, want)
		}
	}
}

// Words is a source of words.
type Words []string

// Peek is the word that comes next.
func (w *Words) Peek() string {
	if len(*w) == 0 {
		return ""
	}
	return (*w)[0]
}

// Next takes it.
func (w *Words) Next() string {
	s := w.Peek()
	if s != "" {
		*w = (*w)[1:]
	}
	return s
}

// Split makes the words of a text.
func Split(text string) (w Words) {
	tokens, _ := grammar.Lex("", text)
	for _, t := range tokens {
		w = append(w, t.Text)
	}
	return w
}

// Say makes the body of a statement of the codec's family.
func Say(c *nlri.Codec, text string) ([]byte, error) {
	s := Split(text)
	d := c.Form.Begin(c.Family)
	var a attr.Draft
	for s.Peek() != "" {
		w := s.Next()
		if w == "path-information" {
			s.Next()
			continue
		}
		mine, err := d.Say(w, &s, &a)
		if err != nil {
			return nil, err
		}
		if !mine {
			return nil, grammar.Wish("a word of "+c.Family.String(), w)
		}
	}
	return d.AppendBody(nil)
}

// Properties checks what holds for whatever octets: what is read is canonical,
// and it is the same when its view is packed or said again; its JSON is JSON.
func Properties(t *testing.T, c *nlri.Codec, in []byte) {
	t.Helper()
	for len(in) > 0 {
		body, n, err := c.Next(in)
		if err != nil {
			return
		}
		if n <= 0 || n > len(in) {
			t.Fatalf("%d of %d octets", n, len(in))
		}
		in = in[n:]
		again, n, err := c.Next(body)
		if err != nil || n != len(body) || !bytes.Equal(again, body) {
			t.Fatalf("%x is not canonical: %x %d %v", body, again, n, err)
		}
		v := c.View(nlri.Raw{Family: c.Family, Body: body})
		if got := v.Raw().Body; !bytes.Equal(got, body) {
			t.Fatalf("%x became %x", body, got)
		}
		text := string(v.AppendText(nil))
		if c.Form != nil {
			if said, err := Say(c, text); err != nil || !bytes.Equal(said, body) {
				t.Fatalf("%s:\n got %x %v\nwant %x", text, said, err, body)
			}
		}
		if j := v.AppendJSON(nil, nil); !json.Valid(j) {
			t.Fatalf("%x: no JSON: %s", body, j)
		}
		if c.Key != nil {
			c.Key(nil, body)
		}
	}
}

// Fuzz checks the properties for codecs, chosen by the first argument.
func Fuzz(f *testing.F, codecs []*nlri.Codec, seeds ...string) {
	for i := range codecs {
		for _, s := range seeds {
			b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), b)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, in []byte) { Properties(t, codecs[int(i)%len(codecs)], in) })
}

// NoAllocations wants Next to allocate nothing for canonical octets.
func NoAllocations(t *testing.T, c *nlri.Codec, wire string) {
	t.Helper()
	in, err := hex.DecodeString(strings.ReplaceAll(wire, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := c.Next(in); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%s: %v allocations", c.Family, n)
	}
}

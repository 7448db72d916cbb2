package signature

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

var ours, theirs = Private{1}, Private{2}

func TestKeys(t *testing.T) {
	p, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParsePrivate(p.Encode())
	if err != nil || again != p {
		t.Error(err)
	}
	k, err := ParseKey(p.Public().String())
	if err != nil || k != p.Public() {
		t.Error(err)
	}
	if s := fmt.Sprint(p); strings.Contains(string(p.Encode()), s) || !strings.Contains(s, p.Public().ID()) {
		t.Error(s)
	}
	keys, err := ParseKeys("# the old one\n" + ours.Public().String() + "\n\n" + theirs.Public().String() + " # until May\r\n")
	if err != nil || len(keys) != 2 || keys[0] != ours.Public() || keys[1] != theirs.Public() {
		t.Error(keys, err)
	}
	for _, s := range []string{"abc", string(p.Encode()), ours.Public().String() + "\nx\n"} {
		if _, err := ParseKeys(s); err == nil {
			t.Errorf("%q are keys", s)
		}
	}
	for _, s := range []string{"", p.Public().String(), "ed25519-private abc"} {
		if _, err := ParsePrivate([]byte(s)); err == nil || s != "" && strings.Contains(err.Error(), s) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestVerify(t *testing.T) {
	text := []byte("a text")
	var none, one, both Signatures
	one.Sign(theirs, text)
	both.Sign(theirs, text)
	both.Sign(ours, []byte("another text"))
	both.Sign(ours, text) // in place of the wrong one
	for name, c := range map[string]struct {
		sigs  Signatures
		known []Key
		text  string
		want  error
	}{
		"nobody's":           {none, []Key{ours.Public()}, "a text", ErrUnsigned},
		"another's":          {one, []Key{ours.Public()}, "a text", ErrUnknown},
		"ours":               {one, []Key{ours.Public(), theirs.Public()}, "a text", nil},
		"while keys change":  {both, []Key{ours.Public()}, "a text", nil},
		"nobody is known":    {both, nil, "a text", ErrUnknown},
		"of an other text":   {both, []Key{ours.Public()}, "a text ", errors.New("the signature of key " + ours.Public().ID() + " is wrong: the manifest was changed after it was signed")},
		"the ID of our key ": {Signatures{{id: ours.Public().ID(), sig: one[0].sig}}, []Key{ours.Public()}, "a text", errors.New("the signature of key " + ours.Public().ID() + " is wrong: the manifest was changed after it was signed")},
	} {
		if _, err := c.sigs.Verify(c.known, []byte(c.text)); fmt.Sprint(err) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if got := both.IDs(); len(got) != 2 || got[0] != theirs.Public().ID() {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	var s Signatures
	s.Sign(ours, nil)
	f.Add(s.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(all.Encode())
		if err != nil || string(again.Encode()) != string(all.Encode()) {
			t.Fatal(err)
		}
	})
}

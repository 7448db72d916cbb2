package provision

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"holdfast/image/signature"
)

// bundle makes one for a target, of a version, signed by keys.
func bundle(t *testing.T, name, target string, version uint64, keys ...signature.Private) Candidate {
	t.Helper()
	to, err := ParseTarget(target)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Pack(name, fstest.MapFS{"edge.conf": {Data: []byte("# " + name)}}, []Target{to}, version)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		b.Sign(k)
	}
	return Candidate{Bundle: b, Name: name}
}

var (
	box    = Identity{Serial: "S1", UUID: "0f0e", MACs: []string{"02:00:00:00:00:01", "02:00:00:00:00:02"}}
	ours   = signature.Private{1}
	theirs = signature.Private{2}
)

func TestChoose(t *testing.T) {
	known := Trust{Keys: []signature.Key{ours.Public()}}
	strict := Trust{Keys: known.Keys, Signed: true}
	is := func(name, target string, version uint64, keys ...signature.Private) Candidate {
		return bundle(t, name, target, version, keys...)
	}
	damaged := func(c Candidate) Candidate { c.Err = errors.New("damaged"); return c }
	forged := is("forged", "serial:S1", 9, ours)
	forged.manifest = append([]byte(" "), forged.manifest...)
	plain := Candidate{Name: "p.conf", Bundle: Plain("p.conf", []byte("x"))}
	for _, c := range []struct {
		name       string
		candidates []Candidate
		trust      Trust
		taken      Taken
		want       string // the chosen one, "+" if it is here; and why not the others
	}{
		{"nothing", nil, known, Taken{}, ""},
		{"serial before all", []Candidate{is("any", "*", 9), is("mac", "mac:02-00-00-00-00-02", 8), is("uuid", "uuid:0F0E", 7), is("serial", "serial:S1", 1)}, known, Taken{},
			"serial; serial goes before it; serial goes before it; serial goes before it"},
		{"uuid before mac", []Candidate{is("mac", "mac:02:00:00:00:00:01", 8), is("uuid", "uuid:0f0e", 7)}, known, Taken{}, "uuid; uuid goes before it"},
		{"another's", []Candidate{is("a", "serial:S2", 1)}, known, Taken{}, "; it is for serial:S2; this box is serial S1, uuid 0f0e, mac 02:00:00:00:00:01 02:00:00:00:00:02"},
		{"a serial is not begun by another", []Candidate{is("a", "serial:S", 1), is("b", "*", 1)}, known, Taken{}, "b; it is for serial:S; this box is "},
		{"the newest", []Candidate{is("a", "*", 1), is("b", "*", 3), is("c", "*", 2)}, known, Taken{}, "b; b goes before it; b goes before it"},
		{"two alike", []Candidate{is("a", "*", 1), is("b", "*", 1)}, known, Taken{}, "; b is for this box just as much, and as new; a is for this box just as much, and as new"},
		{"the same twice", []Candidate{is("a", "*", 1), {Name: "b", Bundle: is("a", "*", 1).Bundle}}, known, Taken{}, "a; a goes before it"},
		{"older", []Candidate{is("a", "*", 4)}, known, Taken{Version: 5}, "; its version 4 is older than 5, which this box has taken"},
		{"as old", []Candidate{is("a", "*", 5)}, known, Taken{Version: 5}, "; this box has taken another bundle of version 5"},
		{"was here", []Candidate{is("a", "*", 5)}, known, Taken{Version: 5, Last: is("a", "*", 5).Digest}, "; this box has taken it, and something else has taken its place since: give it a version higher than 5"},
		{"here", []Candidate{is("a", "*", 5)}, known, Taken{Version: 5, Digest: is("a", "*", 5).Digest}, "a+"},
		{"the nearest is old, and another would be new", []Candidate{is("a", "serial:S1", 4), is("b", "*", 6)}, known, Taken{Version: 5}, "; its version 4 is older than 5, which this box has taken; a goes before it"},
		{"the nearest is here", []Candidate{is("a", "serial:S1", 4), is("b", "*", 6)}, known, Taken{Version: 4, Digest: is("a", "serial:S1", 4).Digest}, "a+; a goes before it"},
		{"damaged", []Candidate{damaged(is("a", "serial:S1", 4)), is("b", "*", 6)}, known, Taken{}, "; damaged; a goes before it"},
		{"not readable at all", []Candidate{{Name: "a", Err: errors.New("cut")}, is("b", "*", 6)}, known, Taken{}, "b; cut"},
		{"signed by ours", []Candidate{is("a", "*", 1, ours)}, strict, Taken{}, "a"},
		{"signed by both", []Candidate{is("a", "*", 1, theirs, ours)}, strict, Taken{}, "a"},
		{"signed by another", []Candidate{is("a", "*", 1, theirs)}, strict, Taken{}, "; no key that this box knows signed it"},
		{"signed by another, and that is allowed", []Candidate{is("a", "*", 1, theirs)}, known, Taken{}, "a"},
		{"unsigned", []Candidate{is("a", "*", 1)}, strict, Taken{}, "; nobody signed it"},
		{"the nearest has nobody's signature", []Candidate{is("a", "serial:S1", 9, theirs), is("b", "*", 1, ours)}, strict, Taken{}, "b; no key that this box knows signed it"},
		{"forged", []Candidate{forged}, known, Taken{}, "; the signature of key " + ours.Public().ID() + " is wrong: the manifest was changed after it was signed"},
		{"a file alone", []Candidate{plain}, known, Taken{Version: 7}, "p.conf"},
		{"a file alone is behind a bundle", []Candidate{plain, is("a", "*", 1)}, known, Taken{}, "a; a goes before it"},
		{"a file alone, unsigned", []Candidate{plain}, strict, Taken{}, "; nobody signed it"},
		{"a file alone, again", []Candidate{plain}, known, Taken{Digest: plain.Digest}, "p.conf+"},
	} {
		got := Choose(box, c.candidates, c.trust, c.taken)
		text := ""
		if got.Index >= 0 {
			text = c.candidates[got.Index].Name
		}
		if got.Here {
			text += "+"
		}
		for _, err := range got.Refused {
			if err != nil {
				text += "; " + err.Error()
			}
		}
		if !strings.HasPrefix(text, c.want) || c.want == "" && text != "" {
			t.Errorf("%s:\n%s, want\n%s", c.name, text, c.want)
		}
	}
}

// TestChooseDoesNotDependOnOrder: a folder lists its files as it likes.
func TestChooseDoesNotDependOnOrder(t *testing.T) {
	all := []Candidate{bundle(t, "a", "*", 3), bundle(t, "b", "serial:S1", 1), bundle(t, "c", "serial:S1", 2), bundle(t, "d", "serial:S2", 9)}
	for i := range all {
		turned := append(all[i:len(all):len(all)], all[:i]...)
		if c := Choose(box, turned, Trust{}, Taken{}); c.Index < 0 || turned[c.Index].Name != "c" {
			t.Errorf("turned by %d: %v", i, c)
		}
	}
}

func TestIdentity(t *testing.T) {
	for _, c := range [][2]string{{"To Be Filled By O.E.M.", ""}, {" 0000-0000 ", ""}, {"FFFFFFFF-FFFF", ""}, {" 5CD1234 ", "5CD1234"}, {"Default string", ""}} {
		if id, err := NewIdentity(c[0], ""); err != nil || id.Serial != c[1] {
			t.Errorf("%q: %q, want %q", c[0], id.Serial, c[1])
		}
	}
	id, err := NewIdentity("A/B:C 1", "ABCD", "02-00-00-00-00-0A")
	if err != nil || id.String() != "serial A/B:C 1, uuid abcd, mac 02:00:00:00:00:0a" || id.Label() != "A_B_C_1" {
		t.Errorf("%s %s %v", id, id.Label(), err)
	}
	if got := (Identity{}).Label() + (Identity{MACs: []string{"02:00"}}).Label(); got != "box02-00" {
		t.Error(got)
	}
	for _, s := range []string{"", "serial:", "mac:x", "mac:", "name:x", "**", "serial: x"} {
		if _, err := ParseTarget(s); err == nil {
			t.Errorf("%q is a target", s)
		}
	}
	if b := bundle(t, "a", "serial:S1", 1); b.For(Identity{}) {
		t.Error("a box without a serial has another's")
	}
}

package settings

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const someKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func TestProvision(t *testing.T) {
	s, errs := read("appliance { provision { drop /srv/drop; key " + someKey + "; signed required; } }")
	if errs != "" {
		t.Fatal(errs)
	}
	if d := cmp.Diff(Provision{Drop: "/srv/drop", Keys: []string{someKey}, Signed: true}, s.Provision); d != "" {
		t.Error(d)
	}
	for text, want := range map[string]string{
		"drop x;":          `edge.conf:1:30: drop: want a path from the root, got "x"`,
		"key abc;":         `edge.conf:1:29: key: want an ed25519 public key in base64, got "abc"`,
		"signed maybe;":    `edge.conf:1:32: signed: want required, got "maybe"`,
		"signed required;": `edge.conf:1:13: provision: signed required: want the key of those who sign`,
		"key " + someKey + "; key " + someKey + ";": `edge.conf:1:79: key: said twice`,
	} {
		if _, got := read("appliance { provision { " + text + " } }"); got != want {
			t.Errorf("%s\n%s, want\n%s", text, got, want)
		}
	}
}

package settings

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"holdfast/bgp/grammar"
)

// provision is the section that says which bundles the box takes.
func (r *reader) provision() *grammar.Node {
	p := &r.s.Provision
	return &grammar.Node{Word: "provision", Help: "bundles of configuration that this box takes",
		Close: func(c *grammar.Cursor) error {
			if p.Signed && len(p.Keys) == 0 && !c.Failed() {
				return errors.New("signed required: want the key of those who sign")
			}
			return nil
		},
		Kids: []*grammar.Node{
			{Word: "drop", Args: "PATH", Help: "the folder in which bundles are dropped (/etc/holdfast/drop)", Do: func(c *grammar.Cursor) (err error) {
				p.Drop, err = c.One("a path")
				if err == nil && !strings.HasPrefix(p.Drop, "/") {
					err = grammar.Wish("a path from the root", p.Drop)
				}
				return err
			}},
			{Word: "key", Args: "BASE64", Help: "an ed25519 public key, as holdfast provision keygen prints it, whose bundles are taken; several while a key is changed", Do: func(c *grammar.Cursor) error {
				const want = "an ed25519 public key in base64"
				s, err := c.One(want)
				if err != nil {
					return err
				}
				if k, err := base64.StdEncoding.Strict().DecodeString(s); err != nil || len(k) != ed25519.PublicKeySize {
					return grammar.Wish(want, s)
				}
				if slices.Contains(p.Keys, s) {
					return errors.New("said twice")
				}
				p.Keys = append(p.Keys, s)
				return nil
			}},
			{Word: "signed", Args: "required", Help: "what none of the keys has signed is refused", Do: func(c *grammar.Cursor) error {
				w, err := c.One("required")
				if err == nil && w != "required" {
					err = grammar.Wish("required", w)
				}
				p.Signed = err == nil
				return err
			}},
		}}
}

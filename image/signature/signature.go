// Package signature is who vouches for a text: keys, and what they signed
// (ed25519, RFC 8032). A text may have several signatures: while a key is
// changed, boxes know the one or the other.
package signature

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Key is a public key, in base64 as it is configured.
type Key [ed25519.PublicKeySize]byte

// Private is the key that signs. It is never printed but by keygen.
type Private [ed25519.SeedSize]byte

// ParseKey reads a public key.
func ParseKey(s string) (k Key, err error) {
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(s))
	if err != nil || len(b) != len(k) {
		return k, fmt.Errorf("want an ed25519 public key, %d octets in base64", len(k))
	}
	return Key(b), nil
}

// ParseKeys reads public keys, one a line. Behind "#" is a comment.
func ParseKeys(text string) (keys []Key, err error) {
	for line := range strings.Lines(text) {
		if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) == "" {
			continue
		}
		k, err := ParseKey(line)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// privateWord tells a private key from a public one, which is as long.
const privateWord = "ed25519-private "

// ParsePrivate reads what keygen wrote. The error does not show it.
func ParsePrivate(b []byte) (p Private, err error) {
	for line := range bytes.Lines(b) {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		text, is := bytes.CutPrefix(line, []byte(privateWord))
		seed, err := base64.StdEncoding.Strict().DecodeString(string(text))
		if !is || err != nil || len(seed) != len(p) {
			break
		}
		return Private(seed), nil
	}
	return p, errors.New("want an ed25519 private key as holdfast provision keygen writes it")
}

// Generate makes a private key.
func Generate() (p Private, err error) {
	_, err = rand.Read(p[:])
	return p, err
}

// Encode is the private key as ParsePrivate reads it.
func (p Private) Encode() []byte {
	return fmt.Appendf(nil, "# private key of holdfast bundles; public: %s\n%s%s\n", p.Public(), privateWord, base64.StdEncoding.EncodeToString(p[:]))
}

// String hides the key from whoever prints it.
func (p Private) String() string { return "private key of " + p.Public().ID() }

// Public is the key that verifies.
func (p Private) Public() Key {
	return Key(ed25519.NewKeyFromSeed(p[:]).Public().(ed25519.PublicKey))
}

func (k Key) String() string { return base64.StdEncoding.EncodeToString(k[:]) }

// ID is the first 8 octets of a key, in base64: enough to tell which it is.
func (k Key) ID() string { return base64.StdEncoding.EncodeToString(k[:8]) }

// MaxSize is how many octets the signatures of a text may have together.
const MaxSize = 64 << 10

// Signatures are those of one text.
type Signatures []one

// one is the ID of a key, and what it signed.
type one struct {
	id  string
	sig [ed25519.SignatureSize]byte
}

// Parse reads what Encode writes, a signature in each line.
func Parse(b []byte) (all Signatures, err error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("more than %d octets", MaxSize)
	}
	for n, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		words := strings.Fields(line)
		if len(words) != 2 {
			return nil, fmt.Errorf("line %d: want the ID of a key and a signature", n+1)
		}
		sig, err := base64.StdEncoding.Strict().DecodeString(words[1])
		if err != nil || len(sig) != ed25519.SignatureSize {
			return nil, fmt.Errorf("line %d: want a signature of %d octets in base64", n+1, ed25519.SignatureSize)
		}
		all = append(all, one{id: words[0], sig: [ed25519.SignatureSize]byte(sig)})
	}
	return all, nil
}

// Encode is a line for each signature.
func (all Signatures) Encode() (text []byte) {
	for _, s := range all {
		text = fmt.Appendf(text, "%s %s\n", s.id, base64.StdEncoding.EncodeToString(s.sig[:]))
	}
	return text
}

// Sign adds the signature of a text, in place of an older one of the same key.
func (all *Signatures) Sign(p Private, text []byte) {
	s := one{id: p.Public().ID(), sig: [ed25519.SignatureSize]byte(ed25519.Sign(ed25519.NewKeyFromSeed(p[:]), text))}
	for i := range *all {
		if (*all)[i].id == s.id {
			(*all)[i] = s
			return
		}
	}
	*all = append(*all, s)
}

// IDs are those of the keys that are said to have signed.
func (all Signatures) IDs() (ids []string) {
	for _, s := range all {
		ids = append(ids, s.id)
	}
	return ids
}

// Why a text has no signature that counts.
var (
	ErrUnsigned = errors.New("nobody signed it")
	ErrUnknown  = errors.New("no key that this box knows signed it")
)

// Verify gives the key that signed a text, of those that are known. Its error is
// ErrUnsigned, ErrUnknown, or says that a known key's signature is a wrong one.
func (all Signatures) Verify(known []Key, text []byte) (Key, error) {
	if len(all) == 0 {
		return Key{}, ErrUnsigned
	}
	err := ErrUnknown
	for _, s := range all {
		for _, k := range known {
			if k.ID() != s.id {
				continue
			}
			if ed25519.Verify(k[:], text, s.sig[:]) {
				return k, nil
			}
			err = fmt.Errorf("the signature of key %s is wrong: the manifest was changed after it was signed", s.id)
		}
	}
	return Key{}, err
}

// Decode reads what was signed, JSON of at most so many octets, into v. What v does
// not know is refused: a newer tool may have meant it as a condition.
func Decode(b []byte, most int, v any) error {
	if len(b) > most {
		return fmt.Errorf("more than %d octets", most)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind it")
	}
	return nil
}

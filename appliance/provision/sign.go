package provision

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Key is a public key, ed25519 (RFC 8032), in base64 as it is configured.
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

// Signature is a line of manifest.sig: the ID of a key, and what it signed.
type Signature struct {
	ID  string
	sig [ed25519.SignatureSize]byte
}

func parseSignatures(b []byte) (sigs []Signature, err error) {
	if len(b) > maxSigs {
		return nil, fmt.Errorf("more than %d octets", maxSigs)
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
		sigs = append(sigs, Signature{ID: words[0], sig: [ed25519.SignatureSize]byte(sig)})
	}
	return sigs, nil
}

// Sign adds a signature, in place of an older one of the same key. There may be
// several: while a key is changed, boxes know the one or the other.
func (b *Bundle) Sign(p Private) {
	s := Signature{ID: p.Public().ID(), sig: [ed25519.SignatureSize]byte(ed25519.Sign(ed25519.NewKeyFromSeed(p[:]), b.manifest))}
	for i := range b.sigs {
		if b.sigs[i].ID == s.ID {
			b.sigs[i] = s
			return
		}
	}
	b.sigs = append(b.sigs, s)
}

// Signatures are the IDs of the keys by which it says that it is signed.
func (b *Bundle) Signatures() (ids []string) {
	for _, s := range b.sigs {
		ids = append(ids, s.ID)
	}
	return ids
}

// Why a bundle has no signature that counts.
var (
	ErrUnsigned = errors.New("nobody signed it")
	ErrUnknown  = errors.New("no key that this box knows signed it")
)

// Verify gives the key that signed a bundle, of those that are known. Its error is
// ErrUnsigned, ErrUnknown, or says that a known key's signature is a wrong one.
func (b *Bundle) Verify(known []Key) (Key, error) {
	if len(b.sigs) == 0 {
		return Key{}, ErrUnsigned
	}
	err := ErrUnknown
	for _, s := range b.sigs {
		for _, k := range known {
			if k.ID() != s.ID {
				continue
			}
			if ed25519.Verify(k[:], b.manifest, s.sig[:]) {
				return k, nil
			}
			err = fmt.Errorf("the signature of key %s is wrong: the manifest was changed after it was signed", s.ID)
		}
	}
	return Key{}, err
}

// signatures are manifest.sig.
func (b *Bundle) signatures() (text []byte) {
	for _, s := range b.sigs {
		text = fmt.Appendf(text, "%s %s\n", s.ID, base64.StdEncoding.EncodeToString(s.sig[:]))
	}
	return text
}

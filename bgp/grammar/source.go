package grammar

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Source gives the words of a statement one after another; brackets,
// parentheses and commas are words of their own. Cursor is one, and so is a
// line of the API.
type Source interface {
	Peek() string // the word that comes next, "" at the end
	Next() string // takes it
}

// Value takes one word that is a value: no punctuation, and not the end.
func Value(s Source, want string) (string, error) {
	w := s.Peek()
	if strings.Contains(punctuation, w) { // so is the end
		return "", Wish(want, w)
	}
	return s.Next(), nil
}

// Uint takes a number from 0 to most, in decimal or as 0x and hexadecimal.
func Uint(s Source, most uint64) (uint64, error) {
	want := fmt.Sprintf("a number 0-%d", most)
	w, err := Value(s, want)
	if err != nil {
		return 0, err
	}
	n, err := ParseUint(w)
	if err != nil || n > most {
		return 0, Wish(want, w)
	}
	return n, nil
}

// ParseUint reads a number in decimal, or as 0x and hexadecimal.
func ParseUint(w string) (uint64, error) {
	if h, ok := strings.CutPrefix(w, "0x"); ok {
		return strconv.ParseUint(h, 16, 64)
	}
	return strconv.ParseUint(w, 10, 64)
}

// Addr takes an address without a zone.
func Addr(s Source) (netip.Addr, error) {
	w, err := Value(s, "an address")
	if err != nil {
		return netip.Addr{}, err
	}
	a, err := netip.ParseAddr(w)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, Wish("an address", w)
	}
	return a, nil
}

// Prefix takes a prefix, or an address, which is one of all its bits. Bits set
// beyond the length are refused, as ExaBGP does: they are a typing error more
// often than a habit.
func Prefix(s Source) (netip.Prefix, error) {
	w, err := Value(s, "a prefix")
	if err != nil {
		return netip.Prefix{}, err
	}
	return ParsePrefix(w)
}

// ParsePrefix reads what Prefix takes.
func ParsePrefix(w string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(w)
	if err != nil {
		a, err := netip.ParseAddr(w)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("want a prefix like 192.0.2.0/24 or 2001:db8::/32, got %q", w)
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%s has bits set beyond its length, want %s", w, p.Masked())
	}
	return p, nil
}

// Expect takes one word that there must be.
func Expect(s Source, word string) error {
	if s.Peek() != word {
		return Wish(word, s.Peek())
	}
	s.Next()
	return nil
}

// Items gives item one word, or each of several in brackets or parentheses;
// commas between them may be left out.
func Items(s Source, want string, item func(string) error) error {
	end := map[string]string{"[": "]", "(": ")"}[s.Peek()]
	if end == "" {
		w, err := Value(s, want)
		if err != nil {
			return err
		}
		return item(w)
	}
	for s.Next(); s.Peek() != end; {
		if s.Peek() == "," {
			s.Next()
			continue
		}
		w, err := Value(s, want+" or "+end)
		if err != nil {
			return err
		}
		if err := item(w); err != nil {
			return err
		}
	}
	s.Next()
	return nil
}

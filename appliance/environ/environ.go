// Package environ is ExaBGP's environment: the settings that stand in variables
// and in exabgp.env, what they mean here, and which of them mean nothing.
package environ

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Setting is one of ExaBGP's. Its variables are exabgp.SECTION.KEY and
// exabgp_SECTION_KEY; in exabgp.env it stands as KEY = VALUE under [exabgp.SECTION].
type Setting struct {
	Section, Key string
	Default      string
	Kind         Kind
	Help         string
	// Unused says what is instead, where the setting has no effect here.
	Unused string
}

// Kind is what values a setting has.
type Kind uint8

// The kinds.
const (
	Text Kind = iota
	Bool
	Number  // not negative
	Octal   // a file mode
	Seconds // not negative, perhaps with a fraction
	Addresses
	Choice // one of the setting's words
)

// choices are the words of settings that have no others.
var choices = map[string][]string{
	"api.encoder": {"json", "text"},
	"api.version": {"4", "6"},
	"log.level":   {"DEBUG", "INFO", "NOTICE", "WARNING", "ERR", "ERROR", "CRITICAL", "ALERT", "EMERG"},
}

// Name is "tcp.port".
func (s *Setting) Name() string { return s.Section + "." + s.Key }

// Find gives the setting of a name, nil if there is none.
func Find(name string) *Setting {
	for i := range Table {
		if Table[i].Name() == name {
			return &Table[i]
		}
	}
	return nil
}

// Environment is the settings that somebody gave.
type Environment struct {
	given    map[string]string // by name
	from     map[string]string // where from
	Warnings []string
}

// Read takes what the variables say, and under it what the file says. An error
// names every setting that has no such value; those that are not known at all
// are warnings, for ExaBGP ignores them.
func Read(environ []string, file io.Reader, path string) (*Environment, error) {
	e := &Environment{given: map[string]string{}, from: map[string]string{}}
	var errs []error
	if file != nil {
		errs = append(errs, e.file(file, path)...)
	}
	for _, prefix := range []string{"exabgp_", "exabgp."} { // what has points goes before what has none
		for _, v := range environ {
			key, value, _ := strings.Cut(v, "=")
			if name, ok := strings.CutPrefix(key, prefix); ok {
				if prefix == "exabgp_" {
					name = strings.Replace(name, "_", ".", 1)
				}
				errs = append(errs, e.set(name, value, key))
			}
		}
	}
	slices.Sort(e.Warnings)
	return e, errors.Join(errs...)
}

// set takes a value, if it is one.
func (e *Environment) set(name, value, from string) error {
	s := Find(name)
	if s == nil {
		if strings.HasPrefix(name, "debug.") || name == "version" || name == "api.file" {
			return nil
		}
		e.Warnings = append(e.Warnings, fmt.Sprintf("%s: there is no setting %q", from, name))
		return nil
	}
	if err := s.check(value); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if s.Unused != "" && !s.same(value, s.Default) {
		e.Warnings = append(e.Warnings, fmt.Sprintf("%s has no effect: %s", from, s.Unused))
	}
	e.given[name], e.from[name] = value, from
	return nil
}

// file reads the form of INI that ExaBGP has.
func (e *Environment) file(r io.Reader, path string) (errs []error) {
	section, lines := "", bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		at := fmt.Sprintf("%s:%d", path, n)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[' && strings.HasSuffix(line, "]"):
			section = strings.TrimPrefix(line[1:len(line)-1], "exabgp.")
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				errs = append(errs, fmt.Errorf("%s: want KEY = VALUE or [exabgp.SECTION], got %q", at, line))
				continue
			}
			value = strings.Trim(strings.TrimSpace(value), `'"`)
			errs = append(errs, e.set(section+"."+strings.TrimSpace(key), value, at))
		}
	}
	if err := lines.Err(); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", path, err))
	}
	return errs
}

// Get is a setting's value, or its default.
func (e *Environment) Get(name string) string {
	if v, ok := e.given[name]; ok {
		return v
	}
	if s := Find(name); s != nil {
		return s.Default
	}
	return ""
}

// From is where a setting's value is from, "" for its default.
func (e *Environment) From(name string) string { return e.from[name] }

// Bool is the value of a setting that is yes or no.
func (e *Environment) Bool(name string) bool { b, _ := parseBool(e.Get(name)); return b }

// Int is the value of a number.
func (e *Environment) Int(name string) int { n, _ := strconv.Atoi(e.Get(name)); return n }

// Addrs is the value of a list of addresses.
func (e *Environment) Addrs(name string) []netip.Addr { as, _ := parseAddrs(e.Get(name)); return as }

// Port is the port of BGP; 0 is the usual one.
func (e *Environment) Port() uint16 { return uint16(e.Int("tcp.port")) }

// same says whether two values mean the same.
func (s *Setting) same(a, b string) bool {
	switch s.Kind {
	case Bool:
		x, _ := parseBool(a)
		y, _ := parseBool(b)
		return x == y
	case Octal:
		return octal(a) == octal(b)
	case Seconds:
		x, _ := strconv.ParseFloat(a, 64)
		y, _ := strconv.ParseFloat(b, 64)
		return x == y
	}
	return a == b
}

func octal(v string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(v, "0o"), 8, 16)
	return n
}

func (s *Setting) check(value string) error {
	var err error
	switch s.Kind {
	case Bool:
		_, err = parseBool(value)
	case Number:
		most := uint64(1<<31 - 1)
		if s.Key == "port" {
			most = 65535
		}
		var n uint64
		if n, err = strconv.ParseUint(value, 10, 32); err != nil || n > most {
			err = fmt.Errorf("want a number up to %d, got %q", most, value)
		}
	case Octal:
		if _, err = strconv.ParseUint(strings.TrimPrefix(value, "0o"), 8, 16); err != nil {
			err = fmt.Errorf("want a file mode like 0137, got %q", value)
		}
	case Seconds:
		if f, bad := strconv.ParseFloat(value, 64); bad != nil || !(f >= 0) {
			err = fmt.Errorf("want a number, got %q", value)
		}
	case Addresses:
		_, err = parseAddrs(value)
	case Choice:
		if words := choices[s.Name()]; !slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, value) }) {
			err = fmt.Errorf("want %s, got %q", strings.Join(words, ", "), value)
		}
	}
	return err
}

func parseBool(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "true", "1", "on", "yes", "enable", "enabled":
		return true, nil
	case "", "false", "0", "off", "no", "disable", "disabled":
		return false, nil
	}
	return false, fmt.Errorf("want true or false, got %q", v)
}

func parseAddrs(v string) (as []netip.Addr, err error) {
	for _, w := range strings.Fields(strings.ReplaceAll(strings.Trim(v, `'"`), ",", " ")) {
		a, err := netip.ParseAddr(w)
		if err != nil {
			return nil, fmt.Errorf("want addresses, got %q", w)
		}
		as = append(as, a)
	}
	return as, nil
}

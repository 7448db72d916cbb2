package health

import (
	"flag"
	"fmt"
	"strings"
)

// Read fills a set of flags from a file's text: a long option on each line,
// "key = value" or "key" alone; "#" begins a comment. The error has its place.
func Read(fs *flag.FlagSet, name, text string) error {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, valued := strings.Cut(line, "=")
		if err := set(fs, strings.TrimSpace(key), strings.TrimSpace(value), valued); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	return nil
}

// set sets one flag.
func set(fs *flag.FlagSet, key, value string, valued bool) error {
	f := fs.Lookup(key)
	switch {
	case f == nil || len(key) < 2 || key == "sF" || key == "config":
		return fmt.Errorf("want a long option of healthcheck, got %q", key)
	case isBool(f) && !valued:
		value = "true"
	case isBool(f) && key != "syslog-facility":
		return fmt.Errorf("%s: want no value, got %q", key, value)
	case !isBool(f) && !valued:
		return fmt.Errorf("%s: want %s = VALUE", key, key)
	}
	if err := fs.Set(key, value); err != nil {
		return fmt.Errorf("%s: %w, got %q", key, err, value)
	}
	return nil
}

func isBool(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// Arguments are a command line in the forms that package flag knows: Python's
// argparse, which reads ExaBGP's, also takes "-i5" and the beginning of a long
// option.
func Arguments(fs *flag.FlagSet, args []string) (out []string) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		name := strings.TrimLeft(a, "-")
		key, value, joined := strings.Cut(name, "=")
		f := fs.Lookup(key)
		switch {
		case f != nil || len(name) < 2 || name == a:
		case strings.HasPrefix(a, "--"):
			if f = fs.Lookup(complete(fs, key)); f != nil {
				a = "--" + f.Name
				if joined {
					a += "=" + value
				}
			}
		default:
			if short := fs.Lookup(name[:1]); short != nil && !isBool(short) {
				a = "-" + name[:1] + "=" + name[1:]
				joined = true
			}
		}
		out = append(out, a)
		if f != nil && !isBool(f) && !joined && i+1 < len(args) { // whatever it looks like
			i++
			out[len(out)-1] += "=" + args[i]
		}
	}
	return out
}

// complete is the one long option that begins so, "" if there are more or none.
func complete(fs *flag.FlagSet, begin string) (name string) {
	n := 0
	fs.VisitAll(func(f *flag.Flag) {
		if len(f.Name) > 2 && strings.HasPrefix(f.Name, begin) {
			name, n = f.Name, n+1
		}
	})
	if n != 1 {
		return ""
	}
	return name
}

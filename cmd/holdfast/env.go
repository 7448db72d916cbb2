package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"

	"holdfast/appliance/environ"
)

// envPath is where ExaBGP keeps its settings.
const envPath = "/etc/exabgp/exabgp.env"

// environment reads ExaBGP's settings; without a name, its file need not be there.
func environment(path string) (*environ.Environment, error) {
	name := path
	if name == "" {
		name = envPath
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) && path == "" {
		return environ.Read(os.Environ(), nil, "")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return environ.Read(os.Environ(), f, name)
}

var envVerb = &verb{word: "env", args: "[-d] [-e|-f] [--env-file FILE]",
	help: "print ExaBGP's settings, and what they do here",
	long: `
  -d, --diff       only those that are not the default
  -e, --env        as variables for a shell
  -f, --file       as exabgp.env has them
  --env-file FILE  in place of /etc/exabgp/exabgp.env

Exit code: 0, or 1 if a setting has no such value.`,
	run: func(c *call) error {
		var diff, shell, ini bool
		c.BoolVar(&diff, "d", false, "")
		c.BoolVar(&diff, "diff", false, "")
		c.BoolVar(&shell, "e", false, "")
		c.BoolVar(&shell, "env", false, "")
		c.BoolVar(&ini, "f", false, "")
		c.BoolVar(&ini, "file", false, "")
		file := c.String("env-file", "", "")
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		e, err := environment(*file)
		if err != nil {
			return err
		}
		if ini {
			c.ini(e, diff)
		} else {
			c.settings(e, diff, shell)
		}
		for _, w := range e.Warnings {
			fmt.Fprintln(c.err, w)
		}
		return nil
	}}

func (c *call) settings(e *environ.Environment, diff, shell bool) {
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	defer w.Flush()
	for i := range environ.Table {
		s := &environ.Table[i]
		value := e.Get(s.Name())
		if diff && value == s.Default {
			continue
		}
		if shell {
			fmt.Fprintf(c.out, "exabgp_%s_%s='%s'\n", s.Section, s.Key, value)
			continue
		}
		note := s.Help
		if s.Unused != "" {
			note += " (no effect: " + s.Unused + ")"
		}
		fmt.Fprintf(w, "exabgp.%s\t%s\t%s\t%s\n", s.Name(), value, e.From(s.Name()), note)
	}
}

// ini prints settings as exabgp.env has them.
func (c *call) ini(e *environ.Environment, diff bool) {
	section := ""
	for i := range environ.Table {
		s := &environ.Table[i]
		value := e.Get(s.Name())
		if diff && value == s.Default {
			continue
		}
		if s.Section != section {
			section = s.Section
			fmt.Fprintf(c.out, "[exabgp.%s]\n", section)
		}
		fmt.Fprintf(c.out, "%s = %s\n", s.Key, value)
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"holdfast/appliance"
	"holdfast/bgp/config"
	"holdfast/bgp/grammar"
)

var validateVerb = &verb{word: "validate", args: "FILE… [--json]",
	help: "say all that is wrong with configuration files",
	long: `
All errors of all files are printed to standard error, one a line, as
FILE:LINE:COLUMN: WORD: what was wanted and what is there. Warnings too.
  --json  one object to standard output, for tools
Exit code: 0 if all files are valid, 1 if not.`,
	run: func(c *call) error {
		asJSON := c.Bool("json", false, "")
		files, err := c.parse(1, -1)
		if err != nil {
			return err
		}
		return c.validateAll(files, *asJSON)
	}}

// finding is an error or a warning at a place.
type finding struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"` // from 1; 0: the file as a whole
	Column   int    `json:"column,omitempty"`
	Word     string `json:"word,omitempty"`
	Severity string `json:"severity"` // error or warning
	Message  string `json:"message"`
	text     string
}

// verdict is what is to say of a file.
type verdict struct {
	File      string    `json:"file"`
	Valid     bool      `json:"valid"`
	Neighbors int       `json:"neighbors"`
	Routes    int       `json:"routes"`
	Gates     int       `json:"gates"`
	Findings  []finding `json:"findings"`
	Hint      string    `json:"hint,omitempty"` // what would make it valid
}

func (c *call) validateAll(files []string, asJSON bool) error {
	memory()
	all, bad := []verdict{}, false
	for _, f := range files {
		v := judge(f)
		all, bad = append(all, v), bad || !v.Valid
		if !asJSON {
			c.tell(v)
		}
	}
	if asJSON {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		if err := e.Encode(map[string]any{"files": all}); err != nil {
			return err
		}
	}
	if bad {
		return exitStatus(exitFailed)
	}
	return nil
}

// judge loads a file.
func judge(file string) verdict {
	v := verdict{File: file, Findings: []finding{}}
	l, err := appliance.Load(file)
	if err != nil {
		v.find(err, "error")
		v.Hint = hint(file)
		return v
	}
	for _, w := range l.Warnings {
		v.find(w, "warning")
	}
	if err := l.CheckKernel(); err != nil {
		v.find(err, "warning")
	}
	v.Valid, v.Neighbors, v.Gates = true, len(l.Config.Neighbors), len(l.Settings.Gates)
	for _, n := range l.Config.Neighbors {
		v.Routes += len(n.Routes)
	}
	return v
}

// hint says that a file has a form of ExaBGP 3.4, if that is all that is wrong.
func hint(file string) string {
	text, err := appliance.Read(file)
	if err != nil {
		return ""
	}
	out, changed := config.Convert(file, string(text), tree())
	if _, err := appliance.Parse(file, []byte(out)); err != nil || len(changed) == 0 {
		return ""
	}
	return "it is a file of ExaBGP 3.4: holdfast config convert " + file + " gives it today's form"
}

// find takes an error, or all those that it joins.
func (v *verdict) find(err error, severity string) {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			v.find(e, severity)
		}
		return
	}
	f := finding{File: v.File, Severity: severity, Message: err.Error(), text: err.Error()}
	var at *grammar.Error
	if errors.As(err, &at) {
		f.File, f.Line, f.Column, f.Word, f.Message = at.Pos.File, at.Pos.Line, at.Pos.Col, at.Word, at.Err.Error()
	}
	v.Findings = append(v.Findings, f)
}

// tell prints a verdict for people.
func (c *call) tell(v verdict) {
	errs := 0
	for _, f := range v.Findings {
		if f.Severity == "error" {
			errs++
			fmt.Fprintln(c.err, f.text)
		} else {
			fmt.Fprintf(c.err, "%s (warning)\n", f.text)
		}
	}
	if !v.Valid {
		fmt.Fprintf(c.err, "%s: %d %s\n", v.File, errs, plural(errs, "error"))
		if v.Hint != "" {
			fmt.Fprintf(c.err, "%s: %s\n", v.File, v.Hint)
		}
		return
	}
	fmt.Fprintf(c.out, "%s is valid: %d %s, %d %s, %d %s\n", v.File, v.Neighbors, plural(v.Neighbors, "neighbor"),
		v.Routes, plural(v.Routes, "route"), v.Gates, plural(v.Gates, "gate"))
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// Package config is the ExaBGP configuration tree and the neighbors, processes
// and routes it yields.
package config

import (
	"errors"
	"fmt"
	"slices"

	"holdfast/bgp/grammar"
)

// Options is what a configuration cannot say itself.
type Options struct {
	// ReadFile reads a file that a word names, such as a key's. Nil refuses
	// such words.
	ReadFile func(path string) ([]byte, error)
	// Processes are there already.
	Processes []Process
	// Sections are further words at the top, which their owner reads.
	Sections []*grammar.Node
}

// Source is a file of a configuration.
type Source struct {
	File string // how errors name it
	Text []byte
}

// Parse reads a configuration of one file.
func Parse(file string, text []byte, o Options) (*Config, error) {
	return ParseAll([]Source{{file, text}}, o)
}

// ParseAll reads a configuration of several files, in their order: a word may
// need what an earlier one says. The error joins all that is wrong, each an
// *grammar.Error with its place; then there is no configuration.
func ParseAll(sources []Source, o Options) (*Config, error) {
	b := &builder{options: o, templates: map[string]grammar.Body{}, ends: map[Ends]grammar.Pos{}}
	b.config.Processes = slices.Clone(o.Processes)
	root := b.root()
	for _, s := range sources {
		r := grammar.Walk(s.File, string(s.Text), root)
		b.errs = append(b.errs, r.Errors...)
		b.config.Warnings = append(b.config.Warnings, r.Warnings...)
	}
	if len(b.config.Neighbors) == 0 && len(b.config.Processes) == 0 && len(b.errs) == 0 {
		b.errs = append(b.errs, &grammar.Error{Pos: grammar.Pos{File: sources[0].File, Line: 1, Col: 1}, Err: errors.New("there is no neighbor")})
	}
	b.checkProcesses()
	for i := range b.config.Neighbors {
		b.config.Neighbors[i].listen(b.config.Processes)
	}
	if err := grammar.Join(grammar.Sort(b.errs)); err != nil {
		return nil, err
	}
	c := b.config
	return &c, nil
}

// Tree is the tree of keywords, for the manual and for completion.
func Tree(sections []*grammar.Node) *grammar.Node {
	b := &builder{options: Options{Sections: sections}, templates: map[string]grammar.Body{}, ends: map[Ends]grammar.Pos{}}
	return b.root()
}

// builder makes a Config of a walk.
type builder struct {
	options   Options
	config    Config
	errs      []*grammar.Error
	templates map[string]grammar.Body
	ends      map[Ends]grammar.Pos // of the neighbors so far
	process   Process
	used      []usedProcess
}

type usedProcess struct {
	name string
	pos  grammar.Pos
}

func (b *builder) root() *grammar.Node {
	n := &grammar.Node{Kids: []*grammar.Node{b.neighborNode(), b.templateNode(), b.processNode()}}
	n.Kids = append(n.Kids, b.options.Sections...)
	return n
}

// templateNode keeps the bodies of templates. They are checked where they
// stand, by a neighbor that nobody keeps, and read again where they are used.
func (b *builder) templateNode() *grammar.Node {
	n := &scope{b: b, template: true}
	inner := n.node("neighbor", "NAME", "words that neighbors can inherit")
	open := inner.Open
	inner.Open = func(c *grammar.Cursor) error {
		open(c)
		name, err := c.One("a name")
		if err != nil {
			return err
		}
		if _, ok := b.templates[name]; ok {
			return fmt.Errorf("there is a template %q already", name)
		}
		b.templates[name] = c.Body()
		return nil
	}
	return &grammar.Node{Word: "template", Help: "templates for neighbors", Kids: []*grammar.Node{inner}}
}

func (b *builder) processNode() *grammar.Node {
	return &grammar.Node{Word: "process", Args: "NAME", Help: "a helper that talks to us over its standard input and output",
		Open: func(c *grammar.Cursor) error {
			name, err := c.One("a name")
			if slices.ContainsFunc(b.config.Processes, func(p Process) bool { return p.Name == name }) {
				err = fmt.Errorf("there is a process %q already", name)
			}
			b.process = Process{Pos: c.Start(), Name: name, Respawn: true}
			return err
		},
		Kids: []*grammar.Node{
			{Word: "run", Args: "PROGRAM ARGUMENTS", Help: "what to start", Do: func(c *grammar.Cursor) error {
				if !c.More() {
					return grammar.Wish("a program", "")
				}
				b.process.Run = nil
				for c.More() {
					b.process.Run = append(b.process.Run, c.Next())
				}
				return nil
			}},
			{Word: "encoder", Args: "text|json", Help: "how events are told", Do: func(c *grammar.Cursor) (err error) {
				b.process.Encoder, err = oneOf(c, "text", "json")
				return err
			}},
			flag("respawn", "start it again when it ends", func() *bool { return &b.process.Respawn }),
			flag("ack", "answer its commands; api.ack of the environment says it for all", func() *bool { b.process.Ack = new(bool); return b.process.Ack }),
		},
		Close: func(*grammar.Cursor) error {
			b.config.Processes = append(b.config.Processes, b.process)
			if b.process.Run == nil {
				return errors.New("want run PROGRAM")
			}
			return nil
		}}
}

// checkProcesses looks for helpers that neighbors name and nobody starts.
func (b *builder) checkProcesses() {
	for _, u := range b.used {
		if !slices.ContainsFunc(b.config.Processes, func(p Process) bool { return p.Name == u.name }) {
			b.errs = append(b.errs, &grammar.Error{Pos: u.pos, Word: "processes", Err: fmt.Errorf("there is no process %q", u.name)})
		}
	}
}

func oneOf(c *grammar.Cursor, words ...string) (string, error) {
	want := words[0]
	for i, w := range words[1:] {
		if i == len(words)-2 {
			want += " or " + w
		} else {
			want += ", " + w
		}
	}
	s, err := c.One(want)
	if err == nil && !slices.Contains(words, s) {
		err = grammar.Wish(want, s)
	}
	return s, err
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"holdfast/appliance"
	"holdfast/appliance/settings"
	"holdfast/bgp/config"
	"holdfast/bgp/grammar"
)

var configVerb = &verb{word: "config", args: "schema|reference|convert|export|validate|example [FILE…]",
	help: "all words of the configuration; a file's old ones made new",
	long: `
  schema         all words as JSON, for editors
  reference      the manual of all words, as Markdown
  convert FILE   print FILE with today's forms in place of old ones, of ExaBGP
                 3.4 too; exit code 1 if the result is not valid
  export FILE    print what FILE means, as JSON
  validate FILE… the same as holdfast validate
  example        print a small configuration to begin with

ExaBGP's options of configuration validate (-n -r -v -p) are accepted.`,
	run: func(c *call) error {
		var all bool
		for _, name := range []string{"n", "neighbor", "r", "route", "v", "verbose", "p", "pdb"} {
			c.BoolVar(&all, name, false, "")
		}
		args, err := c.parse(1, -1)
		if err != nil {
			return err
		}
		do := configDo[args[0]]
		if do == nil {
			return usagef("want schema, reference, convert, export, validate or example, got %q", args[0])
		}
		if files := args[1:]; do.file != (len(files) > 0) {
			return usagef("%s: want %s", args[0], map[bool]string{true: "a file", false: "no file"}[do.file])
		}
		return do.run(c, args[1:])
	}}

// configurationVerb is ExaBGP's word.
var configurationVerb = &verb{word: "configuration", args: configVerb.args, help: configVerb.help, long: configVerb.long, hidden: true, run: configVerb.run}

// configDo are the words behind "config".
var configDo = map[string]*struct {
	file bool
	run  func(c *call, files []string) error
}{
	"schema":    {false, func(c *call, _ []string) error { return c.schema() }},
	"reference": {false, func(c *call, _ []string) error { fmt.Fprint(c.out, reference()); return nil }},
	"convert":   {true, (*call).convert},
	"export":    {true, (*call).export},
	"validate":  {true, func(c *call, files []string) error { return c.validateAll(files, false) }},
	"example":   {false, func(c *call, _ []string) error { fmt.Fprint(c.out, example); return nil }},
}

func tree() *grammar.Node { return config.Tree(settings.Sections(settings.Default())) }

func (c *call) schema() error {
	b, err := grammar.Schema(tree())
	if err == nil {
		_, err = fmt.Fprintf(c.out, "%s\n", b)
	}
	return err
}

// reference is the manual.
func reference() string {
	return "# The configuration\n\nGenerated from the tree of keywords: `holdfast config reference`.\n" +
		"Statements end in `;`, sections are in braces, `#` begins a comment.\n" + grammar.Reference(tree())
}

// convert prints files with their old forms replaced; the rest stays as it is.
// What is wrong with the result is told.
func (c *call) convert(files []string) error {
	var left []error
	for _, f := range files {
		text, err := appliance.Read(f)
		if err != nil {
			return err
		}
		out, changed := config.Convert(f, string(text), tree())
		fmt.Fprint(c.out, out)
		for _, what := range changed {
			fmt.Fprintln(c.err, what)
		}
		if _, err := appliance.Parse(f, []byte(out)); err != nil {
			left = append(left, fmt.Errorf("what came of %s is not valid:\n%w", f, err))
		}
	}
	return errors.Join(left...)
}

// export prints what files mean, without their keys.
func (c *call) export(files []string) error {
	for _, f := range files {
		l, err := appliance.Load(f)
		if err != nil {
			return err
		}
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		if err := e.Encode(l.Export()); err != nil {
			return err
		}
	}
	return nil
}

const example = `# An anycast address that is announced while its link is up, the address is on
# this box, and the hardware watchdog is armed.
watchdog { device /dev/watchdog0; timeout 10s; }

watchdog dns {
	link lo;
	address 192.0.2.53/32;
}

neighbor 198.51.100.1 {
	local-address 198.51.100.2;
	local-as 65001;
	peer-as 65000;
	router-id 198.51.100.2;
	family { ipv4 unicast; }
	static {
		route 192.0.2.53/32 next-hop self watchdog dns withdraw;
	}
}
`

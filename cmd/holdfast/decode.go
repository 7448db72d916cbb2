package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/settings"
	"holdfast/bgp"
	"holdfast/bgp/config"
	"holdfast/bgp/event"
	"holdfast/bgp/grammar"
	"holdfast/bgp/offline"
	"holdfast/bgp/wire"
)

var decodeVerb = &verb{word: "decode", args: "[HEX|FILE…] [-c FILE] [-f \"AFI SAFI\"] [--open|--update|--nlri|…] [--tree|--commands]",
	help: "say what messages mean: octets to ExaBGP's JSON",
	long: `
Octets in hexadecimal come from the arguments (blanks and colons are left out),
or one message a line from standard input. Messages without header are taken
as the body of an UPDATE, if nothing else is said. A FILE is a capture: pcap,
pcapng or MRT (also gzip or bzip2).

  -c FILE          decode for each neighbor of this configuration
  -f "AFI SAFI"    of --nlri, such as "ipv4 flow"
  -u, --update     octets without header are an UPDATE
  -o, --open       … an OPEN
  -n, --nlri       … NLRI of a family
  --notification, --refresh   … these
  -i, --path-information      routes carry path identifiers (RFC 7911)
  --tree           a tree of lines that begin with the octet and the length
  -m, --commands   the API commands that would send an UPDATE

Exit code: 0, or 1 if something could not be decoded; what is wrong, with its
octet, is on standard error.`,
	run: func(c *call) error {
		d := &decoding{call: c}
		if err := d.flags(); err != nil {
			return err
		}
		return d.run()
	}}

// decoding is one run of the verb.
type decoding struct {
	*call
	args     []string
	file     string
	family   string
	kind     wire.Type
	nlri     bool
	paths    bool
	tree     bool
	commands bool
	decoders []*offline.Decoder
	w        *bufio.Writer
	failed   bool
}

func (d *decoding) flags() (err error) {
	kinds := map[string]wire.Type{"u": wire.TypeUpdate, "update": wire.TypeUpdate, "o": wire.TypeOpen, "open": wire.TypeOpen,
		"notification": wire.TypeNotification, "refresh": wire.TypeRefresh}
	d.kind = wire.TypeUpdate
	for name, t := range kinds {
		d.BoolFunc(name, "", func(string) error { d.kind = t; return nil })
	}
	for _, name := range []string{"n", "nlri"} {
		d.BoolVar(&d.nlri, name, false, "")
	}
	for _, name := range []string{"i", "path-information"} {
		d.BoolVar(&d.paths, name, false, "")
	}
	for _, name := range []string{"m", "commands", "command"} {
		d.BoolVar(&d.commands, name, false, "")
	}
	d.BoolVar(&d.tree, "tree", false, "")
	for _, name := range []string{"d", "debug", "p", "pdb", "j", "json", "g", "generic"} {
		d.Bool(name, false, "") // ExaBGP's; JSON is the default
	}
	for _, name := range []string{"c", "configuration"} {
		d.StringVar(&d.file, name, "", "")
	}
	for _, name := range []string{"f", "family"} {
		d.StringVar(&d.family, name, "", "")
	}
	d.args, err = d.parse(0, -1)
	return err
}

func (d *decoding) run() error {
	sessions, err := sessions(d.file)
	if err != nil {
		return err
	}
	like, err := likeHelpers()
	if err != nil {
		return err
	}
	var memory event.Memory
	for _, s := range sessions {
		if d.paths {
			s.AllPaths()
		}
		d.decoders = append(d.decoders, offline.NewDecoder(s, like, &memory))
	}
	d.w = bufio.NewWriterSize(d.out, 1<<16)
	if err := d.all(); err != nil {
		return err
	}
	if err := d.w.Flush(); err != nil {
		return err
	}
	if d.failed {
		return exitStatus(exitFailed)
	}
	return nil
}

// all decodes the arguments, or standard input.
func (d *decoding) all() error {
	if len(d.args) > 0 && !isFile(d.args[0]) {
		text := strings.Join(d.args, "")
		if strings.ContainsAny(text, "./") {
			return fmt.Errorf("decode: %s is no file, and no octets", d.args[0])
		}
		d.text(text)
		return nil
	}
	if len(d.args) > 0 && (d.file != "" || d.nlri) {
		return usagef("a capture tells of its sessions itself: -c and -n are for octets")
	}
	for _, path := range d.args {
		if err := d.capture(path); err != nil {
			return err
		}
	}
	if len(d.args) > 0 {
		return nil
	}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			d.text(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fail says what is wrong and goes on.
func (d *decoding) fail(err error) {
	d.failed = true
	fmt.Fprintf(d.err, "holdfast decode: %s\n", err)
}

// text decodes octets in hexadecimal.
func (d *decoding) text(hex string) {
	b, err := offline.Octets(hex)
	if err != nil {
		d.fail(err)
		return
	}
	if d.nlri {
		d.routes(b)
		return
	}
	msgs, err := offline.Messages(b, d.kind)
	for _, m := range msgs {
		for _, dec := range d.decoders {
			d.message(dec, m)
		}
	}
	if err != nil {
		d.fail(err)
	}
}

func (d *decoding) routes(b []byte) {
	f, err := familyOf(d.family)
	if err != nil {
		d.fail(fmt.Errorf("-f: %w", err))
		return
	}
	out, err := d.decoders[0].NLRI(nil, b, f)
	d.w.Write(out)
	if err != nil {
		d.fail(err)
	}
}

// familyOf reads "ipv4 unicast" or "ipv4/unicast".
func familyOf(words string) (bgp.Family, error) {
	afi, safi, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(words, "/", " ")), " ")
	f, ok := bgp.FamilyByWords(afi, strings.TrimSpace(safi))
	if !ok {
		return 0, grammar.Wish("a family like \"ipv4 unicast\"", words)
	}
	return f, nil
}

func (d *decoding) message(dec *offline.Decoder, m []byte) {
	var out []byte
	var err error
	switch {
	case d.tree:
		out = dec.Tree(nil, m)
	case d.commands:
		out, err = dec.Commands(nil, m)
	default:
		if out, err = dec.JSON(nil, m); err == nil {
			out = append(out, '\n')
		}
	}
	if err != nil {
		d.fail(err)
		return
	}
	d.w.Write(out)
	if !d.tree {
		for _, p := range dec.Problems {
			fmt.Fprintf(d.err, "holdfast decode: %s\n", p)
		}
	}
}

// sessions are those of a configuration's neighbors, or the one that ExaBGP
// takes for granted. Helpers and keys need not be here.
func sessions(file string) ([]*offline.Session, error) {
	if file == "" {
		return []*offline.Session{offline.Default()}, nil
	}
	text, err := appliance.Read(file)
	if err != nil {
		return nil, err
	}
	c, err := config.Parse(file, text, config.Options{Sections: settings.Sections(settings.Default())})
	if err != nil {
		return nil, err
	}
	var out []*offline.Session
	for i := range c.Neighbors {
		out = append(out, offline.Of(&c.Neighbors[i]))
	}
	if out == nil {
		return nil, fmt.Errorf("%s: there is no neighbor", file)
	}
	return out, nil
}

// likeHelpers is an event as the environment has helpers told.
func likeHelpers() (event.Event, error) {
	e, err := environment("")
	if err != nil {
		return event.Event{}, err
	}
	host, _ := os.Hostname()
	return event.Event{Legacy: e.Get("api.version") == "4", Compact: e.Bool("api.compact"), Time: time.Now(),
		Source: event.Source{Host: host, PID: os.Getpid(), PPID: os.Getppid()}}, nil
}

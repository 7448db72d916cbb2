package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/event"
	"holdfast/bgp/offline"
	"holdfast/bgp/wire"
)

var encodeVerb = &verb{word: "encode", args: "[COMMAND] [-c FILE] [-a ASN] [-z ASN] [-i] [-n] [--no-header]",
	help: "say what a command sends: an API line to octets",
	long: `
COMMAND is a line of the API, such as "announce route 192.0.2.0/24 next-hop
198.51.100.1"; "announce" may be left out before a route. Without it, each line
of standard input is one. Each message is a line of hexadecimal.

  -c FILE            encode for the first neighbor of this configuration
  -a, --local-as N   our AS (65533)
  -z, --peer-as N    the neighbor's AS (65533)
  -i, --path-information  routes carry path identifiers (RFC 7911)
  -n, --nlri         only the NLRI, as holdfast decode --nlri reads them
  --no-header        without the 19 octets of the header

Exit code: 0, or 1 if a command could not be encoded.`,
	run: func(c *call) error {
		var file string
		var local, peer bgp.ASN
		var paths, only, bare bool
		for _, n := range []string{"c", "configuration"} {
			c.StringVar(&file, n, "", "")
		}
		for _, n := range []string{"a", "local-as"} {
			c.Func(n, "", asn(&local))
		}
		for _, n := range []string{"z", "peer-as"} {
			c.Func(n, "", asn(&peer))
		}
		for _, n := range []string{"i", "path-information"} {
			c.BoolVar(&paths, n, false, "")
		}
		for _, n := range []string{"n", "nlri"} {
			c.BoolVar(&only, n, false, "")
		}
		for _, n := range []string{"f", "family"} { // ExaBGP's: the command says its family
			c.Func(n, "", func(words string) error { _, err := familyOf(words); return err })
		}
		c.BoolVar(&bare, "no-header", false, "")
		args, err := c.parse(0, -1)
		if err != nil {
			return err
		}
		ss, err := sessions(file)
		if err != nil {
			return err
		}
		s := ss[0]
		s.SetAS(local, peer)
		if paths {
			s.AllPaths()
		}
		e := &offline.Encoder{Session: s}
		show := func(m []byte) { fmt.Fprintln(c.out, strings.ToUpper(hex.EncodeToString(m))) }
		switch {
		case only:
			d := offline.NewDecoder(s, event.Event{}, nil)
			show = func(m []byte) { c.showNLRI(d, m) }
		case bare:
			show = func(m []byte) { fmt.Fprintln(c.out, strings.ToUpper(hex.EncodeToString(m[wire.HeaderLen:]))) }
		}
		return c.encode(e, args, show)
	}}

// asn takes an AS number, N or N.N.
func asn(to *bgp.ASN) func(string) error {
	return func(s string) (err error) { *to, err = bgp.ParseASN(s); return err }
}

func (c *call) encode(e *offline.Encoder, args []string, show func([]byte)) error {
	if len(args) > 0 {
		return encodeLine(e, strings.Join(args, " "), show)
	}
	failed := false
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := encodeLine(e, lines.Text(), show); err != nil {
			failed = true
			fmt.Fprintf(c.err, "holdfast encode: %s\n", err)
		}
	}
	if failed {
		return exitStatus(exitFailed)
	}
	return lines.Err()
}

func encodeLine(e *offline.Encoder, line string, show func([]byte)) error {
	b, err := e.Line(nil, line)
	if err != nil || len(b) == 0 {
		return err
	}
	msgs, err := offline.Messages(b, wire.TypeUpdate)
	for _, m := range msgs {
		show(m)
	}
	return err
}

// showNLRI prints the NLRI of a message, each on a line.
func (c *call) showNLRI(d *offline.Decoder, m []byte) {
	err := d.Routes(m, func(octets []byte) { fmt.Fprintln(c.out, strings.ToUpper(hex.EncodeToString(octets))) })
	if err != nil {
		fmt.Fprintf(c.err, "holdfast encode: %s\n", err)
	}
}

package api

import (
	"fmt"
	"strings"
)

// ReferenceTitle is the heading of the manual's chapter on the API.
const ReferenceTitle = "## All commands of the text API"

// Reference is that chapter, as Markdown.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	rows := func(title string, want func(*command) bool) {
		fmt.Fprintf(&b, "\n### %s\n\n| version 6 | version 4 | | answered with |\n|---|---|---|---|\n", title)
		for i := range commands {
			if c := &commands[i]; want(c) {
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(c.usage(6)), code(c.usageOld()), c.help, cell(c.answer))
			}
		}
	}
	ofFamily := func(c *command) bool { return c.routes && strings.HasPrefix(c.help[len("announce "):], "a route of ") }
	rows("Routes", func(c *command) bool { return c.routes && !ofFamily(c) })
	rows("Other commands", func(c *command) bool { return !c.routes })
	b.WriteString("\n### Routes of each family\n\n`withdraw` has the same words, but only those that tell which route it is. The words of\neach family and of all attributes are in [configuration.md](configuration.md).\n\n| version 6 | |\n|---|---|\n")
	for i := range commands {
		if c := &commands[i]; ofFamily(c) && strings.HasPrefix(c.words, "announce ") {
			fmt.Fprintf(&b, "| %s | %s |\n", code(c.usage(6)), c.help)
		}
	}
	return b.String()
}

// referenceHead is what is no table.
const referenceHead = ReferenceTitle + `

Generated from the table of commands: ` + "`go test ./bgp/api -update`" + `.

A helper process writes commands to its standard output, one on each line, and reads answers and events from its standard
input. The same words are understood on the API's socket. Words are those of ExaBGP: of version 6, of version 4, or of both
where ` + "`exabgp.api.version`" + ` does not say.

A command is answered with ` + "`done`" + `, or with ` + "`error: why`" + ` and ` + "`error`" + `; data comes before it. Commands are done and answered in
their order. ` + "`# text`" + ` is a comment, which is answered too.

**Peers.** SELECTOR is ` + "`ADDRESS`" + ` or ` + "`*`" + `, then any of ` + "`local-ip ADDRESS`, `local-as ASN`, `peer-as ASN`, `router-id ID`, `family-allowed AFI-SAFI/…|in-open`" + `.
Several stand behind commas: ` + "`neighbor A, neighbor B announce …`, `peer A, peer B announce …`, `peer [A local-as 1, B] announce …`" + `.
Without one, a command is for all peers whose ` + "`api { processes [ … ]; }`" + ` names the process; from the socket, for all.
A helper's routes are only for peers that name it, whoever is selected; other commands are for whoever is.
A command that no peer matches is an error.

**Endings.** ` + "`sync`" + ` has a command answered when the peers have been told, ` + "`async`" + ` when it has been carried out; ` + "`json`" + ` and
` + "`text`" + ` say how data is told. Version 4's words are answered in text, whatever the encoder of events; version 6's in JSON.

**Groups.** What is said between ` + "`group start` and `group end`" + ` is read and answered at once, and carried out at the end, in one
go: 100,000 commands, or 100 MB, at most. A command that fails leaves the others as they are. Other commands are not
part of a group, and are carried out where they stand.
`

// usageOld is how a command is said in version 4, without what is as in version 6.
func (c *command) usageOld() string {
	if s, same := c.usage(4), strings.TrimSpace(c.words+" "+c.args); c.who != nobody && c.words != "teardown" && strings.HasSuffix(s, same) {
		return strings.TrimSuffix(s, same) + c.words + " …"
	}
	return c.usage(4)
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

package api

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/operational"
	"holdfast/bgp/route"
)

// Complete gives the words that may stand in place of the last one of a line, or
// come next if a blank ends it. neighbors are the addresses that peers have.
func Complete(line string, neighbors []string) (out []string) {
	w, err := split(line)
	if err != nil {
		return nil
	}
	last := ""
	if n := len(w.list); n > 0 && !strings.HasSuffix(line, " ") && !strings.Contains(punctuation, w.list[n-1].text) {
		last, w.list = w.list[n-1].text, w.list[:n-1]
	}
	for _, s := range following(&w, neighbors) {
		if strings.HasPrefix(s, last) {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// following are the words that may come behind those of a line.
func following(w *words, neighbors []string) []string {
	v := bare
	var more []string // that continue the peers
	switch first := w.Peek(); {
	case first == "":
		return append(root.words(bare), "neighbor")
	case first == "peer" && w.ahead() == "show":
		w.Next()
	case first == "peer" && root.next["peer"].next[w.ahead()] != nil:
	case first == "peer" || first == "neighbor":
		var open bool
		if more, open = peersFollowing(w, neighbors); open {
			return more
		}
		v = toPeers
	}
	at := root
	for at.follow(w.Peek(), v) != nil {
		at = at.follow(w.Next(), v)
	}
	if at == root {
		if w.Peek() != "" {
			return nil
		}
		return append(more, at.words(v)...)
	}
	out := at.words(v)
	if at.does != nil && at.heard&v != 0 {
		out = append(out, at.does.following(texts(w.list[w.next:]), neighbors)...)
	} else if w.Peek() != "" {
		return nil
	}
	return out
}

// peersFollowing reads peers, and gives the words that may continue them; open:
// no command can come yet.
func peersFollowing(w *words, neighbors []string) (out []string, open bool) {
	word := w.Next()
	addresses := append(slices.Clone(neighbors), "*")
	bracket := word == "peer" && w.Peek() == "["
	if bracket {
		w.Next()
	} else if word == "peer" {
		out = append(root.next["peer"].words(bare), "[", "show")
	}
	for {
		if w.Peek() == "" {
			return append(out, addresses...), true
		}
		out = nil
		for w.Next(); keyOf(w.Peek()) != nil; w.Next() {
			if w.Next(); w.Peek() == "" {
				return nil, true // its value
			}
		}
		if w.Peek() != "," {
			break
		}
		if w.Next(); w.Peek() == word {
			w.Next()
		}
	}
	if bracket && w.Peek() == "]" {
		w.Next()
		return nil, false
	}
	out = []string{","}
	for _, k := range termKeys {
		out = append(out, k.word)
	}
	if bracket {
		out = append(out, "]")
	}
	return out, bracket
}

// following are the words that may come behind some of a command.
func (c *command) following(said, neighbors []string) []string {
	switch {
	case c.words == "group" && len(said) == 0:
		return []string{"announce", "withdraw", "attributes"}
	case c.words == "peer delete" || c.words == "peer create" && len(said) == 0:
		return neighbors
	case c.words == "announce operational":
		return operationalFollowing(said)
	case c.routes:
		return routeFollowing(c, said)
	}
	return unsaid(c.args, said)
}

func operationalFollowing(said []string) (out []string) {
	for _, w := range operational.Words {
		if len(said) == 0 {
			out = append(out, w.Word)
		} else if w.Word == said[0] {
			return unsaid(w.Args, said[1:])
		}
	}
	return out
}

// literal finds the words in how a command is described that stand for
// themselves.
var literal = regexp.MustCompile(`(^|[ \[|])([a-z][a-z0-9-]+)`)

// unsaid are the words of a description that were not said yet, and what may
// stand for AFI and SAFI.
func unsaid(args string, said []string) (out []string) {
	for _, m := range literal.FindAllStringSubmatch(args, -1) {
		out = append(out, m[2])
	}
	if n := len(said); strings.Contains(args, "AFI") && n < 4 {
		if n > 0 && slices.Contains(slices.Collect(maps.Values(afis)), said[n-1]) {
			return append(out, safis(said[n-1])...)
		}
		if n == 0 || said[n-1] == "afi" {
			out = append(out, slices.Collect(maps.Values(afis))...)
		}
	}
	return slices.DeleteFunc(out, func(w string) bool { return slices.Contains(said, w) })
}

// safis are those that go with an address family.
func safis(afi string) (out []string) {
	for _, f := range familiesWhere(func(bgp.Family) bool { return true }) {
		for _, n := range bgp.FamilyNames(f) {
			if n.AFI == afi {
				out = append(out, n.SAFI)
			}
		}
	}
	return out
}

// routeFollowing are the words that may come behind those of a route: the values
// that its last word may have, or all words that were not said.
func routeFollowing(c *command, said []string) (out []string) {
	known := map[string]route.Word{}
	for _, w := range route.Words(c.family) {
		known[w.Word] = w
	}
	if len(said) == 0 && (c.family == 0 || route.ByPrefix(c.family)) && !strings.HasPrefix(c.words[len("announce "):], "attribute") {
		return nil // a prefix
	}
	for i := 0; i < len(said); i++ {
		w, ok := known[said[i]]
		if !ok || w.Args == "" {
			continue
		}
		i++
		if i == len(said) {
			return unsaid(w.Args, nil)
		}
		if end := map[string]string{"[": "]", "(": ")"}[said[i]]; end != "" {
			n := slices.Index(said[i:], end)
			if n < 0 {
				return unsaid(w.Args, said[i:])
			}
			i += n
		}
	}
	for word := range known {
		if !slices.Contains(said, word) {
			out = append(out, word)
		}
	}
	if strings.Contains(c.args, "nlri") {
		out = append(out, "nlri")
	}
	return append(out, "sync", "async")
}

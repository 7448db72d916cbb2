package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"holdfast/bgp/api"
)

var completionVerb = &verb{word: "completion", args: "bash|zsh",
	help: "print a script that completes holdfast's commands",
	long: `
bash: holdfast completion bash > /etc/bash_completion.d/holdfast
zsh:  holdfast completion zsh > "${fpath[1]}/_holdfast"

The script asks holdfast completion words -- WORDS…, which prints what may stand
in place of the last of the words: commands, flags, and behind encode and cli
those of the API.`,
	run: func(c *call) error {
		args, err := c.parse(1, -1)
		if err != nil {
			return err
		}
		switch script := scripts[args[0]]; {
		case script != "" && len(args) == 1:
			fmt.Fprint(c.out, script)
		case args[0] == "words" && len(args) > 1:
			for _, w := range complete(args[1:]) {
				fmt.Fprintln(c.out, w)
			}
		default:
			return usagef("want bash or zsh, got %q", args[0])
		}
		return nil
	}}

// scripts take files where there are no words.
var scripts = map[string]string{
	"bash": `_holdfast() {
	local cur=${COMP_WORDS[COMP_CWORD]} IFS=$'\n'
	COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "$cur"))
	[ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$cur"))
}
complete -o filenames -F _holdfast holdfast
`,
	"zsh": `#compdef holdfast
_holdfast() {
	local -a all
	all=("${(@f)$($words[1] completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	[[ -n $all ]] && compadd -a all || _files
}
_holdfast "$@"
`,
}

// complete gives the words that may stand in place of the last one.
func complete(words []string) (out []string) {
	last := words[len(words)-1]
	var all []string
	switch v := find(words[0]); {
	case len(words) == 1:
		for _, v := range verbs {
			if !v.hidden {
				all = append(all, v.word)
			}
		}
	case v == nil:
	case strings.HasPrefix(last, "-"):
		all = append(flagPattern.FindAllString(v.args+v.long, -1), "--help")
	case v == encodeVerb && len(words) == 2:
		all = []string{"announce", "withdraw"}
	case v == encodeVerb || v == cliVerb:
		return api.Complete(strings.Join(words[1:], " "), nil)
	case len(words) == 2 && strings.Contains(v.args, "|") && v.args[0] != '[':
		first, _, _ := strings.Cut(v.args, " ")
		all = strings.Split(first, "|")
	}
	for _, w := range all {
		if strings.HasPrefix(w, last) {
			out = append(out, w)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// flagPattern finds flags in how a verb is described.
var flagPattern = regexp.MustCompile(`--[a-z][a-z0-9-]*`)

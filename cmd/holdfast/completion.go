package main

import (
	"fmt"
	"io"
	"strings"
)

var completionVerb = &verb{word: "completion", args: "bash|zsh",
	help: "print a script that completes holdfast's commands",
	long: `
bash: holdfast completion bash > /etc/bash_completion.d/holdfast
zsh:  holdfast completion zsh > "${fpath[1]}/_holdfast"`,
	run: func(c *call) error {
		args, err := c.parse(1, 1)
		if err != nil {
			return err
		}
		switch args[0] {
		case "bash":
			bash(c.out)
		case "zsh":
			zsh(c.out)
		default:
			return usagef("want bash or zsh, got %q", args[0])
		}
		return nil
	}}

func shown() (vs []*verb) {
	for _, v := range verbs {
		if !v.hidden {
			vs = append(vs, v)
		}
	}
	return vs
}

// flags of a verb, as its usage names them.
func flags(v *verb) (fs []string) {
	for w := range strings.FieldsSeq(v.args) {
		if w = strings.Trim(w, "[]"); strings.HasPrefix(w, "--") && w != "--" {
			fs = append(fs, w)
		}
	}
	return append(fs, "--help")
}

func bash(out io.Writer) {
	var words []string
	fmt.Fprint(out, "_holdfast() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}\n\tif [ \"$COMP_CWORD\" -gt 1 ]; then\n\t\tcase $verb in\n")
	for _, v := range shown() {
		words = append(words, v.word)
		fmt.Fprintf(out, "\t\t%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\") $(compgen -f -- \"$cur\")) ;;\n", v.word, strings.Join(flags(v), " "))
	}
	fmt.Fprintf(out, "\t\tesac\n\telse\n\t\tCOMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n\tfi\n}\ncomplete -o filenames -F _holdfast holdfast\n", strings.Join(words, " "))
}

func zsh(out io.Writer) {
	fmt.Fprint(out, "#compdef holdfast\n_holdfast() {\n\tlocal -a verbs\n\tverbs=(\n")
	for _, v := range shown() {
		fmt.Fprintf(out, "\t\t'%s:%s'\n", v.word, strings.ReplaceAll(v.help, "'", "'\\''"))
	}
	fmt.Fprint(out, "\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command verbs\n\t\treturn\n\tfi\n\tcase $words[2] in\n")
	for _, v := range shown() {
		fmt.Fprintf(out, "\t%s) _arguments '*:file:_files' %s ;;\n", v.word, "'"+strings.Join(flags(v), "' '")+"'")
	}
	fmt.Fprint(out, "\tesac\n}\n_holdfast \"$@\"\n")
}

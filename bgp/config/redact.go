package config

import (
	"slices"
	"strings"

	"holdfast/bgp/grammar"
)

// secret are the words behind which a key stands.
var secret = []string{"md5-password", "md5", "password"}

// Redact is a valid text with "…" in place of each key, for people and logs. What else
// stands there stays as it is, comments too.
func Redact(text string) string {
	tokens, _ := grammar.Lex("", text)
	at := offsets(text, tokens)
	var out strings.Builder
	done := 0
	for i := 0; i+1 < len(tokens); i++ {
		if t := tokens[i]; t.Quoted || !slices.Contains(secret, t.Text) || !begins(tokens, i) {
			continue
		}
		key := tokens[i+1]
		if punctuates(key) {
			continue
		}
		end := len(text)
		if i+2 < len(tokens) {
			end = at[i+2]
		}
		out.WriteString(text[done:at[i+1]] + "…")
		done = end
	}
	return out.String() + text[done:]
}

// begins says whether a token is the first of a statement.
func begins(tokens []grammar.Token, i int) bool {
	return i == 0 || punctuates(tokens[i-1])
}

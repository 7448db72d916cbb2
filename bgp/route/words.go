package route

import "holdfast/bgp/attr"

// Word is a word that may stand in a route, for the tree of keywords.
type Word struct{ Word, Args, Help string }

// Words are all of them, attributes first.
func Words() []Word {
	var ws []Word
	for _, l := range attr.Leaves {
		ws = append(ws, Word{l.Word, shown(l.Form, l.Arg), l.Help})
	}
	for _, l := range Leaves {
		ws = append(ws, Word{l.Word, shown(l.Form, l.Arg), l.Help})
	}
	return ws
}

func shown(f attr.Form, arg string) string {
	switch f {
	case attr.List:
		return "[ " + arg + " … ]"
	case attr.Paren:
		return "( " + arg + " )"
	}
	return arg
}

package grammar

import "encoding/json"

// schema is a node as JSON.
type schema struct {
	Word    string   `json:"word,omitempty"`
	Args    string   `json:"args,omitempty"`
	Help    string   `json:"help,omitempty"`
	Instead string   `json:"instead,omitempty"`
	Simple  bool     `json:"statement,omitempty"`
	Section bool     `json:"section,omitempty"`
	Others  bool     `json:"others,omitempty"` // its section also takes words that are not listed
	Words   []schema `json:"words,omitempty"`
	Like    string   `json:"words-of,omitempty"` // its words are those of the section around it that this names
}

// Schema is a tree as JSON, for editors and other tools: each word with what
// follows it, and whether it is a statement, a section, or both.
func Schema(n *Node) ([]byte, error) {
	return json.MarshalIndent(schemaOf(n, map[**Node]string{}), "", "  ")
}

// schemaOf is a node; around are the sections that it stands in, by their words.
func schemaOf(n *Node, around map[**Node]string) schema {
	s := schema{Word: n.Word, Args: n.Args, Help: n.Help, Instead: n.Instead, Simple: n.Do != nil, Section: n.isSection(), Others: n.Otherwise != nil}
	if len(n.Kids) == 0 {
		return s
	}
	first := &n.Kids[0]
	if at, in := around[first]; in {
		s.Like = at
		return s
	}
	around[first] = n.Word
	for _, k := range n.Kids {
		s.Words = append(s.Words, schemaOf(k, around))
	}
	delete(around, first)
	return s
}

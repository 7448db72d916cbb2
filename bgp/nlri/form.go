package nlri

import (
	"fmt"

	"holdfast/bgp"
	"holdfast/bgp/attr"
	"holdfast/bgp/grammar"
)

// Draft is an NLRI while it is being said.
type Draft interface {
	// Say takes the values of a word; false means that the word is none of the
	// family's, and then nothing was taken. What a word says of the route
	// beside its NLRI, such as an action of flow, goes into a.
	Say(word string, s grammar.Source, a *attr.Draft) (bool, error)
	// AppendBody appends the NLRI that was said. An error says what is missing.
	AppendBody(b []byte) ([]byte, error)
}

// Withdrawer is a draft of which less needs to be said when its route is taken
// back.
type Withdrawer interface {
	Draft
	// Withdrawn says, before AppendBody, that the route is taken back.
	Withdrawn()
}

// Form is how the NLRI of a family are said, behind the family's own word:
// "mup mup-isd 2001::/64 rd 100:100". Attributes may stand between the words.
type Form struct {
	Words []Word
	// Begin gives an empty draft. A family with AFI 0 leaves it to what is said;
	// the draft then has a method Family() bgp.Family that tells.
	Begin func(f bgp.Family) Draft
	// NoHop says that routes need no next hop.
	NoHop bool
}

// Word is a word that says a part of an NLRI, for manual and completion.
type Word struct {
	Word, Args, Help string
	Section          string // of the configuration that it stands in; "": the route's own
}

// Leaf is a word that says a part of a T.
type Leaf[T any] struct {
	Word, Args, Help string
	Say              func(t *T, s grammar.Source) error
}

// None is the error of a word that says what routes of a type do not have.
func None(word string) error { return fmt.Errorf("%s: the route type has none", word) }

// Words are those of leaves.
func Words[T any](leaves []Leaf[T]) []Word {
	ws := make([]Word, len(leaves))
	for i, l := range leaves {
		ws[i] = Word{Word: l.Word, Args: l.Args, Help: l.Help}
	}
	return ws
}

// Say has the leaf of a word take its values; false: there is none.
// "route-distinguisher" is the same as "rd".
func Say[T any](leaves []Leaf[T], t *T, word string, s grammar.Source) (bool, error) {
	if word == "route-distinguisher" {
		word = "rd"
	}
	for i := range leaves {
		if leaves[i].Word == word {
			return true, leaves[i].Say(t, s)
		}
	}
	return false, nil
}

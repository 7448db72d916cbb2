package provision

import (
	"fmt"
	"strings"
)

// What a result is called, beside what it is about.
const (
	resultSuffix   = ".result.txt"
	rejectedSuffix = ".rejected"
)

// isResult says whether a file is one that says how something went, or was
// refused already.
func isResult(name string) bool {
	return strings.HasSuffix(name, resultSuffix) || strings.HasSuffix(name, rejectedSuffix) || strings.HasSuffix(name, rejectedSuffix+".txt")
}

// Result is how it went with one file or folder that was dropped.
type Result struct {
	Name   string // of what was dropped
	Chosen string // what of it was taken, if it held many; "" is Name
	Digest string // "": it could not be read
	Taken  bool   // the box runs it
	Why    string // what happened, in one line
	Places []string
	Refuse []error  // why the others in it were not taken
	Box    Identity // whose result it is
	Uptime string   // since the box started: it may have no clock
}

// Text is the result for an operator.
func (r Result) Text() string {
	var t strings.Builder
	state := "rejected"
	if r.Taken {
		state = "taken"
	}
	fmt.Fprintf(&t, "%s: %s\n%s\n", r.Name, state, r.Why)
	for _, p := range r.Places {
		fmt.Fprintf(&t, "  %s\n", p)
	}
	if r.Chosen != "" && r.Chosen != r.Name {
		fmt.Fprintf(&t, "bundle: %s\n", r.Chosen)
	}
	if r.Digest != "" {
		fmt.Fprintf(&t, "digest: sha256 %s\n", r.Digest)
	}
	fmt.Fprintf(&t, "box: %s\nafter: %s since the box started\n", r.Box, r.Uptime)
	for _, err := range r.Refuse {
		if err != nil {
			fmt.Fprintf(&t, "not taken: %s\n", err)
		}
	}
	return t.String()
}

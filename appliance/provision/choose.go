package provision

import (
	"errors"
	"fmt"

	"holdfast/image/signature"
)

// Candidate is something that may be a bundle.
type Candidate struct {
	*Bundle        // nil: not even whom it is for is known
	Name    string // of the file or folder
	Err     error  // why it can't be taken, whomever it is for
}

// Trust is whose bundles a box takes.
type Trust struct {
	Keys   []signature.Key
	Signed bool // others are refused
}

// Taken is what a box remembers of the bundles that it took.
type Taken struct {
	Digest  string // of what it runs
	Version uint64 // the highest that it has taken; 0: none had a version
	Last    string // digest of the bundle of that version
}

// Choice is what becomes of candidates.
type Choice struct {
	Index   int           // of the chosen one; -1: none
	Here    bool          // the chosen one is what the box runs already
	Key     signature.Key // that signed it; zero: none that is known
	Refused []error       // of each candidate, nil for the chosen one
}

// errOther is said of a bundle that is for another box.
type errOther struct{ targets, box string }

func (e errOther) Error() string {
	return fmt.Sprintf("it is for %s; this box is %s", e.targets, e.box)
}

// IsOther says whether a candidate was refused only because it is for another box.
func IsOther(err error) bool {
	var other errOther
	return errors.As(err, &other)
}

// Choose says which candidate a box takes, and why not the others. Of those that
// it may trust, the nearest decides: by serial before UUID before MAC before any;
// of equally near ones that of the highest version. If the nearest one is damaged
// or old, none is taken: what is meant for any box would be a surprise there.
func Choose(id Identity, candidates []Candidate, trust Trust, taken Taken) Choice {
	c := Choice{Index: -1, Refused: make([]error, len(candidates))}
	keys := make([]signature.Key, len(candidates))
	for i, cand := range candidates {
		if keys[i], c.Refused[i] = cand.admit(id, trust); c.Refused[i] != nil {
			continue
		}
		if c.Index < 0 || nearer(id, cand.Bundle, candidates[c.Index].Bundle) {
			c.Index = i
		}
	}
	if c.Index < 0 {
		return c
	}
	best := candidates[c.Index]
	c.Key = keys[c.Index]
	for i, cand := range candidates {
		switch {
		case i == c.Index || c.Refused[i] != nil:
		case !nearer(id, best.Bundle, cand.Bundle) && cand.Digest != best.Digest:
			c.Refused[i] = fmt.Errorf("%s is for this box just as much, and as new", best.Name)
			c.Refused[c.Index] = fmt.Errorf("%s is for this box just as much, and as new", cand.Name)
		default:
			c.Refused[i] = fmt.Errorf("%s goes before it", best.Name)
		}
	}
	for _, cand := range candidates {
		if errors.Is(cand.Err, errTogether) { // it may be nearer
			c.Refused[c.Index] = fmt.Errorf("%s: %w", cand.Name, cand.Err)
		}
	}
	if c.Refused[c.Index] == nil {
		c.Here, c.Refused[c.Index] = best.fresh(taken)
	}
	if c.Refused[c.Index] != nil {
		c.Index = -1
	}
	return c
}

// admit is the key that signed a candidate, or why it does not count at all. A
// damaged one counts if its manifest can be trusted.
func (c Candidate) admit(id Identity, trust Trust) (signature.Key, error) {
	if c.Bundle == nil {
		return signature.Key{}, c.Err
	}
	if !c.For(id) {
		return signature.Key{}, errOther{c.targets(), id.String()}
	}
	k, err := c.Verify(trust.Keys)
	if err != nil && !trust.Signed && (errors.Is(err, signature.ErrUnsigned) || errors.Is(err, signature.ErrUnknown)) {
		err = nil
	}
	return k, err
}

// nearer says whether a goes before b.
func nearer(id Identity, a, b *Bundle) bool {
	if x, y := a.far(id), b.far(id); x != y {
		return x < y
	}
	return a.Version() > b.Version()
}

// fresh says whether a candidate is what runs already, or why it can't be taken.
func (c Candidate) fresh(taken Taken) (here bool, err error) {
	v := c.Version()
	switch {
	case c.Err != nil:
		return false, c.Err
	case c.Digest == taken.Digest:
		return true, nil
	case v != 0 && v < taken.Version:
		return false, fmt.Errorf("its version %d is older than %d, which this box has taken", v, taken.Version)
	case v != 0 && c.Digest == taken.Last:
		return false, fmt.Errorf("this box has taken it, and something else has taken its place since: give it a version higher than %d", v)
	case v != 0 && v == taken.Version:
		return false, fmt.Errorf("this box has taken another bundle of version %d: give this one a higher one", v)
	}
	return false, nil
}

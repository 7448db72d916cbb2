package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Box is how a box stands, for a change of its whole image: what a configuration
// may take away on purpose, an image may not. No time of day is in it: a box may
// come up with any clock.
type Box struct {
	Facts
	// Told is how many routes each neighbor has been told, by the name of their
	// gate; "" stands for routes without one. An API that other programs speak
	// counts as well: they have to be back, too.
	Told map[string]map[string]int `json:"told"`
	// Fed: the hardware watchdog is held and fed.
	Fed      bool   `json:"fed"`
	WhyUnfed string `json:"why-unfed,omitempty"`
	// Generation is that of the last configuration that has proven itself; 0: it is
	// on no disk.
	Generation uint64 `json:"generation,omitempty"`
	// Trying is the configuration that has still to prove itself; "": none.
	Trying string `json:"trying,omitempty"`
}

// Steadily is Steady for an image: sessions, helpers and hardware have to be well
// together for so long, in seconds of a daemon that answers.
const Steadily = 6 * Steady

// JudgeImage is what was well before and is not now, in words. A difference that
// somebody has declared is none; neither is a condition that failed before. A
// condition that has begun to fail is one, even where its gate stays open since
// it may not act: what the image has broken looks the same.
func JudgeImage(before, now Box) (missing []string) {
	missing = Judge(before.Facts, now.Facts)
	// An older one may have fewer neighbors, and what is not configured is not missed.
	if now.Generation < before.Generation {
		missing = append(missing, fmt.Sprintf("generation %d of the configuration is not at work", before.Generation))
	}
	for _, name := range slices.Sorted(maps.Keys(before.Gates)) {
		g, wanted := now.Gates[name]
		if fails := g.newly(before.Gates[name]); before.Gates[name].On && wanted && g.On && !g.Declared && len(fails) > 0 {
			missing = append(missing, fmt.Sprintf("gate %s: %s did not fail before", name, strings.Join(fails, ", ")))
		}
	}
	missing = append(missing, untold(before, now)...)
	if before.Fed && !now.Fed {
		missing = append(missing, "the hardware watchdog is not fed"+because(now.WhyUnfed))
	}
	if now.Trying != "" {
		missing = append(missing, now.Trying+" is still being tried")
	}
	return missing
}

// newly are the conditions that fail and did not.
func (g Gate) newly(before Gate) []string {
	return slices.DeleteFunc(slices.Clone(g.Failing), func(c string) bool { return slices.Contains(before.Failing, c) })
}

// untold is which neighbors, of those that are there again, have been told fewer
// routes than before. What a closed gate holds back is the gate's to explain.
func untold(before, now Box) (missing []string) {
	for _, name := range slices.Sorted(maps.Keys(before.Told)) {
		if !now.Sessions[name].Up {
			continue // it is missing itself, or was down, or is not configured any more
		}
		for _, gate := range slices.Sorted(maps.Keys(before.Told[name])) {
			had, has := before.Told[name][gate], now.Told[name][gate]
			if g, named := now.Gates[gate]; has >= had || named && !g.On || named && g.Declared {
				continue
			}
			of := ""
			if gate != "" {
				of = " of gate " + gate
			}
			missing = append(missing, fmt.Sprintf("%s has been told %d of %d routes%s", name, has, had, of))
		}
	}
	return missing
}

// Bare is without reasons.
func (b Box) Bare() Box {
	b.Facts, b.WhyUnfed = b.Facts.Bare(), ""
	return b
}

package event

import (
	"fmt"
	"strings"
	"testing"
)

// TestMemoryIsBounded has more attributes than a machine should hold, and finds
// those of the last route.
func TestMemoryIsBounded(t *testing.T) {
	for _, most := range []int{0, 1 << 20} {
		m := Memory{Most: most}
		if most == 0 {
			most = maxHeld
		}
		value := strings.Repeat("x", 1<<16)
		for i := range 3 * most / len(value) {
			b := block{nil, fmt.Sprint(i)}
			m.add(b, &Known{attributes: value})
			if m.held > most || m.known[b].attributes != value {
				t.Fatalf("%d octets held, %d blocks", m.held, len(m.known))
			}
		}
	}
}

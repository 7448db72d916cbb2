package family

import (
	"testing"

	"holdfast/bgp"
)

func TestTable(t *testing.T) {
	for _, c := range Table {
		if Lookup(c.Family) != c {
			t.Errorf("%v: another row of the same family stands before it", c.Family)
		}
		if c.Next == nil || c.View == nil {
			t.Errorf("%v: wants Next and View", c.Family)
		}
	}
	if c := Lookup(bgp.MakeFamily(9, 9)); c != nil {
		t.Errorf("afi 9: got %v", c)
	}
}

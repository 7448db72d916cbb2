package nlri_test

import (
	"fmt"
	"testing"

	"holdfast/bgp/nlri"
	"holdfast/bgp/nlri/nlritest"
)

func TestSayLabels(t *testing.T) {
	for _, c := range []struct{ text, want, wrong string }{
		{text: "100", want: "000641"},
		{text: "[ 100 200 ]", want: "000640000c81"},
		{text: "0", want: "000001"},
		{text: "[ 100 , 0 ]", want: "000640000001"},
		{text: "[ 0 100 ]", wrong: "want no label below 0, which ends a stack"},
		{text: "[ 7 524288 100 ]", wrong: "want no label below 524288, which ends a stack"},
		{text: "1048576", wrong: `want a label 0-1048575, got "1048576"`},
	} {
		s := nlritest.Split(c.text)
		got, err := nlri.SayLabels(&s)
		if err != nil {
			if err.Error() != c.wrong {
				t.Errorf("%s: got %v, want %s", c.text, err, c.wrong)
			}
			continue
		}
		if hex := fmt.Sprintf("%x", []byte(got)); hex != c.want || c.wrong != "" {
			t.Errorf("%s: got %s, want %s%s", c.text, hex, c.want, c.wrong)
		}
	}
}

package attr

import "strconv"

var medRow = row{
	name: "med", flags: Optional, bad: Withdraw,
	check: fourOctets, text: textNumber, json: jsonNumber,
}

func jsonNumber(b []byte, v string) []byte {
	return strconv.AppendUint(b, uint64(asAt(v, 0)), 10)
}

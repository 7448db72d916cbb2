package attr

import (
	"encoding/binary"
	"strconv"
)

// RFC 4360.
var extCommunityRow = row{
	name: "extended-community", flags: Optional | Transitive, bad: Withdraw,
	check: itemsOf(8), text: textExtended,
	json: func(b []byte, v string) []byte { return jsonList(b, v, 8, jsonExtCommunity) },
}

func jsonExtCommunity(b []byte, v string) []byte {
	e := ExtendedCommunity([]byte(v))
	b = strconv.AppendUint(append(b, `{ "value": `...), binary.BigEndian.Uint64(e[:]), 10)
	b = e.appendShown(append(b, `, "string": "`...))
	return append(b, `" }`...)
}

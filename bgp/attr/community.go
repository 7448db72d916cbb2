package attr

import "strconv"

// RFC 1997.
var communityRow = row{
	name: "community", flags: Optional | Transitive, bad: Withdraw,
	check: itemsOf(4), text: textCommunities,
	json: func(b []byte, v string) []byte { return jsonList(b, v, 4, jsonCommunity) },
}

func jsonCommunity(b []byte, v string) []byte {
	return jsonNumbers(b, v, 2)
}

// jsonList appends items of a size as a list.
func jsonList(b []byte, v string, size int, item func([]byte, string) []byte) []byte {
	b = append(b, '[')
	for i := 0; i+size <= len(v); i += size {
		b = item(appendItem(b, i), v[i:i+size])
	}
	return append(b, " ]"...)
}

// jsonNumbers appends big-endian numbers of a size as a list.
func jsonNumbers(b []byte, v string, size int) []byte {
	return jsonList(b, v, size, func(b []byte, v string) []byte {
		n := uint64(0)
		for _, o := range []byte(v) {
			n = n<<8 | uint64(o)
		}
		return strconv.AppendUint(b, n, 10)
	})
}

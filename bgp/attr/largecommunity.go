package attr

// RFC 8092.
var largeCommunityRow = row{
	name: "large-community", flags: Optional | Transitive, bad: Withdraw,
	check: itemsOf(12), text: textLarge,
	json: func(b []byte, v string) []byte {
		return jsonList(b, v, 12, func(b []byte, v string) []byte { return jsonNumbers(b, v, 4) })
	},
}

package attr

var atomicRow = row{
	name: "atomic-aggregate", flags: Transitive, bad: Discard,
	check: fixed(0), text: textNothing,
	json: func(b []byte, _ string) []byte { return append(b, "true"...) },
}

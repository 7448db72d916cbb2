package attr

var medRow = row{
	name: "med", flags: Optional, bad: Withdraw,
	check: fourOctets, text: textNumber, json: jsonNumber,
}

package attr

// LOCAL_PREF is for speakers of one AS; from another it means nothing
// (RFC 7606 section 7.5).
var localPrefRow = row{
	name: "local-preference", flags: Transitive, bad: Withdraw, inside: true,
	check: fourOctets, text: textNumber, json: jsonNumber,
}

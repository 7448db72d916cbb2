package attr

// OnlyToCustomer is the code of the attribute that stops route leaks (RFC 9234
// section 5).
const OnlyToCustomer = 35

var otcRow = row{name: "only-to-customer", flags: Optional | Transitive, bad: Withdraw, check: fourOctets}

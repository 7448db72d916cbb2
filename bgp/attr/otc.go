package attr

import (
	"encoding/binary"

	"holdfast/bgp"
)

// OnlyToCustomer is the code of the attribute that stops route leaks (RFC 9234
// section 5).
const OnlyToCustomer = 35

var otcRow = row{
	name: "only-to-customer", flags: Optional | Transitive, bad: Withdraw,
	check: fourOctets, text: textNumber, json: jsonNumber,
}

var otcLeaf = Leaf{
	Word: "only-to-customer", Help: "the AS from which on the route goes to customers only (RFC 9234)", Form: One, Arg: "ASN",
	Item: func(d *Draft, s string) error {
		as, err := bgp.ParseASN(s)
		if err != nil {
			return err
		}
		return d.add(binary.BigEndian.AppendUint32(nil, uint32(as))...)
	},
	End: single(OnlyToCustomer, Optional|Transitive),
}

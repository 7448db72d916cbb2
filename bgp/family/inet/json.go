package inet

import "holdfast/bgp/nlri"

// AppendText appends the prefix as a route command says it:
// "10.0.0.0/24 path-information 0.0.0.10".
func (p Prefix) AppendText(b []byte) []byte {
	return nlri.AppendPathText(p.Net.AppendTo(b), p.HasPath, p.PathID)
}

// AppendJSON appends the prefix as an object with ExaBGP's names.
func (p Prefix) AppendJSON(b []byte, _ *nlri.JSON) []byte {
	return append(p.AppendMembers(append(b, "{ "...)), " }"...)
}

// AppendMembers appends the members of that object.
func (p Prefix) AppendMembers(b []byte) []byte {
	b = append(p.Net.AppendTo(append(b, `"nlri": "`...)), '"')
	return nlri.AppendPathJSON(b, p.HasPath, p.PathID)
}

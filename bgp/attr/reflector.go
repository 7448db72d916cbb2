package attr

import (
	"encoding/binary"

	"holdfast/bgp"
)

// Codes of what a route reflector adds (RFC 4456).
const (
	OriginatorID = 9
	ClusterList  = 10
)

var originatorRow = row{
	name: "originator-id", flags: Optional, bad: Withdraw, inside: true,
	check: fourOctets, text: textAddress, json: jsonAddress,
}

var clusterRow = row{
	name: "cluster-list", flags: Optional, bad: Withdraw, inside: true,
	check: itemsOf(4), text: textClusters,
	json: func(b []byte, v string) []byte { return jsonList(b, v, 4, jsonAddress) },
}

func routerID(d *Draft, s string) error {
	id, err := bgp.ParseID(s)
	if err != nil {
		return err
	}
	return d.add(binary.BigEndian.AppendUint32(nil, uint32(id))...)
}

func textClusters(b []byte, v string) []byte { return textList(b, v, 4, textDotted) }

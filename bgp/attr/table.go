package attr

// row is all that the room knows of one attribute.
type row struct {
	name   string      // ExaBGP's word; "": not known, kept as it came
	flags  uint8       // Optional and Transitive, as its RFC says
	bad    Disposition // when it is malformed (RFC 7606 section 7)
	inside bool        // from another AS it is dropped, even malformed

	flagsToo bool // wrong flags are treated as bad says, by its own RFC

	// check judges a received value, nil: anything is good.
	check func(v []byte, from Source) *fault
	// grave says that a fault which check found means Withdraw, whatever bad
	// is; nil: none does.
	grave func(v []byte, f *fault) bool
	// part judges what of a good value keep leaves out.
	part func(v []byte) *fault
	// keep puts a good value in canonical form, nil: as it is.
	keep func(k *Block, into *Builder, flags uint8, v []byte)
	// words, for those whose statement is a form of its own, appends all of it;
	// it says no where there are no words for the value.
	words func(b []byte, v string) ([]byte, bool)
	// text and json append a canonical value. Nil: as hexadecimal, or only text
	// for what nobody writes by hand.
	text func(b []byte, v string) []byte
	json func(b []byte, v string) []byte
}

// table has a row for each attribute, by code.
var table [256]row

// The rows refer to functions that read the table, so it is filled here.
func init() {
	table = [256]row{
		Origin:          originRow,
		ASPath:          asPathRow,
		NextHop:         nextHopRow,
		MED:             medRow,
		LocalPref:       localPrefRow,
		AtomicAggregate: atomicRow,
		Aggregator:      aggregatorRow,
		Community:       communityRow,
		OriginatorID:    originatorRow,
		ClusterList:     clusterRow,
		MPReach:         {name: "mp-reach-nlri", flags: Optional, bad: Reset},
		MPUnreach:       {name: "mp-unreach-nlri", flags: Optional, bad: Reset},
		ExtCommunity:    extCommunityRow,
		AS4Path:         as4PathRow,
		AS4Aggregator:   as4AggregatorRow,
		PMSITunnel:      pmsiRow,
		TunnelEncap:     tunnelRow,
		IPv6Community:   ipv6CommunityRow,
		AIGP:            aigpRow,
		LinkState:       lsRow,
		LargeCommunity:  largeCommunityRow,
		OnlyToCustomer:  otcRow,
		PrefixSID:       prefixSIDRow,
	}
}

// Name is ExaBGP's word for an attribute, "" where it has none.
func Name(code uint8) string { return table[code].name }

// PutKnown puts an attribute with the flags that its RFC gives it; one that has
// no row is optional and transitive.
func (b *Builder) PutKnown(code uint8, value []byte) {
	flags := table[code].flags
	if table[code].name == "" {
		flags = Optional | Transitive
	}
	b.Put(code, flags, value)
}

// sayable says whether the value has the form that text, words and json
// take for granted. A next hop has many.
func (a Attr) sayable(r *row) bool {
	if r.json == nil || r.check == nil || a.Code == NextHop {
		return r.json != nil
	}
	return r.check([]byte(a.Value), Source{ASN4: true, Own: true}) == nil
}

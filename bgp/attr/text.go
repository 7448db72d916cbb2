package attr

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// textOrder is the order in which ExaBGP says attributes, the next hop first;
// those that are not here follow by their code.
var textOrder = []uint8{
	NextHop, Origin, ASPath, LocalPref, MED, AtomicAggregate, Aggregator, Community, LargeCommunity,
	ExtCommunity, OriginatorID, ClusterList,
}

// AppendText appends the attributes in the words of a route command, with one
// blank between them: "next-hop 192.0.2.1 origin igp community [ 65000:1 ]".
func (s Set) AppendText(b []byte) []byte {
	at := len(b)
	for _, code := range textOrder {
		if v, ok := s.value(code); ok {
			b = Attr{Code: code, Value: v}.AppendText(append(b, ' '))
		}
	}
	for a := range s.All() {
		if !slices.Contains(textOrder, a.Code) {
			b = a.AppendText(append(b, ' '))
		}
	}
	if len(b) > at {
		b = slices.Delete(b, at, at+1)
	}
	return b
}

// AppendText appends the attribute as a route command says it; one that has no
// words as its octets.
func (a Attr) AppendText(b []byte) []byte {
	r := &table[a.Code]
	ok := a.sayable(r)
	if ok && r.words != nil {
		at := len(b)
		if b, ok = r.words(b, a.Value); ok {
			return b
		}
		b = b[:at]
	}
	if !ok || r.text == nil {
		b = fmt.Appendf(b, "attribute [ 0x%02x 0x%02x 0x", a.Code, a.Flags)
		return append(hex.AppendEncode(b, []byte(a.Value)), " ]"...)
	}
	return r.text(append(b, r.name...), a.Value)
}

func textOrigin(b []byte, v string) []byte { return append(append(b, ' '), originWords[v[0]]...) }

// textNextHop leaves out the link-local address that may go along: it is made
// for each peer.
func textNextHop(b []byte, v string) []byte {
	if v == "" {
		return append(b, " self"...)
	}
	return textAddress(b, v[:min(len(v), 16)])
}

func textAddress(b []byte, v string) []byte {
	a, _ := netip.AddrFromSlice([]byte(v))
	return a.AppendTo(append(b, ' '))
}

func textNumber(b []byte, v string) []byte {
	return strconv.AppendUint(append(b, ' '), uint64(asAt(v, 0)), 10)
}

func textNothing(b []byte, _ string) []byte { return b }

func textAggregator(b []byte, v string) []byte {
	b = append(b, " ( "...)
	return append(appendAggregator(b, v), " )"...)
}

func textCommunities(b []byte, v string) []byte { return textList(b, v, 4, textCommunity) }
func textLarge(b []byte, v string) []byte       { return textList(b, v, 12, textLargeOne) }
func textClusters(b []byte, v string) []byte    { return textList(b, v, 4, textDotted) }
func textExtended(b []byte, v string) []byte    { return textList(b, v, 8, textExtendedOne) }

// textList appends items of a size in square brackets.
func textList(b []byte, v string, size int, item func([]byte, string) []byte) []byte {
	b = append(b, " [ "...)
	for ; len(v) >= size; v = v[size:] {
		b = append(item(b, v[:size]), ' ')
	}
	return append(b, ']')
}

func textCommunity(b []byte, v string) []byte {
	n := binary.BigEndian.Uint32([]byte(v))
	if name, ok := communityNames[n]; ok {
		return append(b, name...)
	}
	b = strconv.AppendUint(b, uint64(n>>16), 10)
	return strconv.AppendUint(append(b, ':'), uint64(n&0xffff), 10)
}

func textLargeOne(b []byte, v string) []byte {
	for i := range 3 {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(asAt(v, 4*i)), 10)
	}
	return b
}

func textDotted(b []byte, v string) []byte {
	return netip.AddrFrom4([4]byte([]byte(v))).AppendTo(b)
}

func textExtendedOne(b []byte, v string) []byte { return ExtendedCommunity([]byte(v)).AppendText(b) }

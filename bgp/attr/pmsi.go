package attr

import (
	"fmt"

	"holdfast/bgp/grammar"
)

// PMSITunnel is the code of the PMSI tunnel attribute (RFC 6514 section 5).
const PMSITunnel = 22

// pmsiLeaf reads "pmsi ingress-replication label 100 192.0.2.1"; the identifier
// is an address, or octets for tunnels that have another.
var pmsiLeaf = Leaf{Word: "pmsi", Help: "the tunnel that multicast goes through (RFC 6514 5)", Form: Free,
	Arg: "TYPE [flags N] [label N|vni N] [ADDRESS|0xHEX]", Say: sayPMSI}

var pmsiRow = row{
	name: "pmsi", flags: Optional | Transitive, bad: Withdraw,
	check: checkPMSI, words: pmsiWords, json: jsonPMSI,
}

// pmsiTypes are the tunnel types with a word, by number.
var pmsiTypes = []string{
	"no-tunnel", "rsvp-te-p2mp", "mldp-p2mp", "pim-ssm", "pim-sm", "pim-bidir", "ingress-replication", "mldp-mp2mp",
	"transport", "assisted-replication", "bier",
}

// pmsiReplication is the tunnel type whose tunnel is an address.
const pmsiReplication = 6

// pmsiLabels are the words for the 24 bits of the label, and how far the number
// is shifted: MPLS uses the upper 20 bits, VXLAN all (RFC 8365 section 5.1.3).
var pmsiLabels = map[string]int{"label": 4, "vni": 0}

// checkPMSI wants flags, type and label, and for ingress replication an address.
func checkPMSI(v []byte, _ Source) *fault {
	switch {
	case len(v) < 5:
		return &fault{OptionalError, 0, fmt.Sprintf("want 5 octets or more, got %d", len(v))}
	case v[1] == pmsiReplication && len(v) != 5+4 && len(v) != 5+16:
		return &fault{OptionalError, 5, "want an address for ingress replication"}
	}
	return nil
}

func sayPMSI(d *Draft, s grammar.Source) error {
	kind, err := pmsiType(s)
	if err != nil {
		return err
	}
	v := []byte{0, kind, 0, 0, 0}
	if s.Peek() == "flags" {
		s.Next()
		n, err := grammar.Uint(s, 255)
		if err != nil {
			return fmt.Errorf("flags: %w", err)
		}
		v[0] = byte(n)
	}
	if shift, ok := pmsiLabels[s.Peek()]; ok {
		word := s.Next()
		n, err := grammar.Uint(s, 1<<(24-shift)-1)
		if err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
		n <<= shift
		v[2], v[3], v[4] = byte(n>>16), byte(n>>8), byte(n)
	}
	if kind != 0 {
		if v, err = pmsiTunnel(v, s); err != nil {
			return err
		}
	}
	if f := checkPMSI(v, Source{}); f != nil {
		return fmt.Errorf("%s", f.reason)
	}
	d.Put(PMSITunnel, Optional|Transitive, v)
	return nil
}

func pmsiType(s grammar.Source) (uint8, error) {
	w := s.Peek()
	for i, name := range pmsiTypes {
		if name == w {
			s.Next()
			return uint8(i), nil
		}
	}
	n, err := grammar.Uint(s, 255)
	if err != nil {
		return 0, grammar.Wish("a tunnel type like ingress-replication, or 0-255", w)
	}
	return uint8(n), nil
}

// pmsiTunnel appends the identifier of the tunnel.
func pmsiTunnel(v []byte, s grammar.Source) ([]byte, error) {
	w, err := grammar.Value(s, "an address, or octets as 0xHEX")
	if err != nil {
		return nil, err
	}
	if b, err := parseHex(w); err == nil {
		return append(v, b...), nil
	}
	a, err := grammar.Addr(&tokenSource{{Text: w}})
	if err != nil {
		return nil, grammar.Wish("an address, or octets as 0xHEX", w)
	}
	return append(v, a.AsSlice()...), nil
}

func pmsiWords(b []byte, v string) ([]byte, bool) {
	at := len(b)
	b = append(b, "pmsi "...)
	if kind := int(v[1]); kind < len(pmsiTypes) {
		b = append(b, pmsiTypes[kind]...)
	} else {
		b = fmt.Append(b, kind)
	}
	if v[0] != 0 {
		b = fmt.Appendf(b, " flags %d", v[0])
	}
	if n := uint24(v[2:]); n&0xf != 0 {
		b = fmt.Appendf(b, " vni %d", n)
	} else if n != 0 {
		b = fmt.Appendf(b, " label %d", n>>4)
	}
	switch id := v[5:]; len(id) {
	case 0:
	case 4, 16:
		b = fmt.Appendf(b, " %s", address(id))
	default:
		b = fmt.Appendf(b, " 0x%x", id)
	}
	return b, saysAgain(PMSITunnel, string(b[at:]), v)
}

// pmsiNames are how ExaBGP shows the tunnel types, by number.
var pmsiNames = []string{
	"notunnel", "rsvp-tep2mplsp", "mldpp2mplsp", "pim-ssmtree", "pim-smtree", "bidir-pimtree", "ingressreplication", "mldpmp2mplsp",
}

// jsonPMSI appends type, flags, label and tunnel as ExaBGP does, in one string:
// "pmsi:ingressreplication:0:100(1600):192.0.2.1". Of ingress replication it
// also has the whole field of the label, which is the VNI of VXLAN.
func jsonPMSI(b []byte, v string) []byte {
	name, field, id := "unknown", uint24(v[2:]), v[5:]
	if int(v[1]) < len(pmsiNames) {
		name = pmsiNames[v[1]]
	}
	b = fmt.Appendf(b, `"pmsi:%s:%d:%d`, name, v[0], field>>4)
	switch {
	case v[1] != pmsiReplication:
	case field != 0:
		return fmt.Appendf(b, `(%d):%s"`, field, address(id))
	default:
		return fmt.Appendf(b, `:%s"`, address(id))
	}
	if id == "" {
		return append(b, `:"`...)
	}
	return fmt.Appendf(b, `:0x%X"`, id)
}

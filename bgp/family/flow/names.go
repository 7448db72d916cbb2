package flow

import (
	"strconv"
	"strings"

	"holdfast/bgp/grammar"
)

// names are the words for values. The first word of a value is the one that is
// said; bits are words for single bits, joined by "+".
type names struct {
	words []name
	bits  bool
	quiet bool // numbers are said, words only heard
}

type name struct {
	word  string
	value uint64
}

// protocols are those that ExaBGP names (IANA protocol numbers).
var protocols = names{words: []name{{"icmp", 1}, {"igmp", 2}, {"tcp", 6}, {"egp", 8}, {"udp", 17}, {"rsvp", 46}, {"gre", 47},
	{"esp", 50}, {"ah", 51}, {"ospf", 89}, {"ipip", 94}, {"pim", 103}, {"sctp", 132}}}

// icmpTypes are those of ICMP (IANA ICMP parameters).
var icmpTypes = names{words: []name{{"echo-reply", 0}, {"unreachable", 3}, {"source-quench", 4}, {"redirect", 5}, {"echo-request", 8},
	{"router-advertisement", 9}, {"router-solicit", 10}, {"time-exceeded", 11}, {"parameter-problem", 12}, {"timestamp", 13},
	{"timestamp-reply", 14}, {"info-request", 15}, {"info-reply", 16}, {"mask-request", 17}, {"mask-reply", 18}, {"traceroute", 30},
	{"photuris", 40}, {"experimental-mobility", 41}, {"extended-echo-request", 42}, {"extended-echo-reply", 43},
	{"experimental-one", 253}, {"experimental-two", 254}}}

// icmpCodes mean different things for different types: a number is not turned
// back into a word.
var icmpCodes = names{quiet: true, words: []name{{"network-unreachable", 0}, {"host-unreachable", 1}, {"protocol-unreachable", 2},
	{"port-unreachable", 3}, {"fragmentation-needed", 4}, {"source-route-failed", 5}, {"destination-network-unknown", 6},
	{"destination-host-unknown", 7}, {"source-host-isolated", 8}, {"destination-network-prohibited", 9}, {"destination-host-prohibited", 10},
	{"network-unreachable-for-tos", 11}, {"host-unreachable-for-tos", 12}, {"communication-prohibited-by-filtering", 13},
	{"host-precedence-violation", 14}, {"precedence-cutoff-in-effect", 15},
	{"redirect-for-network", 0}, {"redirect-for-host", 1}, {"redirect-for-tos-and-net", 2}, {"redirect-for-tos-and-host", 3},
	{"ttl-eq-zero-during-transit", 0}, {"ttl-eq-zero-during-reassembly", 1}, {"required-option-missing", 1}, {"ip-header-bad", 2}}}

// services are the names of well-known ports (IANA service names). ExaBGP asks
// the machine for them; here a file means the same everywhere.
var services = names{quiet: true, words: []name{{"echo", 7}, {"discard", 9}, {"daytime", 13}, {"qotd", 17}, {"chargen", 19}, {"ftp-data", 20},
	{"ftp", 21}, {"ssh", 22}, {"telnet", 23}, {"smtp", 25}, {"time", 37}, {"whois", 43}, {"tacacs", 49}, {"domain", 53}, {"bootps", 67},
	{"bootpc", 68}, {"tftp", 69}, {"gopher", 70}, {"finger", 79}, {"http", 80}, {"kerberos", 88}, {"pop3", 110}, {"sunrpc", 111}, {"nntp", 119},
	{"ntp", 123}, {"epmap", 135}, {"netbios-ns", 137}, {"netbios-dgm", 138}, {"netbios-ssn", 139}, {"imap", 143}, {"imap2", 143}, {"snmp", 161},
	{"snmp-trap", 162}, {"snmptrap", 162}, {"bgp", 179}, {"irc", 194}, {"imap3", 220}, {"ldap", 389}, {"https", 443}, {"microsoft-ds", 445},
	{"submissions", 465}, {"isakmp", 500}, {"syslog", 514}, {"shell", 514}, {"printer", 515}, {"route", 520}, {"submission", 587}, {"ipp", 631},
	{"ldaps", 636}, {"domain-s", 853}, {"rsync", 873}, {"ftps", 990}, {"telnets", 992}, {"imaps", 993}, {"pop3s", 995}, {"socks", 1080},
	{"openvpn", 1194}, {"ms-sql-s", 1433}, {"ms-sql-m", 1434}, {"l2f", 1701}, {"radius", 1812}, {"radius-acct", 1813}, {"nfs", 2049},
	{"mysql", 3306}, {"ipsec-nat-t", 4500}, {"sip", 5060}, {"sip-tls", 5061}, {"mdns", 5353}, {"postgresql", 5432}, {"x11", 6000},
	{"http-alt", 8080}}}

// tcpFlags are bits of the TCP header (RFC 9293 section 3.1, RFC 3540).
var tcpFlags = names{bits: true, words: []name{{"fin", 0x01}, {"syn", 0x02}, {"rst", 0x04}, {"push", 0x08}, {"ack", 0x10}, {"urg", 0x20},
	{"ece", 0x40}, {"cwr", 0x80}, {"ns", 0x100}, {"reset", 0x04}, {"psh", 0x08}, {"urgent", 0x20}}}

// fragments are bits (RFC 8955 section 4.2.2.12).
var fragments = names{bits: true, words: []name{{"not-a-fragment", 0}, {"dont-fragment", 0x01}, {"is-fragment", 0x02},
	{"first-fragment", 0x04}, {"last-fragment", 0x08}}}

// parse reads a word, words joined by "+", or a number.
func (n *names) parse(s string) (v uint64, ok bool) {
	if n == nil || !n.bits {
		return n.one(s)
	}
	for part := range strings.SplitSeq(s, "+") {
		one, ok := n.one(part)
		if !ok {
			return 0, false
		}
		v |= one
	}
	return v, true
}

func (n *names) one(s string) (uint64, bool) {
	if n != nil {
		for _, w := range n.words {
			if strings.EqualFold(w.word, s) {
				return w.value, true
			}
		}
	}
	v, err := grammar.ParseUint(s)
	return v, err == nil
}

// append appends what parse reads.
func (n *names) append(b []byte, v uint64) []byte {
	switch {
	case n == nil || n.quiet:
		return strconv.AppendUint(b, v, 10)
	case n.bits:
		return n.appendBits(b, v)
	}
	for _, w := range n.words {
		if w.value == v {
			return append(b, w.word...)
		}
	}
	return strconv.AppendUint(b, v, 10)
}

func (n *names) appendBits(b []byte, v uint64) []byte {
	at := len(b)
	for _, w := range n.words {
		if w.value == 0 && v == 0 || w.value != 0 && v&w.value == w.value {
			b = append(append(b, w.word...), '+')
			v &^= w.value
			if v == 0 {
				break
			}
		}
	}
	if v != 0 || len(b) == at {
		return strconv.AppendUint(append(b, "0x"...), v, 16)
	}
	return b[:len(b)-1]
}

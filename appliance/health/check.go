package health

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Kind is how a service is looked at.
type Kind uint8

// The kinds of checks. All but Exec run in this process, on sockets of their own.
const (
	Exec Kind = iota // a command of a shell: exit status 0 is well
	HTTP             // a GET whose status, and body, are as wanted; also over TLS
	TCP              // a connection comes about, and greets as wanted
	DNS              // a question has the wanted answer
	ICMP             // an echo comes back
)

func (k Kind) String() string { return [...]string{"exec", "http", "tcp", "dns", "icmp"}[k] }

// Class says who else a failure may concern.
type Class uint8

// The classes.
const (
	Local  Class = iota // this box is broken: act at once
	Shared              // others share what failed: degrade, and stay announced
)

func (c Class) String() string { return [...]string{"local", "shared"}[c] }

// Check is what is looked at, how and how often. Two checks that are the same
// (==) are one, whoever asks for them.
type Check struct {
	Timing
	Timeout time.Duration // of one look
	Disable string        // a file that says that the service is disabled, if it is there; "": none
	Probe
}

// Probe is one way to look at a service; what a kind does not need is zero.
type Probe struct {
	Kind    Kind
	Command string // Exec; "": all is well
	// URL is what HTTP gets: http://HOST[:PORT]/PATH or https://…. A HOST that is
	// a name is connected at Target.
	URL    string
	Target netip.AddrPort // TCP and DNS: where; ICMP: the address, and port 0
	From   netip.Addr     // the socket's own address; zero: the kernel's choice
	Link   string         // the socket is bound to this link; "": to none
	// Status of HTTP: from Low to High inclusive; 0 and 0 are 200 to 299.
	Low, High uint16
	Expect    string // HTTP: what the body contains; TCP: what it says first; DNS: an address or text of the answer; "": anything
	Host      string // HTTP: the Host field, and the server name of TLS; "": the URL's
	Insecure  bool   // HTTP: any certificate will do
	Name      string // DNS: whom to ask for
	Type      uint16 // DNS: the type of the question (1 A, 28 AAAA, 6 SOA, …)
	Send      string // TCP: what is said first; "": nothing
}

// DNSPort is where a question goes if nothing else is said.
const DNSPort = 53

// RecordTypes are the types of records that can be asked for, by their names
// (RFC 1035 section 3.2.2; RFC 3596 section 2.1 for AAAA; RFC 2782 for SRV).
var RecordTypes = map[string]uint16{"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}

// TypeName is the name of a type of records.
func TypeName(t uint16) string {
	for name, n := range RecordTypes {
		if n == t {
			return name
		}
	}
	return fmt.Sprintf("TYPE%d", t) // RFC 3597 section 5
}

// String is the check as it is written: its kind, where it looks, and what of the
// rest was said. What is sent stays out: it may be a password.
func (p Probe) String() string {
	switch p.Kind {
	case Exec:
		return fmt.Sprintf("%q", p.Command)
	case HTTP:
		scheme, _, _ := strings.Cut(p.URL, ":")
		return scheme + " " + p.URL + p.rest()
	case TCP:
		return "tcp " + p.Target.String() + p.rest()
	case DNS:
		return fmt.Sprintf("dns %s %s %s%s", p.place(), p.Name, TypeName(p.Type), p.rest())
	default:
		return "icmp " + p.Target.Addr().String() + p.rest()
	}
}

// Where is the address and port that a probe asks, an invalid one if it asks
// nobody: a command.
func (p Probe) Where() netip.AddrPort {
	if p.Target.IsValid() || p.Kind != HTTP {
		return p.Target
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		return netip.AddrPort{}
	}
	a, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap(), PortOf(u))
}

// PortOf is the port of a URL of HTTP, 0 if it has a wrong one.
func PortOf(u *url.URL) uint16 {
	switch {
	case u.Port() != "":
		n, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			return 0
		}
		return uint16(n)
	case u.Scheme == "https":
		return 443
	}
	return 80
}

// place is the address of a DNS server, with its port if that is another one.
func (p Probe) place() string {
	if p.Target.Port() == DNSPort {
		return p.Target.Addr().String()
	}
	return p.Target.String()
}

// rest is what a probe need not say.
func (p Probe) rest() string {
	var b strings.Builder
	say := func(word, value string, said bool) {
		if said {
			b.WriteString(strings.TrimRight(" "+word+" "+value, " "))
		}
	}
	say("to", p.Target.String(), p.Kind == HTTP && p.Target.IsValid())
	say("host", p.Host, p.Host != "")
	say("status", fmt.Sprintf("%d-%d", p.Low, p.High), p.Low != 0)
	say("expect", fmt.Sprintf("%q", p.Expect), p.Expect != "")
	say("insecure", "", p.Insecure)
	say("from", p.From.String(), p.From.IsValid())
	say("link", p.Link, p.Link != "")
	return b.String()
}

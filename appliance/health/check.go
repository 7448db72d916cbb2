package health

import (
	"net/netip"
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

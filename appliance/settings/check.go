package settings

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/appliance/health"
	"holdfast/bgp/grammar"
)

// nativeTimeout is how long a look without a process may take, unless the check
// says otherwise: nothing has to be started first.
const nativeTimeout = 2 * time.Second

// checkReader reads one section that says how a service is looked at.
type checkReader struct {
	*reader
	kind string // as it is written
	cond Condition
	at   map[string]grammar.Pos // of the words that were said
}

// kinds are the kinds of checks as they are written. "https" is a kind of words
// only: its URL says that there is TLS.
var kinds = map[string]health.Kind{"exec": health.Exec, "http": health.HTTP, "https": health.HTTP, "tcp": health.TCP, "dns": health.DNS, "icmp": health.ICMP}

const kindNames = "exec|http|https|tcp|dns|icmp"

// check is the section of a gate that says how to know whether its service is
// well.
func (r *reader) check() *grammar.Node {
	k := &checkReader{reader: r}
	return &grammar.Node{Word: "check", Args: kindNames, Help: "gate: the service is looked at, and was well often enough in a row",
		Open: k.open, Close: k.close,
		Kids: slices.Concat(k.exec(), k.web(), k.sockets(), k.question(), k.common()),
	}
}

// healthcheck is "check exec" in other words, which have been there before it.
// Words and numbers are those of ExaBGP's healthcheck.
func (r *reader) healthcheck() *grammar.Node {
	k := &checkReader{reader: r}
	return &grammar.Node{Word: "healthcheck", Help: "gate: the same as check exec",
		Open:  func(*grammar.Cursor) error { return k.begin("exec") },
		Close: k.close,
		Kids:  slices.Concat(k.exec(), k.common()),
	}
}

func (k *checkReader) open(c *grammar.Cursor) error { return k.begin(c.Next()) }

func (k *checkReader) begin(kind string) error {
	is, ok := kinds[kind]
	k.kind, k.at = kind, map[string]grammar.Pos{}
	k.cond = Condition{Kind: Healthy, Check: health.DefaultCheck}
	k.cond.Check.Kind = is
	if is != health.Exec {
		k.cond.Check.Timeout = nativeTimeout
	}
	switch {
	case !ok:
		return grammar.Wish(kindNames, kind)
	case k.hardware:
		return errNotHardware
	}
	return nil
}

// word is a word of some kinds of checks, "" of all, which may be said once.
func (k *checkReader) word(of, word, args, help string, do func(*grammar.Cursor) error) *grammar.Node {
	if of != "" {
		help = strings.ReplaceAll(of, " ", ", ") + ": " + help
	}
	return &grammar.Node{Word: word, Args: args, Help: help, Do: func(c *grammar.Cursor) error {
		if _, known := kinds[k.kind]; of != "" && known && !slices.Contains(strings.Fields(of), k.kind) {
			return fmt.Errorf("is no word of check %s", k.kind)
		}
		if _, twice := k.at[word]; twice {
			return errors.New("said twice")
		}
		k.at[word] = c.Start()
		return do(c)
	}}
}

// text is a word with a value of at least one character.
func (k *checkReader) text(of, word, args, help string, value func(*health.Check) *string) *grammar.Node {
	return k.word(of, word, args, help, func(c *grammar.Cursor) (err error) {
		v := value(&k.cond.Check)
		if *v, err = c.One("a text"); err == nil && *v == "" {
			err = grammar.Wish("a text", "")
		}
		return err
	})
}

func (k *checkReader) exec() []*grammar.Node {
	return []*grammar.Node{
		k.text("exec", "command", `"TEXT"`, "what a shell runs; its exit status 0 is well", func(c *health.Check) *string { return &c.Command }),
	}
}

func (k *checkReader) web() []*grammar.Node {
	return []*grammar.Node{
		k.word("http https", "url", "URL", "what is got; its host is an address, or there is a \"to\"", k.url),
		k.word("http https", "status", "LOW[-HIGH]", "the status that is well (200-299); redirects are not followed", k.status),
		k.word("http https", "host", "NAME", "the Host field, and who the certificate has to be for, if not the host of the URL", k.host),
		k.word("https", "insecure", "", "whoever the certificate is for, and whoever signed it", func(*grammar.Cursor) error {
			k.cond.Check.Insecure = true
			return nil
		}),
	}
}

func (k *checkReader) sockets() []*grammar.Node {
	return []*grammar.Node{
		k.word("http https tcp dns icmp", "to", "ADDRESS[:PORT]", "whom to ask; no name is ever looked up", k.to),
		k.word("http https tcp dns icmp", "from", "ADDRESS", "the own address, which has to be on this box", k.from),
		k.word("http https tcp dns icmp", "link", "NAME", "the link by which it has to go, whatever the routes say", func(c *grammar.Cursor) (err error) {
			k.cond.Check.Link, err = linkName(c)
			return err
		}),
		k.text("tcp", "send", `"TEXT"`, "what is said first", func(c *health.Check) *string { return &c.Send }),
		k.text("http https tcp dns", "expect", `"TEXT"`, "what the answer has to contain, within its first 64 KiB; dns: an address of the answer, or a part of a record's text", func(c *health.Check) *string { return &c.Expect }),
	}
}

func (k *checkReader) question() []*grammar.Node {
	return []*grammar.Node{
		k.word("dns", "name", "NAME", "whom to ask for", k.name),
		k.word("dns", "type", typeNames(), "what to ask for (A)", k.recordType),
	}
}

// common are the words of every check.
func (k *checkReader) common() []*grammar.Node {
	const longest = time.Hour
	return []*grammar.Node{
		k.period("interval", "pause between looks (5s)", longest, func(c *health.Check) *time.Duration { return &c.Interval }),
		k.period("fast-interval", "pause while the verdict is about to change (1s)", longest, func(c *health.Check) *time.Duration { return &c.Fast }),
		k.period("timeout", "a look that takes longer is over, and the service is not well (5s; 2s without a command)", longest, func(c *health.Check) *time.Duration { return &c.Timeout }),
		k.times("rise", "how often in a row it is well before the gate opens (3)", func(c *health.Check) *int { return &c.Rise }),
		k.times("fall", "how often in a row it is not before the gate closes (3)", func(c *health.Check) *int { return &c.Fall }),
		k.word("", "disable", "PATH", "while this file is there, the gate is closed and nothing is looked at", func(c *grammar.Cursor) (err error) {
			disable := &k.cond.Check.Disable
			if *disable, err = c.One("a path"); err == nil && !strings.HasPrefix(*disable, "/") {
				err = grammar.Wish("a path from the root", *disable)
			}
			return err
		}),
		k.word("", "class", "local|shared", "whom a failure concerns: this box alone (local, if nothing is said), or others too, and then the routes stay, less wanted", func(c *grammar.Cursor) (err error) {
			k.cond.Class, err = class(c)
			return err
		}),
		k.word("", "may-withdraw", "", "a failure closes the gate although the class is shared", func(*grammar.Cursor) error {
			k.cond.MayWithdraw = true
			return nil
		}),
	}
}

func (k *checkReader) period(word, help string, longest time.Duration, d func(*health.Check) *time.Duration) *grammar.Node {
	return k.word("", word, "TIME", help, func(c *grammar.Cursor) (err error) {
		*d(&k.cond.Check), err = c.Duration(time.Millisecond, longest)
		return err
	})
}

func (k *checkReader) times(word, help string, n func(*health.Check) *int) *grammar.Node {
	return k.word("", word, "1-1000", help, func(c *grammar.Cursor) error {
		v, err := c.Int(1, 1000)
		*n(&k.cond.Check) = int(v)
		return err
	})
}

// url takes what HTTP gets. A user and password in it would stand in every list
// of conditions, and are not said back here either.
func (k *checkReader) url(c *grammar.Cursor) error {
	want := fmt.Sprintf("a URL like %s://192.0.2.53/health", k.kind)
	s, err := bracketless(c, want)
	if err != nil {
		return err
	}
	u, err := url.Parse(s)
	switch {
	case err == nil && u.User != nil:
		return errors.New("want a URL without user and password")
	case err != nil || u.Scheme != k.kind || u.Hostname() == "" || u.Opaque != "" || u.Fragment != "" || strings.Contains(u.Host, "%") || health.PortOf(u) == 0:
		return grammar.Wish(want, s)
	}
	k.cond.Check.URL = s
	return nil
}

func (k *checkReader) status(c *grammar.Cursor) error {
	const want = "a status like 200 or 200-299"
	s, err := c.One(want)
	if err != nil {
		return err
	}
	lo, hi, ranged := strings.Cut(s, "-")
	if !ranged {
		hi = lo
	}
	low, err1 := strconv.ParseUint(lo, 10, 16)
	high, err2 := strconv.ParseUint(hi, 10, 16)
	if err1 != nil || err2 != nil || low < 200 || low > high || high > 599 {
		return grammar.Wish(want, s)
	}
	k.cond.Check.Low, k.cond.Check.High = uint16(low), uint16(high)
	return nil
}

func (k *checkReader) host(c *grammar.Cursor) error {
	const want = "a host like www.example.com"
	s, err := c.One(want)
	if err != nil {
		return err
	}
	if u, err := url.Parse("http://" + s + "/"); err != nil || s == "" || u.Host != s || health.PortOf(u) == 0 || strings.Contains(s, "%") {
		return grammar.Wish(want, s)
	}
	k.cond.Check.Host = s
	return nil
}

// to takes an address, with a port where one is needed or may be. What is missing
// is filled in at the end of the section.
func (k *checkReader) to(c *grammar.Cursor) error {
	want := map[string]string{"tcp": "an address and port like 192.0.2.53:25", "icmp": "an address like 192.0.2.53"}[k.kind]
	if want == "" {
		want = "an address like 192.0.2.53, 192.0.2.53:5353 or \"[2001:db8::53]:5353\""
	}
	s, err := bracketless(c, want)
	if err != nil {
		return err
	}
	at, err := netip.ParseAddrPort(s)
	if a, e := netip.ParseAddr(s); e == nil {
		at, err = netip.AddrPortFrom(a, 0), nil
	} else if at.Port() == 0 {
		return grammar.Wish(want, s)
	}
	if err != nil || !single(at.Addr()) || at.Port() == 0 && k.kind == "tcp" || at.Port() != 0 && k.kind == "icmp" {
		return grammar.Wish(want, s)
	}
	k.cond.Check.Target = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	return nil
}

// bracketless takes a word, and says what to do about one with brackets: those
// begin a list where nothing is around them.
func bracketless(c *grammar.Cursor, want string) (string, error) {
	s, err := c.One(want)
	if s == "[" || err == nil && c.Peek() == "[" {
		err = errors.New("want quotes around what has brackets in it")
	}
	return s, err
}

func (k *checkReader) from(c *grammar.Cursor) error {
	const want = "an address of this box"
	s, err := c.One(want)
	if err != nil {
		return err
	}
	a, err := netip.ParseAddr(s)
	if err != nil || !single(a) {
		return grammar.Wish(want, s)
	}
	k.cond.Check.From = a.Unmap()
	return nil
}

// single says whether an address is that of one host. The link of one that needs
// a link is said by "link".
func single(a netip.Addr) bool {
	return a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// name takes a domain name (RFC 1035 section 2.3.4), "." for the root.
func (k *checkReader) name(c *grammar.Cursor) error {
	const want = "a name like example.com"
	s, err := c.One(want)
	if err != nil {
		return err
	}
	bare := strings.TrimSuffix(s, ".")
	if len(bare) > 253 || bare == "" && s != "." {
		return grammar.Wish(want, s)
	}
	for label := range strings.SplitSeq(bare, ".") {
		if len(label) > 63 || label == "" && s != "." || strings.ContainsFunc(label, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return grammar.Wish(want, s)
		}
	}
	k.cond.Check.Name = s
	return nil
}

func (k *checkReader) recordType(c *grammar.Cursor) error {
	s, err := c.One(typeNames())
	if err != nil {
		return err
	}
	t, ok := health.RecordTypes[strings.ToUpper(s)]
	if !ok {
		return grammar.Wish(typeNames(), s)
	}
	k.cond.Check.Type = t
	return nil
}

func typeNames() string {
	var names []string
	for name := range health.RecordTypes {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, "|")
}

// close fills in what was not said, and refuses what makes no sense together.
func (k *checkReader) close(c *grammar.Cursor) error {
	if c.Failed() {
		return nil
	}
	for _, complete := range []func() error{k.needs, k.places, k.agrees, k.cond.mayWithdraw} {
		if err := complete(); err != nil {
			return err
		}
	}
	k.condition(k.cond)
	return nil
}

// needs is what a check can't be without.
func (k *checkReader) needs() error {
	need := map[health.Kind][]string{health.Exec: {"command"}, health.HTTP: {"url"}, health.TCP: {"to"}, health.DNS: {"to", "name"}, health.ICMP: {"to"}}
	for _, word := range need[k.cond.Check.Kind] {
		if _, said := k.at[word]; !said {
			return fmt.Errorf("want %s", map[string]string{"command": "a command", "url": "a url", "to": "to ADDRESS", "name": "a name"}[word])
		}
	}
	return nil
}

// places fills in where a check looks.
func (k *checkReader) places() error {
	p := &k.cond.Check.Probe
	switch p.Kind {
	case health.DNS:
		if p.Target.Port() == 0 {
			p.Target = netip.AddrPortFrom(p.Target.Addr(), health.DNSPort)
		}
		if p.Type == 0 {
			p.Type = health.RecordTypes["A"]
		}
	case health.HTTP:
		u, err := url.Parse(p.URL)
		if err != nil {
			return err
		}
		if a, err := netip.ParseAddr(u.Hostname()); !p.Target.IsValid() && (err != nil || !single(a)) {
			return k.errorAt("url", fmt.Errorf("want to ADDRESS beside it, for no name is looked up, got %q", u.Hostname()))
		}
		if p.Target.IsValid() && p.Target.Port() == 0 {
			p.Target = netip.AddrPortFrom(p.Target.Addr(), health.PortOf(u))
		}
	}
	return nil
}

// agrees compares what was said with each other.
func (k *checkReader) agrees() error {
	p := k.cond.Check.Probe
	to := p.Where().Addr()
	switch {
	case p.From.IsValid() && p.From.Is4() != to.Is4():
		return k.errorAt("from", fmt.Errorf("%s can't ask %s: one is IPv4, the other is not", p.From, to))
	case p.Link == "" && to.Is6() && to.IsLinkLocalUnicast():
		return fmt.Errorf("want link NAME, for %s is another host on each link", to)
	case p.Link == "" && p.From.Is6() && p.From.IsLinkLocalUnicast():
		return fmt.Errorf("want link NAME, for %s may be on each link", p.From)
	case p.Kind == health.DNS && p.Expect != "":
		return k.expected(p)
	}
	return nil
}

// expected looks at what is expected of an address record.
func (k *checkReader) expected(p health.Probe) error {
	a, err := netip.ParseAddr(p.Expect)
	switch t := health.TypeName(p.Type); {
	case t == "A" && (err != nil || !a.Is4()):
		return k.errorAt("expect", grammar.Wish("an IPv4 address, for the type is A", p.Expect))
	case t == "AAAA" && (err != nil || !a.Is6()):
		return k.errorAt("expect", grammar.Wish("an IPv6 address, for the type is AAAA", p.Expect))
	}
	return nil
}

// errorAt is an error at the place of a word of the section.
func (k *checkReader) errorAt(word string, err error) error {
	return &grammar.Error{Pos: k.at[word], Word: word, Err: err}
}

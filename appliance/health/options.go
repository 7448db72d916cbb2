package health

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options are those of "exabgp healthcheck", and --api, which is ours.
type Options struct {
	Silent, NoSyslog, Debug, NoAck, Sudo bool
	Facility                             string // of syslog
	FacilityAsked                        bool   // without a value: the next word may be one
	Name, PID, User, Group               string
	Files                                []string // -F

	Check

	IPs                        []Address
	Label                      string
	LabelExact                 bool
	Deaggregate                bool
	NoIPSetup, DynamicIPSetup  bool
	StartIP, Increase          int
	Metrics                    map[State]int
	NextHop, PathID            string
	LocalPref                  int // below 0: not said
	Community, Extended, Large string
	DisabledCommunity          string
	ASPath                     string
	ASPaths                    map[State]string // in place of it
	WithdrawOnDown, Debounce   bool
	Neighbors                  []string
	API                        int // 4 or 6: whose words

	Execute  []string // hooks of every change
	Executes map[State][]string
}

// Address is one that is announced, and the link that it is to be on.
type Address struct {
	Prefix netip.Prefix
	Link   string
}

// Loopback is where addresses are, unless --ip-ifname says otherwise.
const Loopback = "lo"

// DefaultCheck has ExaBGP's numbers.
var DefaultCheck = Check{Timing: Timing{Rise: 3, Fall: 3, Interval: 5 * time.Second, Fast: time.Second}, Timeout: 5 * time.Second}

// New makes options with ExaBGP's defaults.
func New() *Options {
	return &Options{Facility: "daemon", Check: DefaultCheck,
		Increase: 1, Metrics: map[State]int{Up: 100, Down: 1000, Off: 500}, NextHop: "self", LocalPref: -1,
		ASPaths: map[State]string{}, Executes: map[State][]string{}, API: 4}
}

// states are the words in front of options that one state has of its own.
var states = map[string]State{"up": Up, "down": Down, "disabled": Off}

// Define has a set of flags fill the options.
func (o *Options) Define(fs *flag.FlagSet) {
	d := definer{fs}
	for name, p := range map[string]*bool{"silent s": &o.Silent, "no-syslog": &o.NoSyslog, "debug d": &o.Debug, "no-ack a": &o.NoAck, "sudo": &o.Sudo,
		"deaggregate-networks": &o.Deaggregate, "no-ip-setup": &o.NoIPSetup, "dynamic-ip-setup": &o.DynamicIPSetup, "label-exact-match": &o.LabelExact,
		"withdraw-on-down": &o.WithdrawOnDown, "debounce": &o.Debounce} {
		d.each(name, func(name string) { fs.BoolVar(p, name, false, "") })
	}
	for name, p := range map[string]*string{"name n": &o.Name, "pid p": &o.PID, "user": &o.User, "group": &o.Group, "disable": &o.Disable,
		"command cmd c": &o.Command, "label": &o.Label, "community": &o.Community, "extended-community": &o.Extended,
		"large-community": &o.Large, "disabled-community": &o.DisabledCommunity, "as-path": &o.ASPath} {
		d.each(name, func(name string) { fs.StringVar(p, name, "", "") })
	}
	for name, p := range map[string]*int{"rise": &o.Rise, "fall": &o.Fall, "start-ip": &o.StartIP, "increase": &o.Increase, "local-preference": &o.LocalPref} {
		d.number(name, func(n int) { *p = n })
	}
	for name, p := range map[string]*time.Duration{"interval i": &o.Interval, "fast-interval f": &o.Fast, "timeout t": &o.Timeout} {
		d.take(name, func(s string) (err error) { *p, err = seconds(s); return err })
	}
	for word, s := range states {
		d.number(word+"-metric", func(n int) { o.Metrics[s] = n })
		d.take(word+"-as-path", func(v string) error { o.ASPaths[s] = v; return nil })
		d.take(word+"-execute", func(v string) error { o.Executes[s] = append(o.Executes[s], v); return nil })
	}
	d.take("execute", func(v string) error { o.Execute = append(o.Execute, v); return nil })
	d.take("config F", func(v string) error { o.Files = append(o.Files, v); return nil })
	d.number("path-id", func(n int) { o.PathID = strconv.Itoa(n) })
	d.take("ip", o.ip)
	d.take("ip-ifname", o.ipOn)
	d.take("next-hop N", o.nextHop)
	d.take("neighbor", o.neighbor)
	d.take("api", o.api)
	d.each("syslog-facility sF", func(name string) {
		fs.BoolFunc(name, "", func(v string) error {
			if o.FacilityAsked = v == "true"; !o.FacilityAsked {
				o.Facility = v
			}
			return nil
		})
	})
}

// definer defines a flag with all its names.
type definer struct{ fs *flag.FlagSet }

func (d definer) each(names string, f func(string)) {
	for name := range strings.FieldsSeq(names) {
		f(name)
	}
}

func (d definer) take(names string, f func(string) error) {
	d.each(names, func(name string) { d.fs.Func(name, "", f) })
}

func (d definer) number(names string, f func(int)) {
	d.take(names, func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil {
			return errors.New("want a number")
		}
		f(n)
		return nil
	})
}

func seconds(s string) (time.Duration, error) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0 && n < 1e6) {
		return 0, errors.New("want seconds")
	}
	return time.Duration(n * float64(time.Second)), nil
}

func (o *Options) ip(s string) error {
	p, err := network(s)
	o.IPs = append(o.IPs, Address{p, Loopback})
	return err
}

func (o *Options) ipOn(s string) error {
	ip, link, ok := strings.Cut(s, "%")
	p, err := network(ip)
	if err == nil && (!ok || link == "" || len(link) > 15) {
		err = errors.New("want ADDRESS%LINK")
	}
	o.IPs = append(o.IPs, Address{p, link})
	return err
}

// network takes an address or a network.
func network(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p != p.Masked() {
		return p, errors.New("want an address, or a network like 192.0.2.0/28 without bits behind its length")
	}
	return p, nil
}

func (o *Options) nextHop(s string) error {
	if _, err := netip.ParseAddr(s); err != nil && s != "self" {
		return errors.New("want an address or self")
	}
	o.NextHop = s
	return nil
}

func (o *Options) neighbor(s string) error {
	if _, err := netip.ParseAddr(s); err != nil && s != "*" {
		return errors.New("want an address or *")
	}
	o.Neighbors = append(o.Neighbors, s)
	return nil
}

func (o *Options) api(s string) error {
	if o.API, _ = strconv.Atoi(s); o.API != 4 && o.API != 6 {
		return errors.New("want 4 or 6")
	}
	return nil
}

// most is how many addresses a network may have where each counts for itself. A
// /64 on the loopback keeps ExaBGP busy for ever.
const most = 1 << 12

// Validate says what is wrong with the options together.
func (o *Options) Validate() error {
	for _, a := range o.IPs {
		if (o.Deaggregate || !o.NoIPSetup) && a.Prefix.Addr().BitLen()-a.Prefix.Bits() > 12 {
			return fmt.Errorf("ip: %s has more than %d addresses, which are too many to set up or to announce each (see --no-ip-setup)", a.Prefix, most)
		}
	}
	switch {
	case o.StartIP < 0:
		return errors.New("start-ip: want an index from 0")
	case len(o.Label) > 15-len(Loopback+":"):
		return fmt.Errorf("label: %q has more than %d characters", o.Label, 15-len(Loopback+":"))
	}
	return nil
}

// Hosts are the addresses of a network, each with its whole length.
func Hosts(p netip.Prefix) (hosts []netip.Prefix) {
	for a := p.Addr(); p.Contains(a) && len(hosts) < most; a = a.Next() {
		hosts = append(hosts, netip.PrefixFrom(a, a.BitLen()))
	}
	return hosts
}

// Hooks are the commands of a change to a state, in the order in which they run.
func (o *Options) Hooks(s State) []string {
	return slices.Concat(o.Executes[s], o.Execute)
}

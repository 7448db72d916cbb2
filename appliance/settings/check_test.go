package settings

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/appliance/health"
)

// TestChecks: each kind as it is told of, and what was filled in.
func TestChecks(t *testing.T) {
	for text, want := range map[string]string{
		`check exec { command "dig x"; class shared; may-withdraw; }`: `check "dig x"; 5s; shared true`,
		`healthcheck { command "dig x"; class shared; }`:              `check "dig x"; 5s; shared false`,
		`check http { url http://192.0.2.53/health; }`:                `check http http://192.0.2.53/health; 192.0.2.53:80; 2s`,
		`check https { url "https://www.example.com/?a=b"; to 2001:db8::1; status 200-204; expect "OK"; insecure; from 2001:db8::2; link eth0; timeout 5; }`: `check https https://www.example.com/?a=b to [2001:db8::1]:443 status 200-204 expect "OK" insecure from 2001:db8::2 link eth0; [2001:db8::1]:443; 5s`,
		`check http { url "http://[2001:db8::1]:8080"; host www.example.com; status 404; }`:                                                                  `check http http://[2001:db8::1]:8080 host www.example.com status 404-404; [2001:db8::1]:8080; 2s`,
		`check http { url http://name:81/; to ::ffff:192.0.2.1; }`:                                                                                           `check http http://name:81/ to 192.0.2.1:81; 192.0.2.1:81; 2s`,
		`check tcp { to 192.0.2.53:6379; send "PING\r\n"; expect "+PONG"; }`:                                                                                 `check tcp 192.0.2.53:6379 expect "+PONG"; 192.0.2.53:6379; 2s`,
		`check dns { to 192.0.2.53; name example.com; type soa; }`:                                                                                           `check dns 192.0.2.53 example.com SOA; 192.0.2.53:53; 2s`,
		`check dns { to "[2001:db8::1]:5353"; name .; expect 192.0.2.1; }`:                                                                                   `check dns [2001:db8::1]:5353 . A expect "192.0.2.1"; [2001:db8::1]:5353; 2s`,
		`check icmp { to fe80::1; link eth0; from fe80::2; }`:                                                                                                `check icmp fe80::1 from fe80::2 link eth0; [fe80::1]:0; 2s`,
	} {
		s, errs := read("watchdog dns { " + text + " }")
		if errs != "" {
			t.Errorf("%s: %s", text, errs)
			continue
		}
		c := s.Gates[0].Conditions[0]
		got := []string{c.String(), c.Check.Timeout.String()}
		if w := c.Check.Where(); w.IsValid() {
			got = []string{c.String(), w.String(), c.Check.Timeout.String()}
		}
		if c.Class != health.Local {
			got = append(got, fmt.Sprint(c.Class, " ", c.MayWithdraw))
		}
		if g := strings.Join(got, "; "); g != want {
			t.Errorf("%s:\n%s, want\n%s", text, g, want)
		}
	}
}

func TestCheckErrors(t *testing.T) {
	for text, want := range map[string]string{
		`check { }`: `1:22: check: want exec|http|https|tcp|dns|icmp, got nothing`,
		`check smtp { to 192.0.2.1:25; expect 2; }`:                  `1:22: check: want exec|http|https|tcp|dns|icmp, got "smtp"`,
		`check icmp fast { to 192.0.2.1; }`:                          `1:27: check: unexpected "fast"`,
		`check exec { }`:                                             `1:16: check: want a command`,
		`check http { }`:                                             `1:16: check: want a url`,
		`check tcp { }`:                                              `1:16: check: want to ADDRESS`,
		`check dns { to 192.0.2.1; }`:                                `1:16: check: want a name`,
		`check exec { command ""; }`:                                 `1:37: command: want a text, got nothing`,
		`check exec { command x; command y; }`:                       `1:40: command: said twice`,
		`check exec { command x; from ::1; }`:                        `1:40: from: is no word of check exec`,
		`check icmp { to 192.0.2.1; expect x; }`:                     `1:43: expect: is no word of check icmp`,
		`check http { url http://h/; insecure; }`:                    `1:52: insecure: is no word of check http`,
		`check icmp { to 192.0.2.1:7; }`:                             `1:32: to: want an address like 192.0.2.53, got "192.0.2.1:7"`,
		`check icmp { to 0.0.0.0; }`:                                 `1:32: to: want an address like 192.0.2.53, got "0.0.0.0"`,
		`check icmp { to ff02::1; }`:                                 `1:32: to: want an address like 192.0.2.53, got "ff02::1"`,
		`check icmp { to fe80::1; }`:                                 `1:16: check: want link NAME, for fe80::1 is another host on each link`,
		`check icmp { to ::1; from fe80::1; }`:                       `1:16: check: want link NAME, for fe80::1 may be on each link`,
		`check icmp { to fe80::1%eth0; }`:                            `1:32: to: want an address like 192.0.2.53, got "fe80::1%eth0"`,
		`check tcp { to 192.0.2.1; }`:                                `1:31: to: want an address and port like 192.0.2.53:25, got "192.0.2.1"`,
		`check tcp { to www.example.com:80; }`:                       `1:31: to: want an address and port like 192.0.2.53:25, got "www.example.com:80"`,
		`check dns { to 192.0.2.1:0; name a; }`:                      `1:31: to: want an address like 192.0.2.53, 192.0.2.53:5353 or "[2001:db8::53]:5353", got "192.0.2.1:0"`,
		`check tcp { to 192.0.2.1:1; from ::1; }`:                    `1:44: from: ::1 can't ask 192.0.2.1: one is IPv4, the other is not`,
		`check tcp { to 192.0.2.1:1; from any; }`:                    `1:49: from: want an address of this box, got "any"`,
		`check tcp { to 192.0.2.1:1; link ""; }`:                     `1:49: link: want a link's name of at most 15 characters, got nothing`,
		`link ""; check tcp { to 192.0.2.1:1; }`:                     `1:21: link: want a link's name of at most 15 characters, got nothing`,
		`check tcp { to 192.0.2.1:1; link a/b; }`:                    `1:49: link: want a link's name of at most 15 characters, got "a/b"`,
		`check http { url http://name/; }`:                           `1:29: url: want to ADDRESS beside it, for no name is looked up, got "name"`,
		`check http { url https://192.0.2.1/; }`:                     `1:33: url: want a URL like http://192.0.2.53/health, got "https://192.0.2.1/"`,
		`check http { url http://me:secret@h/; }`:                    `1:33: url: want a URL without user and password`,
		`check http { url http://h:99999/; }`:                        `1:33: url: want a URL like http://192.0.2.53/health, got "http://h:99999/"`,
		`check http { url http:///x; }`:                              `1:33: url: want a URL like http://192.0.2.53/health, got "http:///x"`,
		`check http { url http://h/; status 2xx; }`:                  `1:51: status: want a status like 200 or 200-299, got "2xx"`,
		`check http { url http://h/; status 9-1; }`:                  `1:51: status: want a status like 200 or 200-299, got "9-1"`,
		`check http { url http://h/; host "a b"; }`:                  `1:49: host: want a host like www.example.com, got "a b"`,
		`check dns { to ::1; name a..b; }`:                           `1:41: name: want a name like example.com, got "a..b"`,
		`check dns { to ::1; name a; type ANY; }`:                    `1:49: type: want A|AAAA|CNAME|MX|NS|PTR|SOA|SRV|TXT, got "ANY"`,
		`check dns { to ::1; name a; expect ::1; }`:                  `1:44: expect: want an IPv4 address, for the type is A, got "::1"`,
		`check dns { to ::1; name a; type AAAA; expect 192.0.2.1; }`: `1:55: expect: want an IPv6 address, for the type is AAAA, got "192.0.2.1"`,
		`check tcp { to [::1]:25; }`:                                 `1:31: to: want quotes around what has brackets in it`,
		`check http { url http://[::1]/; }`:                          `1:33: url: want quotes around what has brackets in it`,
		`check icmp { to ::1; class global; }`:                       `1:43: class: want local or shared, got "global"`,
		`check icmp { to ::1; may-withdraw; }`:                       `1:16: check: may-withdraw wants class shared beside it: a local failure withdraws anyway`,
		`healthcheck { command x; url http://h/; }`:                  `1:41: unknown word "url", want class, command, disable, fall, fast-interval, interval, may-withdraw, rise, timeout`,
	} {
		if _, got := read("watchdog dns { " + text + " }"); got != "edge.conf:"+want {
			t.Errorf("%s:\n%s, want\nedge.conf:%s", text, got, want)
		}
	}
	if _, got := read(`watchdog { device /dev/watchdog0; check icmp { to ::1; } }`); got != `edge.conf:1:41: check: belongs into watchdog NAME { … }` {
		t.Error(got)
	}
}

// FuzzCheck: whatever stands in a check, one that is taken knows whom to ask, and
// for how long.
func FuzzCheck(f *testing.F) {
	for _, words := range []string{
		`exec { command "dig x"; class shared; may-withdraw; }`, `icmp { to fe80::1; link eth0; from fe80::2; }`,
		`https { url "https://www.example.com/?a=b"; to 2001:db8::1; status 200-204; expect "OK"; insecure; }`,
		`http { url "http://[2001:db8::1]:8080"; host www.example.com; status 404; disable /off; }`,
		`tcp { to 192.0.2.53:6379; send "PING\r\n"; expect "+PONG"; rise 1; fall 1; timeout 1; }`,
		`dns { to "[2001:db8::1]:5353"; name .; type A; expect 192.0.2.1; interval 10; fast-interval 500ms; }`,
	} {
		f.Add(words)
	}
	f.Fuzz(func(t *testing.T, words string) {
		s, errs := read("watchdog dns { check " + words + " }")
		if errs != "" {
			return
		}
		for _, c := range s.Checks() {
			asks := c.Where().IsValid() && (c.Where().Port() > 0 || c.Kind == health.ICMP)
			if asks != (c.Kind != health.Exec) || c.Timeout <= 0 || c.Interval <= 0 || c.Rise < 1 || c.Fall < 1 {
				t.Errorf("%s: %+v", words, c)
			}
		}
	})
}

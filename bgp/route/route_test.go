package route

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/grammar"
)

// line is a source of words.
type line []string

// words cuts a text as a configuration is cut.
func words(text string) (l line) {
	tokens, _ := grammar.Lex("line", text)
	for _, t := range tokens {
		l = append(l, t.Text)
	}
	return l
}

func (l *line) Peek() string {
	if len(*l) == 0 {
		return ""
	}
	return (*l)[0]
}

func (l *line) Next() string {
	w := l.Peek()
	if w != "" {
		*l = (*l)[1:]
	}
	return w
}

func read(d *Draft, text string) ([]Route, error) {
	d.Reset()
	l := words(text)
	if err := d.Prefix(l.Next()); err != nil {
		return nil, err
	}
	if err := d.Say(&l, ""); err != nil {
		return nil, err
	}
	return d.Routes(nil)
}

func show(rs []Route) (out []string) {
	for _, r := range rs {
		out = append(out, string(r.AppendText(nil)))
	}
	return out
}

func TestStatements(t *testing.T) {
	var d Draft
	for text, want := range map[string][]string{
		"10.0.0.0/24 next-hop 10.0.0.1":                                      {"10.0.0.0/24 next-hop 10.0.0.1"},
		"10.0.0.0/24 next-hop 10.0.0.1 origin IGP":                           {"10.0.0.0/24 next-hop 10.0.0.1 origin igp"},
		"10.0.0.1 next-hop self":                                             {"10.0.0.1/32 next-hop self"},
		"0.0.0.0/0 next-hop 1.1.1.1":                                         {"0.0.0.0/0 next-hop 1.1.1.1"},
		`10.0.0.0/24 next-hop self watchdog "a \"b\\"`:                       {`10.0.0.0/24 next-hop self watchdog "a \"b\\"`},
		"2001:db8::/32 next-hop self watchdog dns withdraw":                  {"2001:db8::/32 next-hop self watchdog dns withdraw"},
		"10.0.0.0/8 path-information 7 name x med 5 next-hop 1.1.1.1":        {"10.0.0.0/8 path-information 0.0.0.7 next-hop 1.1.1.1 med 5"},
		"10.0.0.0/24 split /26 next-hop 1.1.1.1":                             {"10.0.0.0/26 next-hop 1.1.1.1", "10.0.0.64/26 next-hop 1.1.1.1", "10.0.0.128/26 next-hop 1.1.1.1", "10.0.0.192/26 next-hop 1.1.1.1"},
		"10.0.0.0/24 split 24 next-hop 1.1.1.1":                              {"10.0.0.0/24 next-hop 1.1.1.1"},
		"2001:db8::/31 split /32 next-hop ::1":                               {"2001:db8::/32 next-hop ::1", "2001:db9::/32 next-hop ::1"},
		"10.0.0.0/8 next-hop 1.1.1.1 aggregator ( 65000:1.2.3.4 )":           {"10.0.0.0/8 next-hop 1.1.1.1 aggregator ( 65000:1.2.3.4 )"},
		"10.0.0.0/8 next-hop 1.1.1.1 aggregator 65000:1.2.3.4":               {"10.0.0.0/8 next-hop 1.1.1.1 aggregator ( 65000:1.2.3.4 )"},
		"10.0.0.0/8 next-hop 1.1.1.1 atomic-aggregate as-path [ 1 ( 2 3 ) ]": {"10.0.0.0/8 next-hop 1.1.1.1 as-path [ 1 ( 2 3 ) ] atomic-aggregate"},
		"10.0.0.0/24 next-hop ::1":                                           {"10.0.0.0/24 next-hop ::1"},
		"10.0.0.0/24 label 100 next-hop 1.1.1.1":                             {"10.0.0.0/24 label 100 next-hop 1.1.1.1"},
		"::/0 label [ 1 2 ] next-hop ::1":                                    {"::/0 label [ 1 2 ] next-hop ::1"},
		"10.0.0.0/24 rd 65000:1 label 3 next-hop 1.1.1.1 split /25":          {"10.0.0.0/25 rd 65000:1 label 3 next-hop 1.1.1.1", "10.0.0.128/25 rd 65000:1 label 3 next-hop 1.1.1.1"},
		"10.0.0.0/8 next-hop 1.1.1.1 community [ 1:1 , 2:2 ]":                {"10.0.0.0/8 next-hop 1.1.1.1 community [ 1:1 2:2 ]"},
	} {
		rs, err := read(&d, text)
		if diff := cmp.Diff(want, show(rs)); err != nil || diff != "" {
			t.Errorf("%s: %v, -want +got:\n%s", text, err, diff)
		}
	}
}

func TestBadStatements(t *testing.T) {
	var d Draft
	for text, want := range map[string]string{
		"10.0.0.1/24":                         "10.0.0.1/24 has bits set beyond its length, want 10.0.0.0/24",
		"10.0.0.256/32":                       `want a prefix like 192.0.2.0/24 or 2001:db8::/32, got "10.0.0.256/32"`,
		"10.0.0.0/24":                         "want next-hop",
		"10.0.0.0/24 next-hop 1.1.1.1 rd 1:1": "want label for a route of ipv4 mpls-vpn",
		"10.0.0.0/24 next-hop 1.1.1.1 label 1048576":     `label: want a label 0-1048575, got "1048576"`,
		"10.0.0.0/24 next-hop 1.1.1.1 rd 1 label 1":      `rd: want a route distinguisher like 65000:1 or 192.0.2.1:1, got "1"`,
		"10.0.0.0/24 next-hop":                           `next-hop: want ADDRESS|self, got nothing`,
		"10.0.0.0/24 next-hop [ 1.1.1.1 ]":               `next-hop: want ADDRESS|self, got "["`,
		"10.0.0.0/24 next-hop 1.1.1.1 split /33":         "split: want a length from /24 to /32 for 10.0.0.0/24, got /33",
		"10.0.0.0/24 next-hop 1.1.1.1 split /23":         "split: want a length from /24 to /32 for 10.0.0.0/24, got /23",
		"10.0.0.0/24 next-hop 1.1.1.1 split /x":          `split: want a length like /24, got "/x"`,
		"::/0 next-hop ::1 split /128":                   "split: want at most 65536 routes, so at most /16 for ::/0, got /128",
		"10.0.0.0/24 path-information x":                 `path-information: want a number or four like 0.0.0.10, got "x"`,
		"10.0.0.0/24 med ]":                              `med: want 0-4294967295, got "]"`,
		"10.0.0.0/24 community [ 1:1":                    `community: want N:N|no-export|no-advertise|blackhole|0xHEX or ], got nothing`,
		"10.0.0.0/24 aggregator ( 1:1.1.1.1 2:1.1.1.1 )": `aggregator: want one value, got 2`,
	} {
		_, err := read(&d, text)
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
	if _, err := read(&d, "10.0.0.0/24 bogus"); err == nil || !strings.Contains(err.Error(), `watchdog, withdraw, got "bogus"`) {
		t.Errorf("unknown word: %v", err)
	}
}

// FuzzStatement: what is taken says itself again.
func FuzzStatement(f *testing.F) {
	f.Add("10.0.0.0/24 next-hop 10.0.0.1 med 5 split /25 watchdog a withdraw")
	f.Add("2001:db8::/32 next-hop self as-path [ 1 ( 2 ) ] path-information 1")
	f.Fuzz(func(t *testing.T, text string) {
		var d Draft
		rs, err := read(&d, text)
		if err != nil || strings.ContainsAny(text, "\"\\") || strings.Contains(text, "attribute") { // flags that no word can say
			return
		}
		for _, r := range rs[:min(len(rs), 4)] {
			said := string(r.AppendText(nil))
			again, err := read(&d, said)
			if err != nil || len(again) != 1 {
				t.Fatalf("%q says %q: %v", text, said, err)
			}
			if diff := cmp.Diff(said, show(again)[0]); diff != "" {
				t.Errorf("%q:\n%s", text, diff)
			}
		}
	})
}

// TestWordsOfOtherFamilies: what prefixes have, a policy or a block has not.
func TestWordsOfOtherFamilies(t *testing.T) {
	for text, want := range map[string]string{
		"rd 1:1":                  "rd: routes of ipv4 sr-policy have none",
		"route-distinguisher 1:1": "rd: routes of ipv4 sr-policy have none",
		"label [ 5 6 ]":           "label: routes of ipv4 sr-policy have none",
		"split /32":               "split: routes of ipv4 sr-policy can't be split",
	} {
		var d Draft
		if err := d.Begin(bgp.IPv4SRPolicy); err != nil {
			t.Fatal(err)
		}
		s := words("distinguisher 1 color 1 endpoint 1.1.1.1 next-hop 1.1.1.1 " + text)
		if err := d.Say(&s, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Routes(nil); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

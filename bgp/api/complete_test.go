package api

import (
	"slices"
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	for line, want := range map[string]string{
		"ann":                                   "announce",
		"daemon ":                               "reload restart shutdown status",
		"daemon s":                              "shutdown status",
		"daemon x":                              "",
		"peer c":                                "create",
		"peer 10":                               "10.0.0.1 10.0.0.2",
		"peer [":                                "* 10.0.0.1 10.0.0.2",
		"peer [10.0.0.1, 10":                    "10.0.0.1 10.0.0.2",
		"peer [10.0.0.1 ":                       ", ] family-allowed local-as local-ip peer-as router-id",
		"peer 10.0.0.1 local-":                  "local-as local-ip",
		"peer 10.0.0.1 local-as ":               "",
		"peer 10.0.0.1 local-as 1 a":            "announce",
		"peer [10.0.0.1] w":                     "withdraw",
		"neighbor 10.0.0.1, ":                   "* 10.0.0.1 10.0.0.2",
		"neighbor 10.0.0.1 announce r":          "route route-refresh",
		"announce route ":                       "",
		"announce route 10.0.0.0/24 next":       "next-hop",
		"announce route 10.0.0.0/24 next-hop ":  "self",
		"announce route 10.0.0.0/24 next-hop s": "self",
		"announce route 10.0.0.0/24 next-hop self origin ":                      "egp igp incomplete",
		"announce route 10.0.0.0/24 next-hop self n":                            "name",
		"announce route 10.0.0.0/24 next-hop self community [ no-e":             "no-export",
		"announce route 10.0.0.0/24 next-hop self community [ no-export ] comm": "",
		"announce attributes med 5 nl":                                          "nlri",
		"announce eor ":                                                         "bgp-ls ipv4 ipv6 l2vpn",
		"announce eor l2vpn ":                                                   "evpn vpls",
		"show neighbor ":                                                        "configuration extensive json summary text",
		"show adj-rib ":                                                         "extensive flow in inet json l2vpn out text",
		"show adj-rib out ext":                                                  "extensive",
		"peer delete ":                                                          "10.0.0.1 10.0.0.2",
		"peer * group a":                                                        "announce attributes",
		"announce operational ":                                                 "adm apcp apcq asm lpcp lpcq rpcp rpcq",
		"announce operational asm adv":                                          "advisory",
		`announce watchdog "`:                                                   "",
		"bogus ":                                                                "",
	} {
		got := strings.Join(Complete(line, []string{"10.0.0.1", "10.0.0.2"}), " ")
		if got != want {
			t.Errorf("%q: want %q, got %q", line, want, got)
		}
	}
}

// TestCompleteKnowsEveryCommand: each word of each command comes when those
// before it were said.
func TestCompleteKnowsEveryCommand(t *testing.T) {
	for _, c := range commands {
		for _, words := range []string{c.words, c.old} {
			if words == "-" {
				continue
			}
			before := ""
			if c.words == "show" && words == "show" {
				before = "peer "
			}
			for w := range strings.FieldsSeq(words) {
				if !slices.Contains(Complete(before+w, nil), w) {
					t.Errorf("%q does not follow %q", w, before)
				}
				before += w + " "
			}
		}
	}
}

func FuzzComplete(f *testing.F) {
	for i := range commands {
		f.Add(commands[i].usage(4))
		f.Add(commands[i].usage(6))
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, w := range Complete(line, []string{"10.0.0.1"}) {
			if w == "" {
				t.Errorf("%q: an empty word", line)
			}
		}
	})
}

package config_test

import (
	"strings"
	"testing"

	"holdfast/bgp/config"
)

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		`neighbor 10.0.0.2 { md5-password "s3;cret"; peer-as 1; }`:   `neighbor 10.0.0.2 { md5-password …; peer-as 1; }`,
		"md5-password # not this\n\ts3cret # äöü s3cret\n;\nmd5 x;":  "md5-password # not this\n\t…;\nmd5 …;",
		`tcp-ao { keyid 1; password 's3cret' ; }`:                    `tcp-ao { keyid 1; password …; }`,
		"# ü\ndescription \"ü md5-password s3\"; ü md5-password s3;": "# ü\ndescription \"ü md5-password s3\"; ü md5-password s3;",
		"md5-password-file /etc/key; md5-password ;":                 "md5-password-file /etc/key; md5-password ;",
		"{ md5-password s3cret":                                      "{ md5-password …",
		"password":                                                   "password",
	} {
		if got := config.Redact(text); got != want {
			t.Errorf("%q:\ngot  %q\nwant %q", text, got, want)
		}
	}
}

// FuzzRedact: a key is not in what comes out, wherever it stands.
func FuzzRedact(f *testing.F) {
	f.Add("neighbor 1 { ", "} # x")
	f.Add("\"ü\r\n\";", ";\n\"")
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.ContainsAny(before, `"'#\`) {
			return // it may be a piece of something else then
		}
		if got := config.Redact(before + ";md5-password s3cr3t;" + after); strings.Contains(strings.TrimPrefix(got, before), "s3cr3t") && !strings.Contains(after, "s3cr3t") {
			t.Errorf("%q", got)
		}
	})
}

package config_test

import (
	"strings"
	"testing"

	"holdfast/bgp/config"
)

// TestSecretsInErrors: whatever is wrong with a key's words, the key is not
// repeated: errors are logged, and told to helpers.
func TestSecretsInErrors(t *testing.T) {
	for _, words := range []string{
		"md5-password SECRET", "md5-password SECRET }", "md5-password one SECRET;", "md5-password \"SECRET", "md5-password = SECRET;",
		"md5-password SECRET\n peer-as 65002;", "md5-password SECRET\n family { ipv4 unicast; }", "md5 one SECRET;", "md5 password SECRET;",
		"md5-password SECRET { }", "md5-password SECRET { x; }", "md5-password SECRET; md5-base64 true;", "md5-password SECRET; md5-base64 maybe;",
		"md5-password " + strings.Repeat("SECRET", 20) + ";", "tcp-ao { password SECRET }", "tcp-ao { password one SECRET; }",
		"tcp-ao { password SECRET; base64; }", "tcp-ao { keyid 1000; password SECRET; }", "md5-password one; tcp-ao { password SECRET; }",
		"md5-password [ SECRET ];", "tcp-ao SECRET;", "tcp-ao { password SECRET { } }", "md5-passwd SECRET;",
	} {
		_, err := config.Parse("edge.conf", []byte("neighbor 10.0.0.2 { "+words+" local-as 65001; }"), config.Options{})
		if err == nil {
			t.Errorf("%s: no error", words)
		} else if strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", words, err)
		}
	}
}

// TestKeyFiles: keys of both kinds come from files, and without somebody who reads
// them there is an error, not a session without a key.
func TestKeyFiles(t *testing.T) {
	const signed = "neighbor 10.0.0.2 { local-as 65001; peer-as 65002; router-id 1.1.1.1; tcp-ao { keyid 1; password-file k; } }\n" +
		"neighbor 10.0.0.3 { local-as 65001; peer-as 65002; router-id 1.1.1.1; md5-password-file k; }"
	read := func(path string) ([]byte, error) { return []byte("of " + path + "\n"), nil }
	c, err := config.Parse("edge.conf", []byte(signed), config.Options{ReadFile: read})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := c.Neighbors[0].TCPAO.Password, c.Neighbors[1].MD5Password; a != "of k" || b != "of k" {
		t.Errorf("%q, %q", a, b)
	}
	_, err = config.Parse("edge.conf", []byte(signed), config.Options{})
	if err == nil || strings.Count(err.Error(), "no file is read here") != 2 {
		t.Error(err)
	}
}

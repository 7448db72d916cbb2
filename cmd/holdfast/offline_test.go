package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// tried is what a command line gives: exit code, standard output, and errors.
func tried(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var out, err bytes.Buffer
	code := run(args, &out, &err)
	return code, out.String(), err.String()
}

const update4 = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00300200000015400101004002004003040102030440050400000064180A0000"

func TestDecodeAndEncode(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		out  string // a part of it
		err  string
	}{
		{"decode " + update4, 0, `"announce": { "ipv4 unicast": { "1.2.3.4": [ { "nlri": "10.0.0.0/24" } ] } }`, ""},
		{"decode --commands " + update4, 0, "announce ipv4 unicast 10.0.0.0/24 next-hop 1.2.3.4 origin igp as-path [ ] local-preference 100\n", ""},
		{"decode --tree " + update4, 0, "   44     4      10.0.0.0/24\n", ""},
		{"decode --update " + update4[38:], 0, `"nlri": "10.0.0.0/24"`, ""},
		{"decode -n -f ipv4/unicast 180A0000", 0, "{ \"nlri\": \"10.0.0.0/24\" }\n", ""},
		{"decode -n -i -f ipv4/unicast 00000007180A0000", 0, "{ \"nlri\": \"10.0.0.0/24\", \"path-information\": \"0.0.0.7\" }\n", ""},
		{"decode -n -f ipv4/nonsense 180A0000", 1, "", "holdfast decode: -f: want a family like \"ipv4 unicast\", got \"ipv4/nonsense\"\n"},
		{"decode " + update4[:60], 1, "", "holdfast decode: octet 16: a message of 48 octets, 30 are there\n"},
		{"decode XYZ", 1, "", "holdfast decode: want octets in hexadecimal: encoding/hex: invalid byte: U+0058 'X'\n"},
		{"encode route 10.0.0.0/24 next-hop 1.2.3.4", 0, update4 + "\n", ""},
		{"encode --no-header route 10.0.0.0/24 next-hop 1.2.3.4", 0, update4[38:] + "\n", ""},
		{"encode -n -i route 10.0.0.0/24 next-hop 1.2.3.4 path-information 7", 0, "00000007180A0000\n", ""},
		{"encode -a 65001 -z 65002 route 10.0.0.0/24 next-hop 1.2.3.4", 0, "02010000FDE9", ""},
		{"encode -a 1.1 route 10.0.0.0/24 next-hop 1.2.3.4", 0, "020100010001", ""},
		{"encode -f ipv4/flow flow route destination 10.0.0.0/24 discard", 0, "0501180A0000", ""},
		{"decode -nif ipv4/unicast 00000007180A0000", 0, "\"path-information\": \"0.0.0.7\"", ""},
		{"decode nosuch.pcap", 1, "", "holdfast: decode: nosuch.pcap is no file, and no octets\n"},
		{"--decode " + update4, 0, `"nlri": "10.0.0.0/24"`, ""},
		{"encode route 10.0.0.1/24 next-hop 1.2.3.4", 1, "", "holdfast: column 16: 10.0.0.1/24 has bits set beyond its length, want 10.0.0.0/24\n"},
	} {
		code, out, err := tried(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.out) || (c.out == "") != (out == "") || err != c.err {
			t.Errorf("holdfast %s: %d\n%s%s", c.args, code, out, err)
		}
	}
}

// TestDecodeCapture has what two speakers agreed on show in their OPENs: the
// UPDATE after them has path identifiers.
func TestDecodeCapture(t *testing.T) {
	open := "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00350104FDE800B4C00002011802060104000100010206450400010103" + "020641040000FDE8"
	path := "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF003402000000154001010040020040030401020304400504000000640000000718 0A0000"
	const want = `{ "nlri": "10.0.0.0/24", "path-information": "0.0.0.7" }`
	code, out, errs := tried(t, "decode", captureOf(t, sent{1, 0, open}, sent{2, 0, open}, sent{1, 53, path}))
	if code != 0 || strings.Count(out, "\n") != 3 || !strings.Contains(out, want) {
		t.Errorf("%d %s%s", code, out, errs)
	}
	alone := captureOf(t, sent{1, 0, path})
	if code, out, errs := tried(t, "decode", "-i", alone); code != 0 || !strings.Contains(out, want) {
		t.Errorf("without OPENs: %d %s%s", code, out, errs)
	}
	if code, _, errs := tried(t, "decode", "-n", alone); code != exitUsage || !strings.Contains(errs, "-c and -n are for octets") {
		t.Errorf("-n: %d %s", code, errs)
	}
}

// sent is a packet of one of two speakers, with its place in what that one says.
type sent struct {
	from byte
	seq  uint32
	data string
}

// captureOf is a file with packets.
func captureOf(t *testing.T, packets ...sent) (name string) {
	t.Helper()
	var file []byte
	le := binary.LittleEndian
	file = append(le.AppendUint32(nil, 0xa1b2c3d4), 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0)
	for i, p := range packets {
		data, err := hex.DecodeString(strings.ReplaceAll(p.data, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		b := []byte{0x45, 0, 0, byte(40 + len(data)), 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, p.from, 192, 0, 2, 3 - p.from, 0, 179, 0, 179}
		b = append(binary.BigEndian.AppendUint32(b, p.seq), 0, 0, 0, 0, 0x50, 16, 0, 0, 0, 0, 0, 0)
		b = append(b, data...)
		file = append(le.AppendUint32(le.AppendUint32(le.AppendUint32(le.AppendUint32(file, uint32(i)), 0), uint32(len(b))), uint32(len(b))), b...)
	}
	name = filepath.Join(t.TempDir(), "session.pcap")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestValidateAsJSON(t *testing.T) {
	name := filepath.Join(t.TempDir(), "edge.conf")
	if err := os.WriteFile(name, []byte("neighbor 192.0.2.1 {\n\tpeer-as 1; local-address 192.0.2.2; router-id 1.1.1.1;\n\tlocal-as x;\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ := tried(t, "validate", "--json", name)
	var got struct{ Files []verdict }
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 1 || len(got.Files) != 1 {
		t.Fatalf("%d %v %s", code, err, out)
	}
	f := got.Files[0].Findings[0]
	if diff := cmp.Diff([]any{name, 3, 11, "local-as", "error"}, []any{f.File, f.Line, f.Column, f.Word, f.Severity}); diff != "" {
		t.Error(diff)
	}
	if code, _, errs := tried(t, "configuration", "validate", "-nrv", name); code != 1 || !strings.Contains(errs, ":3:11: local-as: ") {
		t.Errorf("%d %s", code, errs)
	}
}

// TestConfigWords runs what is made of the tree of keywords, and the example.
func TestConfigWords(t *testing.T) {
	_, out, _ := tried(t, "config", "schema")
	if !json.Valid([]byte(out)) || !strings.Contains(out, `"word": "hold-time"`) {
		t.Error("no schema")
	}
	code, out, _ := tried(t, "config", "example")
	name := filepath.Join(t.TempDir(), "edge.conf")
	if err := os.WriteFile(name, []byte(out), 0o600); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	if code, _, errs := tried(t, "validate", name); code != 0 {
		t.Errorf("the example: %s", errs)
	}
	if code, out, _ := tried(t, "config", "export", name); code != 0 || !json.Valid([]byte(out)) || !strings.Contains(out, "ipv4 unicast 192.0.2.53/32 next-hop self watchdog dns withdraw") || !strings.Contains(out, `"local-as": 65001`) {
		t.Errorf("%d %s", code, out)
	}
	if code, _, _ := tried(t, "config", "nonsense"); code != exitUsage {
		t.Error(code)
	}
}

// TestConvert replaces old words and nothing else.
func TestConvert(t *testing.T) {
	const text = "neighbor 192.0.2.1 { # md5 stays here\n\tpeer-as 1; local-as 1; local-address 192.0.2.2; router-id 1.1.1.1;\n\tmd5 secret; hostname box;\n}\n"
	name := filepath.Join(t.TempDir(), "old.conf")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, out, errs := tried(t, "config", "convert", name)
	want := strings.Replace(strings.Replace(text, "\tmd5 ", "\tmd5-password ", 1), "hostname", "host-name", 1)
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(name+":3:2: md5 is now md5-password\n"+name+":3:14: hostname is now host-name\n", errs); diff != "" {
		t.Error(diff)
	}
	if _, _, errs := tried(t, "validate", name); !strings.Contains(errs, `:3:2: md5: is an old word for "md5-password" (warning)`) {
		t.Error(errs)
	}
}

// TestHint: whoever comes with a file of ExaBGP 3.4 is told what to do, and
// whoever has made a mistake is not.
func TestHint(t *testing.T) {
	name := filepath.Join(t.TempDir(), "old.conf")
	for text, want := range map[string]bool{
		"group a { local-as 1; peer-as 1; router-id 1.1.1.1;\n neighbor 192.0.2.1 { description x; } }\n":      true,
		"group a { local-as 1; peer-as nobody; router-id 1.1.1.1;\n neighbor 192.0.2.1 { description x; } }\n": false,
		"neighbor 192.0.2.1 { local-as nobody; peer-as 1; }\n":                                                 false,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := tried(t, "validate", name); code != 1 || strings.Contains(errs, "holdfast config convert "+name) != want {
			t.Errorf("%s: %d %s", text, code, errs)
		}
	}
}

func TestEnv(t *testing.T) {
	t.Setenv("exabgp_tcp_port", "1790")
	if code, out, _ := tried(t, "env", "-d", "-e"); code != 0 || !strings.Contains(out, "exabgp_tcp_port='1790'\n") {
		t.Errorf("%d %s", code, out)
	}
	t.Setenv("exabgp_tcp_port", "x")
	if code, _, errs := tried(t, "env"); code != 1 || errs != "holdfast: exabgp_tcp_port: want a number up to 65535, got \"x\"\n" {
		t.Errorf("%d %s", code, errs)
	}
}

// TestExaBGPCommandLines are those that start with no verb of ours, or with one
// of ExaBGP's.
func TestExaBGPCommandLines(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.conf"), filepath.Join(dir, "bad.conf")
	for name, text := range map[string]string{good: "neighbor 192.0.2.1 { peer-as 1; local-as 1; }", bad: "neighbor"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string]int{
		"--test " + good: 0, "-t " + good: 0, "--validate " + bad: 1, "-dvt " + good: 0,
		"server -t " + good + " " + bad: 1, "server -1 -p -P -m -s 5 --profile x --test " + good: 0,
		"--env-file /dev/null server --test " + good: 0, "-e /dev/null -t " + good: 0, "--env-file /nonexistent " + good: 1,
		"server " + good + " " + bad: exitUsage, "server": exitUsage, "nonsense": exitUsage, "-v": 0, "--version": 0,
		"--fi": 0, "--de": 0, "env -d -f": 0, bad: 1, "server " + bad: 1,
	} {
		if code, out, errs := tried(t, strings.Fields(line)...); code != want {
			t.Errorf("holdfast %s: %d, want %d\n%s%s", line, code, want, out, errs)
		}
	}
	t.Setenv("exabgp_tcp_port", "1790")
	if _, out, _ := tried(t, "env", "-df", "--env-file", "/dev/null"); out != "[exabgp.tcp]\nport = 1790\n" {
		t.Error(out)
	}
}

// TestCompletion has what may stand in place of the last word.
func TestCompletion(t *testing.T) {
	for line, want := range map[string]string{
		"va": "validate", "config sch": "schema", "decode --tr": "--tree", "completion b": "bash", "nonsense x": "", "env --d": "--diff",
		"encode ann": "announce", "cli wi": "withdraw", "cli show nei": "neighbor", "cli --ba": "--batch", "encode announce ipv4 mpls": "mpls-vpn", "encode announce ipv4 unicast 10.0.0.0/24 next-": "next-hop",
		"encode announce route 10.0.0.0/24 next-hop self comm": "community", "encode withdraw l2vpn ev": "evpn",
	} {
		words := strings.Split(line, " ")
		if _, out, _ := tried(t, append([]string{"completion", "words", "--"}, words...)...); strings.Join(strings.Fields(out), " ") != want {
			t.Errorf("%s: %q, want %q", line, out, want)
		}
	}
	for _, shell := range []string{"bash", "zsh"} {
		if code, out, _ := tried(t, "completion", shell); code != 0 || !strings.Contains(out, "completion words --") {
			t.Errorf("%s: %d %s", shell, code, out)
		}
	}
}

// TestHelp wants options of a verb to stand in one column.
func TestHelp(t *testing.T) {
	for _, v := range verbs {
		code, out, _ := tried(t, v.word, "--help")
		if code != 0 || !strings.HasPrefix(out, "usage: holdfast "+v.word) {
			t.Errorf("%s: %d %s", v.word, code, out)
		}
		column := 0
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "-") || strings.HasSuffix(line, " \n") {
				t.Errorf("%s: %q", v.word, line)
			}
			at := option.FindStringIndex(line)
			if at == nil || ragged[v.word] {
				continue
			}
			if at[1] != column && column != 0 {
				t.Errorf("%s: want the text in column %d: %q", v.word, column, line)
			}
			column = at[1]
		}
	}
}

// option is a line of help about an option, up to its text; ragged are verbs some
// of whose options are longer than the column.
var (
	option = regexp.MustCompile(`^  -[^ ]+(?: [^ ]+)*  +`)
	ragged = map[string]bool{"encode": true, "healthcheck": true, "decode": true, "update": true}
)

// TestUsage fits into a terminal, and each verb that anybody may see is in one
// group.
func TestUsage(t *testing.T) {
	_, out, _ := tried(t, "--help")
	for line := range strings.Lines(out) {
		if utf8.RuneCountInString(line) > 81 {
			t.Errorf("%d columns: %q", utf8.RuneCountInString(line)-1, line)
		}
	}
	for _, v := range verbs {
		if n := strings.Count(out, "\n  "+v.word+" "); n != 1 && !v.hidden || n != 0 && v.hidden {
			t.Errorf("%s is there %d times", v.word, n)
		}
	}
}

// TestExport has words that a neighbor needs rarely.
func TestExport(t *testing.T) {
	name := filepath.Join(t.TempDir(), "edge.conf")
	text := `neighbor 10.0.0.2 { local-address 10.0.0.1; local-as 1; peer-as 2; router-id 1.1.1.1; rate-limit 7; md5-password key; md5-ip 10.0.0.3;
	capability { multi-session; operational; } operational { asm afi ipv4 safi unicast advisory "hello"; } }`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, out, errs := tried(t, "config", "export", name)
	for _, want := range []string{`"rate-limit": 7`, `"md5-ip": "10.0.0.3"`, `"multi-session": true`, `"operational": true`, `"asm afi ipv4 safi unicast advisory hello"`} {
		if !strings.Contains(out, want) {
			t.Errorf("want %s in %s%s", want, out, errs)
		}
	}
	if strings.Contains(out, `"key"`) {
		t.Error("the key is told")
	}
}

// TestEncodeOfAnotherFamily has NLRI that the neighbor's session does not have.
func TestEncodeOfAnotherFamily(t *testing.T) {
	name := filepath.Join(t.TempDir(), "edge.conf")
	text := "neighbor 10.0.0.2 { local-address 10.0.0.1; local-as 1; peer-as 2; router-id 1.1.1.1; family { ipv4 unicast; } }"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := tried(t, "encode", "-n", "-c", name, "announce ipv6 unicast 2001:db8::/32 next-hop 2001:db8::1")
	if code != 0 || out != "2020010DB8\n" {
		t.Errorf("%d %q %s", code, out, errs)
	}
}

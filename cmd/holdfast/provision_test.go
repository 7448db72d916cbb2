package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const minimal = `neighbor 10.0.0.2 {
	router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 65002;
	static { route 192.0.2.53/32 next-hop self; }
}
`

// yard is a folder in which bundles are made.
type yard struct {
	*testing.T
	dir string
}

func (y yard) path(name string) string { return filepath.Join(y.dir, name) }

func (y yard) write(name, text string) {
	y.Helper()
	if err := os.MkdirAll(filepath.Dir(y.path(name)), 0o700); err != nil {
		y.Fatal(err)
	}
	if err := os.WriteFile(y.path(name), []byte(text), 0o600); err != nil {
		y.Fatal(err)
	}
}

// provision runs the verb; words with "@" are names in the yard.
func (y yard) provision(line string) (code int, out, err string) {
	var o, e bytes.Buffer
	code = run(append([]string{"provision"}, strings.Fields(strings.ReplaceAll(line, "@", y.dir+"/"))...), &o, &e)
	return code, strings.ReplaceAll(o.String(), y.dir+"/", "@"), strings.ReplaceAll(e.String(), y.dir+"/", "@")
}

// does runs the verb, which has to work, and gives what it prints.
func (y yard) does(line string) string {
	y.Helper()
	code, out, err := y.provision(line)
	if code != 0 {
		y.Fatalf("%s: exit code %d\n%s", line, code, err)
	}
	return out
}

func TestProvisionKeysAndBundles(t *testing.T) {
	y := yard{t, t.TempDir()}
	y.write("box/edge.conf", minimal)
	public := strings.TrimSpace(y.does("keygen @key"))
	other := strings.TrimSpace(y.does("keygen @other"))
	if st, err := os.Stat(y.path("key")); err != nil || st.Mode().Perm() != 0o600 {
		t.Error(st.Mode(), err)
	}
	y.does("pack @box -o @a.tar --target serial:S1 --target mac:02:00:00:00:00:01 --version 3")
	whole := "@a.tar: whole; version 3, 1 file, sha256 "
	if out := y.does("verify @a.tar"); !strings.HasPrefix(out, whole) || !strings.HasSuffix(out, "\nnot signed\n") {
		t.Error(out)
	}
	y.does("sign --key @key @a.tar")
	y.does("sign --key @other @a.tar")
	y.does("sign --key @other @a.tar") // again
	if out := y.does("verify @a.tar --key " + other); !strings.HasSuffix(out, "\nsigned by "+other+"\n") {
		t.Error(out)
	}
	var said struct {
		Version    uint64
		Targets    []string
		Signatures []string
		Verified   string
	}
	if err := json.Unmarshal([]byte(y.does("verify --json --key "+public+" @a.tar")), &said); err != nil {
		t.Fatal(err)
	}
	if said.Version != 3 || len(said.Targets) != 2 || len(said.Signatures) != 2 || said.Verified != public {
		t.Errorf("%+v", said)
	}
	y.write("keys", "# ours\n"+public+"\n")
	y.write("none", "# none\n")
	y.write("cut.tar", "")
	for line, want := range map[string]string{
		"verify @a.tar --key @none":                   "holdfast: @a.tar: no key that this box knows signed it\n",
		"verify @cut.tar":                             "holdfast: @cut.tar: the archive ends in the middle\n",
		"verify @key":                                 "holdfast: @key: want one bundle, an archive (.tar, .tar.gz, .tgz) or a folder with its manifest.json\n",
		"keygen @key":                                 "holdfast: open @key: file exists\n",
		"sign --key @keys @a.tar":                     "holdfast: @keys: want an ed25519 private key as holdfast provision keygen writes it\n",
		"pack @none -o @b.tar --target * --version 1": "holdfast: @none: ",
		"verify --key abc @a.tar":                     "holdfast: key abc: want an ed25519 public key, 32 octets in base64\n",
		"run --config /nowhere/x --device @key --drop @nodrop": "holdfast: @key: want a FAT or ISO 9660 volume labelled HOLDFAST or CIDATA\n",
	} {
		if code, _, err := y.provision(line); code != 1 || !strings.HasPrefix(err, want) {
			t.Errorf("%s: exit code %d\n%s, want\n%s", line, code, err, want)
		}
	}
	for _, line := range []string{"", "nonsense", "pack @box -o @b.tar --version 1", "pack @box -o @b.tar --target x:1 --version 1", "pack @box --target * --version 1",
		"pack @box -o @b.tar --target *", "sign @a.tar", "simulate @box", "simulate @box --mac x", "verify"} {
		if code, _, err := y.provision(line); code != 2 {
			t.Errorf("%s: exit code %d\n%s", line, code, err)
		}
	}
	if out := y.does("--help"); !strings.Contains(out, "keygen FILE") {
		t.Error(out)
	}
}

func TestProvisionSimulate(t *testing.T) {
	y := yard{t, t.TempDir()}
	y.write("good/edge.conf", minimal)
	y.write("bad/edge.conf", "neighbor 10.0.0.2 { local-as x; }\n")
	y.write("fleet/notes.txt", "none")
	public := strings.TrimSpace(y.does("keygen @key"))
	y.does("pack @good -o @fleet/one.tar --target serial:S1 --version 3 --key @key")
	y.does("pack @bad -o @fleet/two.tar --target serial:S2 --version 3")
	y.does("pack @good -o @fleet/any.tar --target * --version 2")
	digest := func(name string) string {
		_, after, _ := strings.Cut(y.does("verify @fleet/"+name), "sha256 ")
		return after[:12]
	}
	y.write("boxes", "# the fleet\nserial=S1 mac=02:00:00:00:00:01\nserial=S2\n\nuuid=0F # spare\n")
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		{"--serial S1 --key " + public, 0, "serial S1: takes fleet/one.tar, version 3, sha256 " + digest("one.tar") + ", signed by " + public + "\n  not fleet/any.tar: fleet/one.tar goes before it\n"},
		{"--serial S1 --version 3", 1, "serial S1: takes nothing\n  not fleet/any.tar: fleet/one.tar goes before it\n  not fleet/one.tar: this box has taken another bundle of version 3: give this one a higher one\n"},
		{"--serial S3 --signed --key " + public, 1, "serial S3: takes nothing\n  not fleet/any.tar: nobody signed it\n"},
		{"--fleet @boxes", 1, "serial S1, mac 02:00:00:00:00:01: takes fleet/one.tar, version 3, sha256 " + digest("one.tar") + "\n  not fleet/any.tar: fleet/one.tar goes before it\n" +
			"serial S2: rejects fleet/two.tar, version 3, sha256 " + digest("two.tar") + "\n  edge.conf:1:1: neighbor: want peer-as ASN\n  edge.conf:1:30: local-as: "},
	} {
		code, out, _ := y.provision("simulate @fleet " + c.line)
		if code != c.code || !strings.HasPrefix(out, c.want) {
			t.Errorf("%s: exit code %d\n%s, want\n%s", c.line, code, out, c.want)
		}
	}
	_, out, _ := y.provision("simulate @fleet --fleet @boxes --json")
	var said struct{ Boxes []fate }
	if err := json.Unmarshal([]byte(out), &said); err != nil || len(said.Boxes) != 3 || said.Boxes[1].Valid || len(said.Boxes[1].Findings) == 0 || said.Boxes[2].Box.UUID != "0f" || !said.Boxes[2].Valid {
		t.Errorf("%v\n%s", err, out)
	}
	y.write("wrong", "serial=S1\nname=x\n")
	if code, _, err := y.provision("simulate @fleet --fleet @wrong"); code != 1 || err != "holdfast: @wrong:2: want serial=X, uuid=X or mac=X, got \"name=x\"\n" {
		t.Error(code, err)
	}
}

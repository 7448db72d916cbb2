package provision

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestExpand(t *testing.T) {
	id := Identity{Serial: "A/B ../1", UUID: "0f0e", MACs: []string{"02:00:00:00:00:01"}}
	for at, want := range map[string]string{
		"https://x/${serial}.tar":        "https://x/A%2FB%20..%2F1.tar",
		"https://x/${uuid}/${mac}.tar":   "https://x/0f0e/02:00:00:00:00:01.tar",
		"http://[2001:db8::1]/edge.conf": "http://[2001:db8::1]/edge.conf",
		"ftp://x/":                       `want https://… or http://…, got "ftp://x/"`,
		"https:///x":                     `want https://… or http://…, got "https:///x"`,
		"https://user:pw@x/":             "a URL with a password in it is not fetched: everybody may read the kernel's command line",
	} {
		u, err := Expand(at, id)
		got := fmt.Sprint(err)
		if err == nil {
			got = u.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	if _, err := Expand("https://x/${serial}", Identity{}); err == nil || err.Error() != "https://x/${serial}: this box has no serial" {
		t.Error(err)
	}
}

// answers is a network: each request takes the next one.
type answers struct {
	all   []any // a status, an error or a text
	asked []string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, r.URL.String())
	next := a.all[0]
	a.all = a.all[1:]
	res := &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{}, Body: http.NoBody, Request: r}
	switch n := next.(type) {
	case error:
		return nil, n
	case int:
		res.StatusCode, res.Status = n, fmt.Sprint(n, " ", http.StatusText(n))
	case string:
		if at, ok := strings.CutPrefix(n, "to "); ok {
			res.StatusCode = 302
			res.Header.Set("Location", at)
		} else {
			res.Body = io.NopCloser(strings.NewReader(n))
		}
	}
	return res, nil
}

func TestFetch(t *testing.T) {
	down := errors.New("network is unreachable")
	for name, c := range map[string]struct {
		at   string
		a    []any
		want string
	}{
		"at once":       {"https://x/a", []any{"text"}, "text"},
		"later":         {"https://x/a", []any{down, 503, down, "text"}, "text"},
		"never":         {"https://x/a", []any{down, down, down, down}, `Get "https://x/a": network is unreachable`},
		"not there":     {"https://x/a", []any{404}, "https://x/a: 404 Not Found"},
		"elsewhere":     {"https://x/a", []any{"to https://y/b", "text"}, "text"},
		"in the clear":  {"http://x/a", nil, "http://x/a: without https, only bundles that have to be signed are fetched"},
		"away":          {"https://x/a", []any{"to http://y/b"}, `Get "http://y/b": it is redirected away from https`},
		"without end":   {"https://x/a", []any{"to /a", "to /a", "to /a", "to /a", "to /a", "to /a", "to /a"}, `Get "/a": it is redirected more than 5 times`},
		"far too large": {"https://x/a", []any{strings.Repeat("x", MaxSize+4<<20+1)}, "https://x/a: more than 33554432 octets"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b, err := Fetcher{Tries: 4, Transport: &answers{all: c.a}}.Fetch(t.Context(), c.at)
			got := string(b)
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%s: %.200s, want %s", name, got, c.want)
			}
		})
	}
	b, err := Fetcher{Signed: true, Transport: &answers{all: []any{"text"}}}.Fetch(t.Context(), "http://x/a")
	if string(b) != "text" || err != nil {
		t.Error(err)
	}
}

// TestFloor: a certificate is looked at no earlier than when we were built.
func TestFloor(t *testing.T) {
	ahead := time.Now().Add(time.Hour)
	if got := (Fetcher{Floor: ahead}).now(); !got.Equal(ahead) {
		t.Error(got)
	}
	if got := (Fetcher{Floor: time.Unix(0, 0)}).now(); got.Before(time.Unix(1e9, 0)) {
		t.Error(got)
	}
}

func TestLeases(t *testing.T) {
	hex := fmt.Sprintf("%x", "https://x/n.tar")
	for _, c := range []struct{ path, text, want string }{
		{"run/systemd/netif/leases/2", "ADDRESS=10.0.0.2\nOPTION_224=" + hex + "\n", "https://x/n.tar"},
		{"run/systemd/netif/leases/2", "ADDRESS=10.0.0.2\nOPTION_224=zz\n", ""},
		{"var/lib/dhcp/dhclient.eth0.leases", "lease {\n  option bootfile-name \"https://x/old\";\n}\nlease {\n  option bootfile-name \"https://x/new\";\n}\n", "https://x/new"},
		{"var/lib/dhcp/dhclient.eth0.leases", "lease {\n  filename \"http://x/h\";\n}\n", "http://x/h"},
		{"var/lib/dhcp/dhclient.eth0.leases", "lease {\n  option bootfile-name \"https://x/old\";\n}\nlease {\n}\n", ""},
		{"run/net-eth0.conf", "DEVICE='eth0'\nfilename='https://x/k'\n", "https://x/k"},
		{"run/net-eth0.conf", "filename='pxelinux.0'\n", ""},
	} {
		root := t.TempDir()
		path := filepath.Join(root, c.path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(c.text), 0o600)); err != nil {
			t.Fatal(err)
		}
		if got := leaseURL(root); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.path, c.text, got, c.want)
		}
	}
}

func TestURLSource(t *testing.T) {
	a := &answers{all: []any{tarOf(t, bundle(t, "a", "*", 1)), "text", 404}}
	f := Fetcher{Tries: 1, Transport: a}
	for line, want := range map[string]string{"quiet holdfast.provision=https://x/${serial}.tar ro": "S1.tar 1 <nil>", "quiet": "nothing <nil>"} {
		all, err := CommandLine(line, box, f).Find(t.Context())
		got := fmt.Sprint("nothing ", err)
		if len(all) == 1 {
			got = fmt.Sprint(all[0].Name, " ", all[0].Version(), " ", all[0].Err)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	all, err := CommandLine("holdfast.provision=https://x/edge.conf", box, f).Find(t.Context())
	if err != nil || len(all) != 1 || strings.Join(all[0].Configurations(), "") != "edge.conf" {
		t.Error(all, err)
	}
	if _, err := Lease(t.TempDir(), box, f, nil).Find(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	whole := tarOf(t, bundle(t, "a", "*", 3))
	for _, text := range []string{whole, base64.StdEncoding.EncodeToString([]byte(whole)) + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, "holdfast.bundle"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := Credentials(t.TempDir(), dir).Find(t.Context())
		if err != nil || len(all) != 1 || all[0].Err != nil || all[0].Version() != 3 {
			t.Error(all, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "holdfast.conf"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, err := Credentials(t.TempDir(), dir).Find(t.Context()); err != nil || len(all) != 2 {
		t.Error(all, err)
	}
	if all, err := Credentials(t.TempDir(), "").Find(t.Context()); err != nil || all != nil {
		t.Error(all, err)
	}
}

// TestFolder: a folder that is not there has nothing, and one that is takes the
// result, which is no bundle.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "drop")
	s := Folder("esp", dir, Identity{})
	if all, err := s.Find(t.Context()); all != nil || err != nil {
		t.Error(all, err)
	}
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "edge.conf"), []byte("neighbor 192.0.2.1 {}\n"), 0o644), s.Answer("X.result.txt", []byte("taken\n"))); err != nil {
		t.Fatal(err)
	}
	all, err := s.Find(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "edge.conf" || all[0].Bundle == nil {
		t.Error(all, err)
	}
	if err := s.Done(); err != nil {
		t.Error(err)
	}
	if all, err := s.Find(t.Context()); len(all) != 0 || err != nil {
		t.Errorf("it comes again: %v %v", all, err)
	}
	for name, want := range map[string]string{"X.result.txt": "taken\n", "done/edge.conf": "neighbor 192.0.2.1 {}\n"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); string(b) != want {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
}

// TestOEM: a credential in SMBIOS is whole, however much systemd has read of it.
func TestOEM(t *testing.T) {
	whole := tarOf(t, bundle(t, "a", "*", 3))
	coded := base64.StdEncoding.EncodeToString([]byte(whole))
	for _, s := range []string{"io.systemd.credential.binary:holdfast.bundle=" + coded, "io.systemd.credential:holdfast.bundle=" + coded} {
		root, dir := t.TempDir(), t.TempDir()
		entry := filepath.Join(root, "sys/firmware/dmi/entries/11-0")
		if err := os.MkdirAll(entry, 0o755); err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string]string{
			filepath.Join(entry, "raw"):           "\x0b\x05\x00\x0e\x03another\x00" + s + "\x00io.systemd.credential:holdfast.conf=x\x00\x00",
			filepath.Join(dir, "holdfast.bundle"): whole[:len(whole)/2],
		} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		all, err := Credentials(root, dir).Find(t.Context())
		if err != nil || len(all) != 2 || all[0].Err != nil || all[0].Version() != 3 || all[1].Name != "holdfast.conf" {
			t.Error(all, err)
		}
	}
}

// image makes a volume with a program of this host's.
func image(t *testing.T, size int64, argv ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size)); err != nil {
		t.Fatal(err)
	}
	for i := range argv {
		argv[i] = strings.ReplaceAll(argv[i], "IMAGE", path)
	}
	program, err := exec.LookPath(argv[0])
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/" + argv[0]); err != nil {
			t.Skipf("%v: lab/setup.sh installs it", err)
		}
	}
	if out, err := exec.Command(program, argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func TestLabels(t *testing.T) {
	for _, c := range []struct {
		name string
		size int64
		argv []string
		want volume
	}{
		{"FAT12", 1 << 20, []string{"mkfs.vfat", "-F", "12", "-n", "HOLDFAST", "IMAGE"}, volume{"vfat", "HOLDFAST"}},
		{"FAT16", 16 << 20, []string{"mkfs.vfat", "-F", "16", "-n", "CIDATA", "IMAGE"}, volume{"vfat", "CIDATA"}},
		{"FAT32", 64 << 20, []string{"mkfs.vfat", "-F", "32", "-n", "HOLDFAST", "IMAGE"}, volume{"vfat", "HOLDFAST"}},
		{"no label", 16 << 20, []string{"mkfs.vfat", "IMAGE"}, volume{"vfat", "NO NAME"}},
		{"ISO", 0, []string{"xorriso", "-outdev", "IMAGE", "-volid", "CIDATA", "-map", "/etc/hostname", "/x", "-commit"}, volume{"iso9660", "CIDATA"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := os.Open(image(t, c.size, c.argv...))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if got, ok := readVolume(f); !ok || got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// TestRenamedVolume: a label that was changed later stands in the root folder only.
func TestRenamedVolume(t *testing.T) {
	for _, bits := range []string{"12", "16", "32"} {
		size := map[string]int64{"12": 1 << 20, "16": 16 << 20, "32": 64 << 20}[bits]
		path := image(t, size, "mkfs.vfat", "-F", bits, "-n", "OTHER", "IMAGE")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.LastIndex(b[:len(b)/2], []byte("OTHER      "))
		copy(b[at:], "HOLDFAST")
		if v, ok := readVolume(bytes.NewReader(b)); !ok || v.label != "HOLDFAST" {
			t.Errorf("FAT%s: %v", bits, v)
		}
	}
}

func FuzzVolume(f *testing.F) {
	b := make([]byte, 40000)
	copy(b[32768:], "\x01CD001")
	f.Add(b)
	b = make([]byte, 2048)
	copy(b[0x36:], "FAT16")
	b[510], b[511] = 0x55, 0xaa
	f.Add(b)
	f.Fuzz(func(_ *testing.T, b []byte) { readVolume(bytes.NewReader(b)) })
}

// TestMount reads and answers on a volume that no folder leads to.
func TestMount(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root mounts")
	}
	path := image(t, 16<<20, "mkfs.ext4", "-q", "IMAGE")
	out, err := exec.Command("losetup", "-f", "--show", path).CombinedOutput()
	if err != nil {
		t.Skipf("there are no loop devices: %s", out)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { _ = exec.Command("losetup", "-d", device).Run() })
	v := volume{system: "ext4"}
	if err := v.answer(device, "S1.result.txt", []byte("taken\n")); err != nil {
		t.Fatal(err)
	}
	root, done, err := v.mount(device, true)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if b, err := root.ReadFile("S1.result.txt"); string(b) != "taken\n" {
		t.Error(b, err)
	}
	if err := root.WriteFile("x", nil, 0o600); err == nil {
		t.Error("it can be written")
	}
	if b, _ := os.ReadFile("/proc/self/mounts"); strings.Contains(string(b), device) {
		t.Error("others see it")
	}
}

const putAwayMark = "(put away)"

// stick is a source with bundles, which remembers its answer.
func stick(name string, answer *string, all ...Candidate) Source {
	return Source{Name: name, Find: func(context.Context) ([]Candidate, error) { return all, nil },
		Answer: func(file string, text []byte) error { *answer = file + ": " + string(text); return nil },
		Done:   func() error { *answer += putAwayMark; return nil }}
}

// TestCarrier: what a stick has comes to the daemon, and the answer back; the
// first source of which something is taken ends the search.
func TestCarrier(t *testing.T) {
	damaged := bundle(t, "d", "serial:S1", 9)
	damaged.Err = errors.New("a.conf: it is in the manifest, and missing")
	damaged.Files = nil
	plain := Candidate{Name: "edge.conf", Bundle: Plain("edge.conf", []byte("x"))}
	for name, c := range map[string]struct {
		outcome        Outcome
		all            []Candidate
		took, answer   string
		second, failed bool
	}{
		"taken":      {Outcome{State: Kept}, []Candidate{bundle(t, "b/a.tar", "serial:S1", 2), bundle(t, "other", "serial:S2", 1)}, "from-volume-x/a.tar", "S1.result.txt: from-volume-x: taken\nthis box runs it\n", false, false},
		"a file":     {Outcome{State: Kept}, []Candidate{plain}, "from-volume-x/edge.conf", "S1.result.txt: from-volume-x: taken\n", false, false},
		"rejected":   {Outcome{Why: "edge.conf:1:1: bad"}, []Candidate{bundle(t, "a", "*", 2)}, "from-volume-x/a.tar", "S1.result.txt: from-volume-x: rejected\nedge.conf:1:1: bad\n", true, true},
		"for others": {Outcome{State: Kept}, []Candidate{bundle(t, "a", "serial:S2", 2)}, "", "S1.result.txt: volume-x: rejected\nno bundle for this box was found: 1 are for others; it is serial S1", true, true},
		"damaged":    {Outcome{State: Kept}, []Candidate{damaged, bundle(t, "a", "*", 2)}, "", "S1.result.txt: volume-x: rejected\nd: a.conf: it is in the manifest, and missing\n", true, true},
		"empty":      {Outcome{State: Kept}, nil, "", "", true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			h.answer = c.outcome
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				for ctx.Err() == nil {
					h.drop.turn(ctx, time.Now())
					select {
					case <-ctx.Done():
					case <-time.After(time.Second):
					}
				}
			}()
			answer, second := "", false
			k := &Carrier{Drop: h.folder, Identity: box, Out: io.Discard, Wait: time.Minute}
			err := k.Run(ctx, []Source{stick("volume-x", &answer, c.all...), {Name: "url", Find: func(context.Context) ([]Candidate, error) { second = true; return nil, nil }}})
			cancel()
			synctest.Wait()
			if (err != nil) != c.failed || second != c.second || strings.Join(h.took, " ") != c.took || !strings.HasPrefix(answer, c.answer) || c.answer == "" && answer != "" {
				t.Errorf("%s: %v, %v, took %v\n%s", name, err, second, h.took, answer)
			}
			if decided := c.took != ""; strings.HasSuffix(answer, putAwayMark) != decided {
				t.Errorf("%s: %s", name, answer)
			}
		})
	}
}

// TestCarrierAlone: without a daemon, what was found waits for it.
func TestCarrierAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		answer := ""
		k := &Carrier{Drop: h.folder, Identity: box, Out: io.Discard, Wait: time.Minute}
		err := k.Run(t.Context(), []Source{stick("volume-x", &answer, bundle(t, "a", "*", 1)), stick("volume-y", &answer, bundle(t, "b", "*", 2))})
		if !strings.HasPrefix(answer, "S1.result.txt: volume-x: waits\nthe daemon has not answered within 1m0s") {
			t.Error(answer)
		}
		if err == nil || !strings.Contains(err.Error(), "the daemon has not answered within 1m0s") || h.names() != "from-volume-x" {
			t.Error(err, h.names())
		}
		h.settle()
		if len(h.took) != 1 {
			t.Error(h.took)
		}
	})
}

// TestLateLease: a lease that comes later is waited for, and one that no link asks
// for is not.
func TestLateLease(t *testing.T) {
	root := t.TempDir()
	put := func(path, text string) {
		path = filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	put("etc/systemd/network/dhcp.network", "[Match]\nName=*\n\n[Network]\nDHCP=yes\n")
	put("etc/systemd/network/static.network", "[Network]\nAddress=192.0.2.1/24\n")
	put("run/systemd/netif/links/1", "ADMIN_STATE=unmanaged\n")
	put("run/systemd/netif/links/2", "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/static.network\n")
	waits := 0
	find := func(ctx context.Context) string {
		a := &answers{all: []any{tarOf(t, bundle(t, "a", "*", 1))}}
		all, err := Lease(root, box, Fetcher{Tries: 1, Transport: a}, func() { waits++ }).Find(ctx)
		if err != nil || len(all) == 0 {
			return fmt.Sprint("nothing ", err)
		}
		return all[0].Name
	}
	if got := find(t.Context()); got != "nothing <nil>" || waits != 0 {
		t.Errorf("nobody asks: %s, waited %d times", got, waits)
	}
	put("run/systemd/netif/links/3", "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/dhcp.network\n")
	synctest.Test(t, func(t *testing.T) {
		go func() {
			time.Sleep(time.Hour)
			put("run/systemd/netif/leases/3", fmt.Sprintf("ADDRESS=192.0.2.7\nOPTION_224=%x\n", "https://x/${serial}.tar"))
		}()
		if got := find(t.Context()); got != "S1.tar" || waits != 1 {
			t.Errorf("an hour later: %s, waited %d times", got, waits)
		}
	})
	put("run/systemd/netif/leases/3", "ADDRESS=192.0.2.7\n")
	if got := find(t.Context()); got != "nothing <nil>" || waits != 1 {
		t.Errorf("a lease without the option: %s, waited %d times", got, waits)
	}
}

//go:build images

package vm_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"holdfast/appliance/update"
	"holdfast/image"
	"holdfast/image/signature"
	"holdfast/lab/vm"
)

// wrong is a bundle that a box does not take.
type wrong struct {
	name string
	data []byte
	says string // what to do
	late bool   // of a stream, that only shows behind the manifest
}

// refuses has a box be given bundles that are no good, made of a newer version's
// and of an older version's that was good once.
func (m *imaged) refuses(newer, older string) {
	m.t.Helper()
	before := m.standing()
	list := m.wrongs(newer, older)
	for _, w := range list {
		from := filepath.Join(m.Dir, "wrong")
		if err := os.WriteFile(from, w.data, 0o644); err != nil {
			m.t.Fatal(err)
		}
		m.send(from, "/var/tmp/bundle")
		m.refused(w, "holdfast update /var/tmp/bundle")
		m.stands(w.name, before)
		if !w.late {
			m.refused(w, "cat /var/tmp/bundle | holdfast update -")
			m.stands(w.name+", as a stream", before)
		}
	}
	// A stream has cost the other slot its version by then, and no more.
	for _, w := range list {
		if w.late {
			m.streamed(w, before)
		}
	}
}

// refused has a command fail, with words that help.
func (m *imaged) refused(w wrong, command string) {
	m.t.Helper()
	out, err := m.Try(m.SSH("(" + command + ") 2>&1 && echo it was taken")...)
	said := strings.TrimSpace(string(out))
	m.t.Logf("%s: %s", w.name, said)
	if err == nil || !strings.Contains(said, w.says) {
		m.t.Errorf("%s: %v: want %q", w.name, err, w.says)
	}
}

// streamed: what runs is as it was, and nothing new is there.
func (m *imaged) streamed(w wrong, before standing) {
	m.t.Helper()
	from := filepath.Join(m.Dir, "wrong")
	if err := os.WriteFile(from, w.data, 0o644); err != nil {
		m.t.Fatal(err)
	}
	m.send(from, "/var/tmp/bundle")
	m.refused(w, "cat /var/tmp/bundle | holdfast update -")
	now := m.standing()
	if now.slots[1] != before.slots[1] {
		m.t.Errorf("%s, as a stream: the slot that runs has changed", w.name)
	}
	for _, line := range now.status {
		if (strings.HasPrefix(line, "slot: ") || strings.HasPrefix(line, "update ")) && !strings.Contains(line, " 2.0.0 good, primary") {
			m.t.Errorf("%s, as a stream: %q", w.name, line)
		}
	}
	if strings.Contains(now.esp, "3.0.0") {
		m.t.Errorf("%s, as a stream: %s", w.name, now.esp)
	}
}

// standing is what a refused bundle leaves as it is.
type standing struct {
	slots  [2][32]byte
	esp    string
	status []string
}

// standing looks at the disk from outside: what the box has written is there once
// it has synced.
func (m *imaged) standing() (s standing) {
	m.t.Helper()
	s.esp = m.Run("sync; ls -lR --time-style=full-iso /efi/EFI")
	for line := range strings.Lines(m.Run("holdfast update status")) {
		if !strings.Contains(line, "(refused)") { // the history has it
			s.status = append(s.status, strings.TrimSpace(line))
		}
	}
	disk, err := os.Open(m.Disks[0])
	if err != nil {
		m.t.Fatal(err)
	}
	defer disk.Close()
	for i := range s.slots {
		h := sha256.New()
		if n, err := io.Copy(h, io.NewSectionReader(disk, slotA+int64(i)*slotSize, slotSize)); err != nil || n != slotSize {
			m.t.Fatalf("slot: %d octets: %v", n, err)
		}
		s.slots[i] = [32]byte(h.Sum(nil))
	}
	return s
}

// stands complains if anything is not as it was.
func (m *imaged) stands(what string, before standing) {
	m.t.Helper()
	if now := m.standing(); fmt.Sprint(now) != fmt.Sprint(before) {
		m.t.Errorf("%s: slots unchanged: %t; then\n%s\n%q\nnow\n%s\n%q", what, now.slots == before.slots, before.esp, before.status, now.esp, now.status)
	}
}

// wrongs are the bundles.
func (m *imaged) wrongs(newer, older string) []wrong {
	m.t.Helper()
	good, err := os.ReadFile(newer)
	if err != nil {
		m.t.Fatal(err)
	}
	old, err := os.ReadFile(older)
	if err != nil {
		m.t.Fatal(err)
	}
	other, err := signature.Generate()
	if err != nil {
		m.t.Fatal(err)
	}
	parts := m.parts(good)
	here := image.Release{Compatible: "holdfast-amd64", Arch: "amd64"}
	made := func(r image.Release, keys ...signature.Private) []byte {
		var b bytes.Buffer
		if _, err := image.Make(&b, r, parts, keys); err != nil {
			m.t.Fatal(err)
		}
		return b.Bytes()
	}
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	const again = "fetch "
	return []wrong{
		{name: "unsigned", data: made(here), says: "this box takes what a key in "},
		{name: "signed by somebody else", data: made(here, other), says: "this box takes what a key in "},
		{name: "a manifest that is changed", data: flip(bytes.Index(good, []byte(`"3.0.0"`)) + 1), says: "this box takes what a key in "},
		{name: "cut off in the manifest", data: good[:700], says: again},
		{name: "empty", data: nil, says: again},
		{name: "cut off in the root", data: good[:len(good)/3], says: again, late: true},
		{name: "cut off in the kernel", data: good[:len(good)-1<<20], says: again, late: true},
		{name: "a bit of the root", data: flip(len(good) / 3), says: again, late: true},
		{name: "a bit of the kernel", data: flip(len(good) - 1<<20), says: again, late: true},
		{name: "replayed", data: old, says: "--allow-downgrade takes it"},
		{name: "for another board", data: made(image.Release{Compatible: "holdfast-rack", Arch: "amd64"}, vm.SigningKey()), says: "take the bundle for its boards"},
		{name: "for another processor", data: made(image.Release{Compatible: "holdfast-amd64", Arch: "arm64"}, vm.SigningKey()), says: "take the bundle for its processor"},
	}
}

// parts are those of a bundle.
func (m *imaged) parts(bundle []byte) (all []image.Content) {
	m.t.Helper()
	b, err := image.Open(bytes.NewReader(bundle))
	if err == nil {
		err = b.Read()
	}
	for err == nil {
		var p image.Part
		var r io.Reader
		if p, r, err = b.Next(); err != nil {
			break
		}
		c := image.Content{Name: p.Name}
		c.Data, err = io.ReadAll(r)
		all = append(all, c)
	}
	if !errors.Is(err, io.EOF) {
		m.t.Fatal(err)
	}
	return all
}

// fractions are two neighboring ones: a box is not of the first, and of the second.
func fractions(box, version string) (out, in string) {
	for n := range 100 {
		if update.Takes(box, version, float64(n+1)/100) {
			return fmt.Sprint(float64(n) / 100), fmt.Sprint(float64(n+1) / 100)
		}
	}
	panic("a box that is of no fraction")
}

// flaky is a web server for one file, whose connections break.
type flaky struct {
	file   string
	url    string
	breaks int
	mu     sync.Mutex
	ranges []string // that were asked for
}

// serve has the machine's neighbor serve a file; so many answers break.
func (m *imaged) serve(file string, breaks int) *flaky {
	m.t.Helper()
	var at net.Listener
	if err := m.Do(func() (err error) { at, err = net.Listen("tcp", vm.Router+":8080"); return err }); err != nil {
		m.t.Fatal(err)
	}
	f := &flaky{file: file, url: "http://" + at.Addr().String() + "/bundle", breaks: breaks}
	s := &http.Server{Handler: f}
	go s.Serve(at)
	m.t.Cleanup(func() { s.Close() })
	return f
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.ranges = append(f.ranges, r.Header.Get("Range"))
	n := len(f.ranges)
	f.mu.Unlock()
	file, err := os.Open(f.file)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body := &breaking{ReadSeeker: file, left: st.Size()}
	if n <= f.breaks {
		body.left = st.Size() / int64(f.breaks+1)
	}
	http.ServeContent(w, r, "", st.ModTime(), body)
}

// resumed is how often somebody has asked for the rest.
func (f *flaky) resumed() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.ranges {
		if r != "" && r != "bytes=0-" {
			n++
		}
	}
	return n
}

// breaking is a file that takes its connection with it after some octets.
type breaking struct {
	io.ReadSeeker
	left int64
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left <= 0 {
		panic(http.ErrAbortHandler)
	}
	n, err := b.ReadSeeker.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

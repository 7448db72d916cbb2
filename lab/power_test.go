package lab_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/appliance/generation"
	"holdfast/lab"
)

// plant is a box whose power goes at any moment, and all configurations that it
// was ever given, by a number that neighbors, routes and keys of each have.
type plant struct {
	*lab.Host
	conf, drop string
	process    *lab.Process
	number     int            // of the last one
	by         map[string]int // of a digest
	may        map[int]bool   // what can be at work after the next start
	hits       map[string]int // how far a change had come when the power went
	why        string         // what was seen is not one of them
}

// powerless is a box that has not started yet. No neighbor of it can be reached.
func powerless(t *testing.T) *plant {
	l := lab.New(t)
	p := &plant{Host: l.Host("box"), conf: filepath.Join(l.Dir, "edge.conf"), drop: filepath.Join(l.Dir, "drop"), by: map[string]int{}, may: map[int]bool{}, hits: map[string]int{}}
	if err := os.Mkdir(p.drop, 0o700); err != nil {
		t.Fatal(err)
	}
	return p
}

// peer and prefix are those of a configuration, of which there are three each.
func peer(n, k int) string   { return fmt.Sprintf("10.%d.%d.%d", n>>8, n&255, k) }
func prefix(n, k int) string { return fmt.Sprintf("100.%d.%d.%d/32", 64+n>>8, n&255, k) }

func ofNumber(n int, which ...int) (text string) {
	for _, k := range which {
		text += fmt.Sprintf("neighbor %s { router-id 192.0.2.1; local-address 127.0.0.1; local-as 65001; peer-as 65002; md5-password-file md5; static { route %s next-hop 192.0.2.1; } }\n",
			peer(n, k), prefix(n, k))
	}
	return text
}

// head has every other configuration be kept at once, and the rest be on trial
// until the power goes.
func (p *plant) head(n int) string {
	return fmt.Sprintf("appliance { control-socket %s; confirm %ds; provision { drop %s; } }\n", p.Socket(), n%2*60, p.drop)
}

// next is another configuration, of these files.
func (p *plant) next(dir string, text map[string]string) {
	p.Helper()
	files := generation.Files{}
	for name, t := range text {
		run := strings.HasPrefix(t, "#!")
		mode := os.FileMode(0o600)
		if run {
			mode = 0o700
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			p.Fatalf("%v", err)
		}
		if err := os.WriteFile(path, []byte(t), mode); err != nil {
			p.Fatalf("%v", err)
		}
		files[name] = generation.File{Data: []byte(t), Run: run}
	}
	p.by[files.Digest()] = p.number
	p.may[p.number] = true
}

// file is another configuration in the file that the daemon is started with.
func (p *plant) file() {
	p.number++
	p.next(p.Dir, map[string]string{"edge.conf": p.head(p.number) + ofNumber(p.number, 1, 2, 3), "md5": fmt.Sprint("key ", p.number)})
}

// bundle is another configuration in the drop folder: of three files, with a
// helper and a key.
func (p *plant) bundle() {
	p.number++
	n := fmt.Sprint(p.number)
	dir, hidden := filepath.Join(p.Dir, "bundle"+n), filepath.Join(p.drop, ".new")
	p.next(dir, map[string]string{"10-base.conf": p.head(p.number) + "process h { run helpers/h; }\n", "20-peers.conf": ofNumber(p.number, 1),
		"30-peers.conf": ofNumber(p.number, 2, 3), "md5": "key " + n, "helpers/h": "#!/bin/sh\nexec cat > /dev/null # " + n + "\n"})
	p.Run(lab.Binary(p), "provision", "pack", dir, "-o", hidden, "--target", "*", "--version", n)
	if err := os.Rename(hidden, filepath.Join(p.drop, n+".tar")); err != nil {
		p.Fatalf("%v", err)
	}
}

// dropped are the numbers of the bundles that the daemon has not done with.
func (p *plant) dropped() map[int]bool {
	all := map[int]bool{}
	found, _ := filepath.Glob(filepath.Join(p.drop, "*.tar"))
	for _, path := range found {
		var n int
		fmt.Sscanf(filepath.Base(path), "%d.tar", &n)
		all[n] = true
	}
	return all
}

// ask has the command line answer in JSON.
func (p *plant) ask(v any, verb string) bool {
	out, err := exec.Command(lab.Binary(p), verb, "--json", "--socket", p.Socket()).Output()
	return err == nil && json.Unmarshal(out, v) == nil
}

// generations is what is kept, and what is at work.
type generations struct {
	Current struct{ Digest string }
	Kept    []generation.Record
}

// whole is the number of the configuration that is at work; ok says whether that
// is one as a whole: no neighbor and no route is another's.
func (p *plant) whole() (g generations, n int, ok bool) {
	var peers []struct{ Address string }
	var routes []struct{ Route string }
	if p.why = "it does not answer"; !p.ask(&g, "generations") || !p.ask(&peers, "neighbors") || !p.ask(&routes, "routes") {
		return g, 0, false
	}
	n, known := p.by[g.Current.Digest]
	got, want := []string{fmt.Sprint("known ", known)}, []string{"known true"}
	for _, s := range peers {
		got = append(got, s.Address)
	}
	for _, r := range routes {
		got = append(got, strings.Fields(r.Route)[0])
	}
	for k := 1; k <= 3; k++ {
		want = append(want, peer(n, k), prefix(n, k))
	}
	for _, r := range g.Kept {
		if r.Damage != "" {
			got = append(got, fmt.Sprintf("generation %d: %s", r.Number, r.Damage))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	p.why = fmt.Sprintf("number %d is at work with %s", n, strings.Join(got, ", "))
	return g, n, slices.Equal(got, want)
}

// start is the power coming back.
func (p *plant) start() (g generations) {
	p.Helper()
	p.process = p.Host.Start("holdfast", []string{"STATE_DIRECTORY=" + filepath.Join(p.Dir, "state")}, lab.Binary(p), "run", p.conf)
	n, ok := 0, false
	if !lab.Poll(soon, func() bool { g, n, ok = p.whole(); return ok }) {
		p.Fatalf("not one whole generation: %s", p.why)
	}
	if !p.may[n] {
		p.Fatalf("number %d is at work; want one of %v", n, slices.Sorted(maps.Keys(p.may)))
	}
	return g
}

// cut is a change, and the power going in it. What was promised to whoever asked
// is at work after that, or what came later.
func (p *plant) cut(g generations) {
	p.Helper()
	left, within := p.dropped(), 200*time.Millisecond
	var answer strings.Builder
	var asker *exec.Cmd
	ask := func(args ...string) {
		asker = exec.Command(lab.Binary(p), append(args, "--wait", "--socket", p.Socket())...)
		asker.Stdout = &answer
		if err := asker.Start(); err != nil {
			p.Fatalf("%v", err)
		}
	}
	promised := 0
	switch kind := rand.IntN(10); {
	case kind < 2:
		p.bundle()
		within = 1500 * time.Millisecond
	case kind < 4:
		r := g.Kept[rand.IntN(len(g.Kept))]
		promised = p.by[r.Digest]
		p.may[promised] = true
		ask("rollback", fmt.Sprint(r.Number))
	default:
		p.file()
		promised = p.number
		ask("reload")
	}
	time.Sleep(rand.N(within)) // the moment that is tested, whatever it is
	p.process.Kill()
	p.Halt() // who was just being started has all that the daemon held
	if asker != nil {
		_ = asker.Wait()
	}
	if strings.HasPrefix(answer.String(), "kept") {
		p.may = left
		p.may[promised] = true
		p.hits["kept"]++
		return
	}
	p.hits[p.stage()]++
}

// stage is how far a change had come that was not promised, by what is on the
// disk.
func (p *plant) stage() string {
	folder := filepath.Join(p.Dir, "state", "generations")
	if half, _ := filepath.Glob(filepath.Join(folder, ".*")); half != nil {
		return "being written"
	}
	if half, _ := filepath.Glob(filepath.Join(folder, "*", "*.new")); half != nil {
		return "being judged"
	}
	records, _ := filepath.Glob(filepath.Join(folder, "*", "record"))
	for _, path := range records {
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), `"state":"trying"`) {
			return "tried"
		}
	}
	return "not begun, or not told"
}

// TestPowerCuts: 200 times a box is given a change, and everything on it is killed
// at a random moment. After each start, what is at work is wholly one of the
// configurations that it was given: the last that was promised, or one that came
// later.
func TestPowerCuts(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint("box ", i), func(t *testing.T) {
			t.Parallel()
			p := powerless(t)
			p.number = i % 2 // the first is kept at once, or has nothing before it
			p.file()
			for range 50 {
				p.cut(p.start())
			}
			p.start()
			t.Logf("the power went while a change was: %v", p.hits)
		})
	}
}

package helper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/bgp/api"
)

// rig is helpers whose batches are noted and applied at once.
type rig struct {
	*Helpers
	t   *testing.T
	dir string

	mu       sync.Mutex
	commands int
	items    []string
	log      bytes.Buffer
}

func (r *rig) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(b)
}

func (r *rig) apply(b *api.Batch, done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commands += b.Commands
	for _, it := range b.Items {
		if len(r.items) < 100 {
			r.items = append(r.items, fmt.Sprintf("%d %v", it.Kind, it.Err))
		}
	}
	done()
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, dir: t.TempDir()}
	r.Helpers = New(Options{
		Log: slog.New(slog.NewTextHandler(r, nil)), Apply: r.apply, Version: "holdfast 0", Grace: 100 * time.Millisecond,
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

// sh is a helper that is a shell script.
func (r *rig) sh(name, script string) Process {
	return Process{Name: name, Run: []string{"/bin/sh", "-c", script}, Env: []string{"D=" + r.dir}, NoRespawn: true}
}

func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		r.mu.Lock()
		yes := ok()
		r.mu.Unlock()
		if yes {
			return
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t.Fatalf("waited for %s in vain; commands %d, items %q, log:\n%s", what, r.commands, r.items, &r.log)
}

// file is what a helper wrote into its folder.
func (r *rig) file(name string) string {
	b, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.t.Fatal(err)
	}
	return string(b)
}

func (r *rig) logged(text string) func() bool {
	return func() bool { return strings.Contains(r.log.String(), text) }
}

func TestEachCommandIsAnsweredInOrder(t *testing.T) {
	r := newRig(t)
	r.Reconcile([]Process{r.sh("a", `
		echo '# hello'; read A; echo version; read B; read C; echo bogus; read E; read F
		echo disable-ack; read G; echo '# unheard'; echo enable-ack; read H
		echo "$A|$B|$C|$E|$F|$G|$H" > $D/got`)})
	r.until("answers", func() bool { return strings.HasSuffix(r.file("got"), "\n") })
	got := strings.Split(r.file("got"), "|")
	if got[0] != "done" || !strings.Contains(got[1], "holdfast 0") || got[2] != "done" || !strings.HasPrefix(got[3], "error: ") ||
		got[4] != "error" || got[5] != "done" || got[6] != "done\n" {
		t.Errorf("answers: %q", got)
	}
}

func TestALineTakesEffectBeforeTheNextOne(t *testing.T) {
	r := newRig(t)
	r.Reconcile([]Process{r.sh("a", `printf '# one\n# tw'; read A; printf 'o\n'; read B; exec sleep 1000`)})
	r.until("two commands", func() bool { return r.commands == 2 })
}

func TestWithoutAcknowledgements(t *testing.T) {
	r := newRig(t)
	p := r.sh("a", `echo '# quiet'; echo version; read A; echo $A > $D/got`)
	p.NoAck = true
	r.Reconcile([]Process{p})
	r.until("answer", func() bool {
		return strings.Contains(r.file("got"), "holdfast 0") && strings.Count(r.file("got"), "\n") == 1
	})
}

func TestRubbishIsAnsweredAndNothingElseChanges(t *testing.T) {
	r := newRig(t)
	r.Reconcile([]Process{r.sh("a", `
		head -c 3000000 /dev/zero | tr '\0' x; echo; read A; read B
		printf '\000\377\001\n'; read C; read E
		echo '# still here'; read F
		printf half; echo "$A|$B|$E|$F" > $D/got`)})
	r.until("answers", func() bool { return r.file("got") != "" })
	want := "error: want a command of at most 1048576 octets|error|error|done\n"
	if got := r.file("got"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.until("end", r.logged("helper has ended"))
	if r.commands != 3 {
		t.Errorf("%d commands were applied, want 3: half a line is none", r.commands)
	}
}

func TestHelperThatNeverReadsIsHeardAllTheSame(t *testing.T) {
	r := newRig(t)
	r.Reconcile([]Process{r.sh("mute", `yes '# all is well' | head -n 1000000; exec sleep 1000`)})
	r.until("all commands", func() bool { return r.commands == 1000000 })
	r.until("loss", func() bool { return r.Status()[0].Lost > 0 })
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := strings.Count(r.log.String(), "does not read"); n != 1 {
		t.Errorf("logged %d times that it does not read", n)
	}
}

func TestBackPressureBoundsWhatIsInFlight(t *testing.T) {
	var mu sync.Mutex
	var waiting []func()
	most := 0
	h := New(Options{Grace: time.Millisecond, Apply: func(b *api.Batch, done func()) {
		mu.Lock()
		defer mu.Unlock()
		waiting = append(waiting, done)
		most = max(most, len(waiting))
	}})
	h.Reconcile([]Process{{Name: "a", Run: []string{"sh", "-c", "yes '# x'"}}})
	for given := 0; given < 100; time.Sleep(time.Millisecond) {
		mu.Lock()
		if len(waiting) == inFlight {
			waiting[0]()
			waiting = waiting[1:]
			given++
		}
		mu.Unlock()
	}
	mu.Lock()
	if most > inFlight {
		t.Errorf("%d batches in flight, want at most %d", most, inFlight)
	}
	mu.Unlock()
	// It ends although nobody applies what it said.
	if err := h.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestReconcileTouchesOnlyWhatDiffers(t *testing.T) {
	r := newRig(t)
	keep, change, drop := r.sh("keep", "exec sleep 1000"), r.sh("change", "exec sleep 1000"), r.sh("drop", "trap '' TERM; while :; do sleep 1; done")
	r.Reconcile([]Process{keep, change, drop})
	pid := func(name string) int {
		for _, s := range r.Status() {
			if s.Name == name {
				return s.PID
			}
		}
		return -1
	}
	r.until("start", func() bool { return pid("keep") > 0 && pid("change") > 0 && pid("drop") > 0 })
	before := map[string]int{"keep": pid("keep"), "change": pid("change"), "drop": pid("drop")}
	change.Env = append(change.Env, "NEW=1")
	r.Reconcile([]Process{keep, change})
	r.until("new life", func() bool { p := pid("change"); return p > 0 && p != before["change"] })
	if pid("keep") != before["keep"] {
		t.Error("a helper that did not change was started anew")
	}
	r.until("end of the one that ignores SIGTERM", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d", before["drop"]))
		return os.IsNotExist(err)
	})
}

func TestWhatAHelperLeavesBehindEnds(t *testing.T) {
	r := newRig(t)
	r.Reconcile([]Process{r.sh("a", `sleep 1000 & echo $! > $D/pid`)})
	r.until("end", r.logged("helper has ended"))
	pid := strings.TrimSpace(r.file("pid"))
	r.until("end of what it left", func() bool {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

func TestStandardErrorIsLoggedWithinBounds(t *testing.T) {
	r := newRig(t)
	r.Reconcile([]Process{r.sh("a", `echo oops >&2; seq 1000 >&2`)})
	r.until("log", r.logged("said more than is shown"))
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := strings.Count(r.log.String(), "helper says"); n > 10*errLines || !strings.Contains(r.log.String(), "text=oops") {
		t.Errorf("%d lines were logged", n)
	}
}

// line is an event.
type line string

func (l line) AppendTo(b []byte) []byte { return append(b, l...) }
func (l line) Size() int                { return len(l) }
func (l line) Events() uint64           { return 1 }

func TestEventReachesTheHelper(t *testing.T) {
	r := newRig(t)
	r.Reconcile([]Process{r.sh("a", `read A; echo $A > $D/got`)})
	r.Hear("a", line("neighbor 10.0.0.1 up\n"))
	r.Hear("nobody", line("x\n"))
	r.until("line", func() bool { return r.file("got") == "neighbor 10.0.0.1 up\n" })
}

func TestRestartStartsEachAnew(t *testing.T) {
	r := newRig(t)
	r.Reconcile([]Process{r.sh("a", `echo $$ >> $D/pids; exec sleep 1000`)})
	lives := func(n int) func() bool {
		return func() bool { return strings.Count(r.file("pids"), "\n") == n }
	}
	r.until("start", lives(1))
	r.Restart()
	r.until("second start", lives(2))
}

// TestFarewell: a helper that is told of the end may end by itself, and is not
// started again; one that does not is asked to.
func TestFarewell(t *testing.T) {
	r := newRig(t)
	h := New(Options{Apply: r.apply, Grace: 40 * time.Second}) // an eighth of it for the polite one
	polite := r.sh("polite", `trap 'echo asked >> $D/said' TERM; echo start >> $D/said; read A; echo $A >> $D/said`)
	deaf := r.sh("deaf", `trap 'echo asked >> $D/deaf; exit' TERM; echo start >> $D/deaf; while :; do sleep 0.01; done`)
	polite.NoRespawn, deaf.NoRespawn = false, false
	h.Reconcile([]Process{polite, deaf})
	r.until("start", func() bool { return r.file("said") != "" && r.file("deaf") != "" })
	h.Hear("polite", line("shutdown\n"))
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if said, deaf := r.file("said"), r.file("deaf"); said != "start\nshutdown\n" || deaf != "start\nasked\n" {
		t.Errorf("%q %q", said, deaf)
	}
}

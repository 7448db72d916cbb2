package checker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/appliance/health"
	"holdfast/netio/link"
)

func TestShell(t *testing.T) {
	for _, c := range []struct{ command, want string }{
		{"true", ""},
		{"test $STATE = UP", ""},
		{"exit 9", "exit status 9"},
		{"kill -9 $$", "signal: killed"},
		{"nosuchprogram", "exit status 127"},
		{"echo much; echo more >&2; sleep 100 & true", ""},
	} {
		err := bounded(t.Context(), shell, c.command, time.Minute, "STATE=UP")
		if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
			t.Errorf("%s: %s, want %s", c.command, got, c.want)
		}
	}
}

// TestShellKillsItsGroup: the command's own child holds the pipe open until it
// is killed, too.
func TestShellKillsItsGroup(t *testing.T) {
	alive := t.TempDir() + "/fifo"
	if err := bounded(t.Context(), shell, "mkfifo "+alive, time.Minute); err != nil {
		t.Fatal(err)
	}
	end := make(chan error, 1)
	go func() { // ends when nobody has the other end any more
		end <- bounded(t.Context(), shell, "cat "+alive, time.Minute)
	}()
	ours, err := os.OpenFile(alive, os.O_WRONLY, 0) // is there when the reader is
	if err != nil {
		t.Fatal(err)
	}
	err = bounded(t.Context(), shell, "exec 3>"+alive+"; sleep 1000 & wait", 50*time.Millisecond)
	ours.Close()
	if err == nil || err.Error() != "did not end within 50ms" {
		t.Error(err)
	}
	if err := <-end; err != nil {
		t.Error(err)
	}
}

func TestLook(t *testing.T) {
	here := t.TempDir()
	for _, c := range []struct {
		check health.Check
		want  string
	}{
		{health.Check{}, "0 "},
		{health.Check{Disable: here, Probe: health.Probe{Command: "false"}}, "2 " + here + " is there"},
		{health.Check{Disable: here + "/not", Probe: health.Probe{Command: "false"}, Timeout: time.Minute}, "1 exit status 1"},
		{health.Check{Probe: health.Probe{Command: "true"}, Timeout: time.Minute}, "0 "},
	} {
		v, why := Look(t.Context(), c.check)
		if got := fmt.Sprint(v, " ", why); got != c.want {
			t.Errorf("%+v: %s, want %s", c.check, got, c.want)
		}
	}
}

// script gives verdicts one by one, and passes when it is over.
func script(s string) func(context.Context, health.Check) (health.Verdict, string) {
	return func(context.Context, health.Check) (v health.Verdict, why string) {
		if s != "" {
			v, s = map[byte]health.Verdict{'o': health.Pass, 'f': health.Fail, 'd': health.Disabled}[s[0]], s[1:]
		}
		return v, "why"
	}
}

func TestSetTellsWhatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var got []string
		s := NewSet(func(c health.Check, h health.Standing) {
			got = append(got, fmt.Sprint(time.Since(begin), " ", c.Command, " ", h.Told, " ", h.Text))
		})
		s.look = script("ooffofffo")
		c := health.Check{Timing: health.Timing{Rise: 2, Fall: 3, Interval: 10 * time.Second, Fast: time.Second}, Probe: health.Probe{Command: "a"}}
		s.Want([]health.Check{c})
		time.Sleep(5 * time.Second)
		s.Want([]health.Check{c}) // a reload: it goes on
		time.Sleep(time.Minute)
		s.Close(context.Background())
		want := []string{"0s a INIT has passed 1 of 2", "1s a UP ", "16s a DOWN failed 3 of 3: why", "26s a DOWN has passed 1 of 2", "27s a UP "}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}

// TestSetGoesOnWhereOnlyTimesDiffer: a reload that changes an interval closes no
// gate, and one that changes the command begins anew.
func TestSetGoesOnWhereOnlyTimesDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var got []string
		s := NewSet(func(c health.Check, h health.Standing) {
			got = append(got, fmt.Sprint(time.Since(begin), " ", c.Command, " ", c.Interval, " ", h.Told, " ", h.Text))
		})
		s.look = script("ooofffffooo")
		c := health.Check{Timing: health.Timing{Rise: 2, Fall: 3, Interval: 10 * time.Second, Fast: time.Second}, Probe: health.Probe{Command: "a"}}
		s.Want([]health.Check{c})
		time.Sleep(5 * time.Second)
		c.Interval = 20 * time.Second
		s.Want([]health.Check{c})
		time.Sleep(30 * time.Second)
		c.Command = "b"
		s.Want([]health.Check{c})
		time.Sleep(time.Second / 2)
		s.Close(context.Background())
		want := []string{"0s a 10s INIT has passed 1 of 2", "1s a 10s UP ", "5s a 20s UP ", "27s a 20s DOWN failed 3 of 3: why", "35s b 20s INIT failed 1 of 3: why"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	})
}

func TestSetForgetsWhatIsNotWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		s := NewSet(func(health.Check, health.Standing) { told++ })
		s.look = func(ctx context.Context, _ health.Check) (health.Verdict, string) {
			<-ctx.Done() // a command that is killed
			return health.Fail, "signal: killed"
		}
		s.Want([]health.Check{{Probe: health.Probe{Command: "a"}}})
		synctest.Wait()
		s.Want([]health.Check{{Probe: health.Probe{Command: "b"}}})
		synctest.Wait()
		s.Close(context.Background())
		if told != 0 {
			t.Error("a check that is not wanted any more has told something")
		}
	})
}

// stage is a program with a daemon that answers, and all that happens.
type stage struct {
	*Program
	begin time.Time
	mu    sync.Mutex
	log   []string
	addrs []link.Addr
	to    io.Writer
}

func newStage(o *health.Options, verdicts string, reply func(line string) string) *stage {
	s := &stage{Program: NewProgram(o), begin: time.Now()}
	in, to := io.Pipe()
	from, out := io.Pipe()
	s.In, s.Out, s.to = in, out, to
	s.Log = slog.New(slog.DiscardHandler)
	s.Orphaned = func() bool { return false }
	s.look = script(verdicts)
	s.hook = func(_ context.Context, command, state string) error { s.note(command + " " + state); return nil }
	s.kernel = kernel{
		list:  func() (link.Snapshot, error) { return link.Snapshot{Addrs: s.addrs}, nil },
		apply: s.apply,
	}
	go func() {
		for lines := bufio.NewScanner(from); lines.Scan(); {
			s.note(lines.Text())
			io.WriteString(to, reply(lines.Text()))
		}
	}()
	return s
}

func (s *stage) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprint(time.Since(s.begin), " ", text))
}

func (s *stage) apply(cs []link.Change) error {
	for _, c := range cs {
		s.note(c.String())
		if c.Add {
			s.addrs = append(s.addrs, link.Addr{Prefix: c.Prefix, Link: c.Link, Label: c.Label})
			continue
		}
		keep := s.addrs[:0]
		for _, a := range s.addrs {
			if a.Prefix != c.Prefix || a.Link != c.Link {
				keep = append(keep, a)
			}
		}
		s.addrs = keep
	}
	return nil
}

// play runs it for a while and stops it.
func (s *stage) play(t *testing.T, d time.Duration, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	s.Out.(io.Closer).Close()
	s.to.(io.Closer).Close()
	synctest.Wait()
	if d := cmp.Diff(want, s.log); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func options(change func(*health.Options)) *health.Options {
	o := health.New()
	o.Rise, o.Fall = 1, 1
	o.IPs = []health.Address{{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Link: "lo"}}
	change(o)
	return o
}

func done(string) string { return "done\n" }

func TestProgramSaysEachCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(func(o *health.Options) { o.NoIPSetup, o.Execute = true, []string{"hook"} })
		newStage(o, "oof", done).play(t, 12*time.Second,
			"0s hook UP", "0s announce route 192.0.2.1/32 next-hop self med 100",
			"5s announce route 192.0.2.1/32 next-hop self med 100",
			"10s announce route 192.0.2.1/32 next-hop self med 1000", "10s hook DOWN",
			"12s withdraw route 192.0.2.1/32 next-hop self")
	})
}

func TestProgramDebounces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(func(o *health.Options) { o.NoIPSetup, o.Debounce = true, true })
		refuse := 2
		newStage(o, "oooof", func(string) string {
			if refuse--; refuse >= 0 {
				return "error: no neighbor\nerror\n"
			}
			return `{ "type": "state" }` + "\n" + `{ "answer": "done", "message": "command completed" }` + "\n"
		}).play(t, 21*time.Second,
			"0s announce route 192.0.2.1/32 next-hop self med 100",
			"5s announce route 192.0.2.1/32 next-hop self med 100", // it was refused
			"10s announce route 192.0.2.1/32 next-hop self med 100",
			"20s announce route 192.0.2.1/32 next-hop self med 1000",
			"21s withdraw route 192.0.2.1/32 next-hop self")
	})
}

// TestProgramWithoutAnswers waits for the first ones only.
func TestProgramWithoutAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(func(o *health.Options) { o.NoIPSetup = true })
		newStage(o, "oof", func(string) string { return "" }).play(t, 17*time.Second,
			"0s announce route 192.0.2.1/32 next-hop self med 100",
			"10s announce route 192.0.2.1/32 next-hop self med 100",
			"15s announce route 192.0.2.1/32 next-hop self med 1000",
			"17s withdraw route 192.0.2.1/32 next-hop self")
	})
}

func TestProgramIsStoppedWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(func(o *health.Options) { o.NoIPSetup = true })
		newStage(o, "", func(string) string { return "" }).play(t, time.Second,
			"0s announce route 192.0.2.1/32 next-hop self med 100",
			"1s withdraw route 192.0.2.1/32 next-hop self")
	})
}

func TestProgramEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(func(o *health.Options) { o.Interval, o.Rise, o.Label = 0, 2, "x" })
		newStage(o, "", done).play(t, time.Hour,
			"0s ip address add 192.0.2.1/32 dev lo label lo:x",
			"1s announce route 192.0.2.1/32 next-hop self med 100")
	})
}

func TestProgramMovesAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(func(o *health.Options) {
			o.DynamicIPSetup, o.Executes[health.Up] = true, []string{"up"}
			o.IPs = append(o.IPs, health.Address{Prefix: netip.MustParsePrefix("2001:db8::/127"), Link: "eth0"})
		})
		s := newStage(o, "ofd", done)
		s.addrs = []link.Addr{{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Link: "lo"}} // somebody else's
		s.play(t, 6*time.Second,
			"0s ip address add 2001:db8::/128 dev eth0", "0s ip address add 2001:db8::1/128 dev eth0", "0s up UP",
			"0s announce route 192.0.2.1/32 next-hop self med 100", "0s announce route 2001:db8::/127 next-hop self med 101",
			"5s announce route 192.0.2.1/32 next-hop self med 1000", "5s announce route 2001:db8::/127 next-hop self med 1001",
			"5s ip address del 2001:db8::/128 dev eth0", "5s ip address del 2001:db8::1/128 dev eth0",
			"6s withdraw route 192.0.2.1/32 next-hop self", "6s withdraw route 2001:db8::/127 next-hop self")
	})
}

func TestProgramThatCanNotWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(options(func(o *health.Options) { o.Label = "x" }), "", done)
		s.Out.(io.Closer).Close()
		in, out := io.Pipe()
		in.Close()
		s.Out = out
		if err := s.Run(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
		s.to.(io.Closer).Close()
		if len(s.addrs) != 0 {
			t.Error("addresses are left:", s.addrs)
		}
	})
}

func TestFound(t *testing.T) {
	have := link.Snapshot{}
	for _, a := range []struct{ prefix, link, label string }{
		{"127.0.0.1/8", "lo", "lo"}, {"192.0.2.10/32", "lo", "lo:web1"}, {"192.0.2.11/32", "lo", "lo:web"}, {"192.0.2.13/32", "lo", "lo"},
		{"192.0.2.17/30", "lo", "lo"}, {"192.0.2.32/30", "lo", "lo"}, {"192.0.2.18/32", "eth0", "eth0"}, {"::1/128", "lo", ""}, {"fe80::1/128", "lo", ""}, {"2001:db8::53/128", "lo", ""},
	} {
		have.Addrs = append(have.Addrs, link.Addr{Prefix: netip.MustParsePrefix(a.prefix), Link: a.link, Label: a.label})
	}
	for _, c := range []struct {
		label string
		exact bool
		want  string
	}{
		{"", false, "192.0.2.10/32 192.0.2.11/32 192.0.2.13/32 192.0.2.32/30 2001:db8::53/128"},
		{"web", false, "192.0.2.10/32 192.0.2.11/32"},
		{"web", true, "192.0.2.11/32"},
		{"dns", false, ""},
	} {
		o := health.New()
		o.Label, o.LabelExact = c.label, c.exact
		var got []string
		for _, a := range found(have, o) {
			got = append(got, a.Prefix.String())
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q: %s, want %s", c.label, s, c.want)
		}
		if o.IPs = found(have, o); missing(have, o) != nil {
			t.Errorf("%q: of what was found something is missing", c.label)
		}
	}
}

// TestSetDoesNotWaitForWhatTheKernelDoesNotEnd: a command in an uninterruptible
// sleep, as on a file system that is gone.
func TestSetDoesNotWaitForWhatTheKernelDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, woken := NewSet(func(health.Check, health.Standing) {}), make(chan struct{})
		s.look = func(context.Context, health.Check) (health.Verdict, string) {
			<-woken
			return health.Pass, ""
		}
		check := health.Check{Probe: health.Probe{Command: "stuck"}}
		s.Want([]health.Check{check})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Close(ctx); err == nil {
			t.Error("nothing is said of the command")
		}
		if s.Want([]health.Check{check}); len(s.running) > 0 {
			t.Error("a check begins after the end")
		}
		close(woken)
	})
}

// TestLookThatHangs: a command that the kernel does not end is a service that is
// not well, however often it was; it is not asked again, nor waited for by others,
// until the command comes back.
func TestLookThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		s := NewSet(func(c health.Check, x health.Standing) {
			if c.Command == "disk" {
				told = append(told, fmt.Sprint(x.Told, " ", x.Text))
			}
		})
		s.queue.execs.room = 1
		woken, looks, others := make(chan struct{}), 0, 0
		s.look = func(_ context.Context, c health.Check) (health.Verdict, string) {
			if c.Command == "other" {
				others++
				return health.Pass, ""
			}
			if looks++; looks == 2 {
				<-woken
			}
			return health.Pass, ""
		}
		disk := health.Check{Timing: health.Timing{Rise: 1, Fall: 3, Interval: 10 * time.Second, Fast: time.Second}, Timeout: 2 * time.Second, Probe: health.Probe{Command: "disk"}}
		other := disk
		other.Command = "other"
		s.Want([]health.Check{disk, other})
		time.Sleep(time.Minute)
		synctest.Wait()
		const why = "did not end within 2s, and can't be ended"
		if d := cmp.Diff([]string{"UP ", "DOWN failed 3 of 3: " + why}, told); d != "" || looks != 2 || others < 5 {
			t.Errorf("%d looks, %d of the other, -want +got:\n%s", looks, others, d)
		}
		close(woken)
		time.Sleep(time.Minute)
		synctest.Wait()
		if last := told[len(told)-1]; last != "UP " || looks < 5 {
			t.Errorf("%d looks, %s", looks, last)
		}
		if err := s.Close(t.Context()); err != nil || s.queue.execs.busy != 0 {
			t.Errorf("%v, %d busy", err, s.queue.execs.busy)
		}
	})
}

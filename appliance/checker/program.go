package checker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"holdfast/appliance/health"
	"holdfast/netio/link"
)

// Program is ExaBGP's healthcheck: a helper that checks a service and says the
// routes of its addresses, for whatever daemon reads them.
type Program struct {
	Options  *health.Options
	In       io.Reader // answers
	Out      io.Writer // commands
	Log      *slog.Logger
	Ready    func() error // called once the addresses are set up; nil: nobody cares
	Orphaned func() bool  // whether the daemon is gone

	kernel  kernel
	look    func(context.Context, health.Check) (health.Verdict, string)
	hook    func(ctx context.Context, command, state string) error
	added   map[link.Want]bool
	answers *answers
	deaf    bool   // nobody answers
	last    []byte // what was said last
	sure    bool   // and that was answered well, or nobody answers at all
}

const (
	// hookTime bounds a hook: no more checks are made while it runs.
	hookTime = time.Minute
	// leastWait is how long an answer is waited for at least, and farewell how
	// long those of the last withdraws.
	leastWait = time.Second
	farewell  = time.Second
)

// NewProgram makes a program of real commands and addresses.
func NewProgram(o *health.Options) *Program {
	p := &Program{Options: o, kernel: linux, look: Look, added: map[link.Want]bool{}}
	p.hook = func(ctx context.Context, command, state string) error {
		return bounded(ctx, shell, command, hookTime, "STATE="+state)
	}
	return p
}

// Run checks and tells until ctx is done, and then withdraws; or, with interval
// 0, until it has told something. The error is why it could not begin, or could
// not say what it had to.
func (p *Program) Run(ctx context.Context) error {
	if err := p.begin(); err != nil {
		return err
	}
	m := health.Machine{Timing: p.Options.Timing}
	for ctx.Err() == nil && !p.Orphaned() {
		v, why := p.look(ctx, p.Options.Check)
		if ctx.Err() != nil {
			break
		}
		if v == health.Fail {
			p.Log.Warn("check command was unsuccessful", "why", why)
		}
		changed := m.Step(v)
		if err := p.tell(ctx, m.State(), changed); err != nil {
			p.takeDownAtEnd()
			return err
		}
		if p.Options.Interval == 0 && m.State() == m.Told() {
			return nil
		}
		sleep(ctx, m.Wait())
	}
	return p.leave()
}

func (p *Program) begin() error {
	p.answers = hear(p.In)
	if err := p.discover(); err != nil {
		return err
	}
	if !p.Options.DynamicIPSetup {
		p.setUp()
	}
	if p.Ready != nil {
		return p.Ready()
	}
	return nil
}

// tell does what a state asks for. Before a service is announced, its addresses
// and hooks come; when it is down, they wait until that has been said.
func (p *Program) tell(ctx context.Context, s health.State, changed bool) error {
	if !changed {
		return p.say(ctx, s, p.patience())
	}
	p.Log.Info("state", "state", s.String())
	dynamic := p.Options.DynamicIPSetup
	if s == health.Up {
		if dynamic {
			p.setUp()
		}
		p.hooks(ctx, s)
		return p.say(ctx, s, p.patience())
	}
	err := p.say(ctx, s, p.patience())
	p.hooks(ctx, s)
	if dynamic && (s == health.Down || s == health.Off) {
		p.takeDown()
	}
	return err
}

func (p *Program) hooks(ctx context.Context, s health.State) {
	for _, command := range p.Options.Hooks(s) {
		if err := p.hook(ctx, command, s.String()); err != nil {
			p.Log.Warn("hook was unsuccessful", "command", command, "why", err)
		}
	}
}

// leave withdraws, waits for the answers, and removes the addresses: last, for
// what still comes on the old routes.
func (p *Program) leave() error {
	err := p.say(context.Background(), health.Exit, farewell)
	p.takeDownAtEnd()
	return err
}

// takeDownAtEnd leaves addresses without a label where they are: ExaBGP does,
// and who looks after them can't be known.
func (p *Program) takeDownAtEnd() {
	if p.Options.Label != "" || p.Options.DynamicIPSetup {
		p.takeDown()
	}
}

// patience is how long answers are waited for: then the next look is due.
func (p *Program) patience() time.Duration { return max(p.Options.Interval, leastWait) }

// say writes what is told of a state and waits for the answers. Once none have
// come it does not wait any more, until one comes: acknowledgements are off, and
// nobody had to say so.
func (p *Program) say(ctx context.Context, s health.State, limit time.Duration) error {
	lines := p.Options.AppendLines(nil, s)
	if len(lines) == 0 || p.Options.Debounce && p.sure && bytes.Equal(lines, p.last) {
		return nil
	}
	if p.answers.forget() {
		p.deaf = false
	}
	if _, err := p.Out.Write(lines); err != nil {
		return fmt.Errorf("say routes: %w", err)
	}
	p.last, p.sure = lines, true
	if p.Options.NoAck || p.deaf {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	n := bytes.Count(lines, []byte("\n"))
	came, done := p.answers.wait(limited, n)
	p.sure = came == 0 || done == n
	if p.deaf = came == 0; p.deaf && s != health.Exit && ctx.Err() == nil {
		p.Log.Warn("no answer to commands: acknowledgements seem to be off, and --no-ack says so", "waited", limit)
	}
	if came != done {
		p.Log.Error("commands were refused", "refused", came-done, "of", n)
	}
	return nil
}

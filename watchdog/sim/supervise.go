package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"syscall"
	"time"
)

// Options is a simulated machine.
type Options struct {
	Socket         string
	Timeout        time.Duration // that the device has before anybody sets one; 0 is 10 s
	NoWayOut       bool          // magic close does not stop it
	Command        []string      // what the machine runs
	Stdout, Stderr io.Writer
	Log            *slog.Logger
}

// boot is how long a reset takes until the command runs again.
const boot = 200 * time.Millisecond

// Supervise runs the command in a process group of its own. When the watchdog
// bites, the group is killed and the command started anew. It ends when the
// command ends with the watchdog stopped, and gives its exit code; a command
// that ends with the watchdog armed is dead until that bites. When the context
// ends, the command gets SIGTERM.
func Supervise(ctx context.Context, o Options) (exitCode int, err error) {
	if len(o.Command) == 0 {
		return 0, errors.New("simulated watchdog: want a command")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	s, err := listen(o.Socket, dog{timeout: o.Timeout, nowayout: o.NoWayOut}, o.Log)
	if err != nil {
		return 0, err
	}
	defer s.close()
	for {
		code, bitten, err := s.life(ctx, o)
		if err != nil || !bitten || ctx.Err() != nil {
			return code, err
		}
		o.Log.Warn("simulated reset")
		time.Sleep(boot)
	}
}

// life is the command from its start to its end, or to the bite.
func (s *server) life(ctx context.Context, o Options) (code int, bitten bool, err error) {
	c := exec.Command(o.Command[0], o.Command[1:]...)
	c.Stdout, c.Stderr = o.Stdout, o.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return 0, false, fmt.Errorf("simulated watchdog: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	ended, asked := false, ctx.Done()
	for {
		alarm := s.alarm()
		select {
		case <-asked:
			syscall.Kill(c.Process.Pid, syscall.SIGTERM)
			asked = nil
		case <-done:
			ended, done = true, nil
			o.Log.Info("command has ended", "code", c.ProcessState.ExitCode())
		case <-s.changed:
		case now := <-alarm.C:
			if s.due(now) {
				syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
				if !ended {
					<-done
				}
				return c.ProcessState.ExitCode(), true, nil
			}
		}
		alarm.Stop()
		if ended && s.bites().IsZero() {
			return c.ProcessState.ExitCode(), false, nil
		}
	}
}

// alarm rings when the dog bites, if it does.
func (s *server) alarm() *time.Timer {
	at := s.bites()
	if at.IsZero() {
		return time.NewTimer(time.Hour)
	}
	return time.NewTimer(time.Until(at))
}

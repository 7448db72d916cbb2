// Package checker runs what package health wants to know: the looks of checks, a
// check's command and its hooks, the addresses of a service, and ExaBGP's
// healthcheck as a whole.
package checker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"holdfast/appliance/health"
)

// Runner runs a command of a shell to its end, with env beside the daemon's own
// environment; the error says why it was not well. Once ctx is done it ends all
// that the command has started, and comes back.
type Runner func(ctx context.Context, command string, env []string) error

// Look looks once, and says what the verdict is for. It takes at most the
// check's timeout.
func Look(ctx context.Context, c health.Check) (health.Verdict, string) {
	return look(ctx, c, shell)
}

// natives are the looks that take no process. An error says why the service is
// not well.
var natives = map[health.Kind]func(context.Context, health.Probe) error{
	health.HTTP: lookHTTP, health.TCP: lookTCP, health.DNS: lookDNS, health.ICMP: lookICMP,
}

func look(ctx context.Context, c health.Check, run Runner) (health.Verdict, string) {
	if c.Disable != "" {
		if _, err := os.Stat(c.Disable); err == nil {
			return health.Disabled, c.Disable + " is there"
		}
	}
	err := error(nil)
	if native := natives[c.Kind]; native != nil {
		err = within(ctx, c, native)
	} else if c.Command != "" {
		err = bounded(ctx, run, c.Command, c.Timeout)
	}
	if err != nil {
		return health.Fail, err.Error()
	}
	return health.Pass, ""
}

// bounded has a command run for limit at most.
func bounded(ctx context.Context, run Runner, command string, limit time.Duration, env ...string) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := run(limited, command, env)
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("did not end within %s", limit)
	}
	return err
}

// shell is the runner that needs nobody, with all that the command prints thrown
// away. When its time is over, all of its process group is killed: what a shell
// started would go on.
func shell(ctx context.Context, command string, env []string) error {
	c := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	c.Env = append(os.Environ(), env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	return c.Run()
}

// sleep waits, and says whether there is time to go on.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return ctx.Err() == nil
	}
}

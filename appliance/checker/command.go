// Package checker runs what package health wants to know: a check's command and
// its hooks, the addresses of a service, and ExaBGP's healthcheck as a whole.
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

// Look looks once, and says what the verdict is for. It takes at most the
// check's timeout.
func Look(ctx context.Context, c health.Check) (health.Verdict, string) {
	if c.Disable != "" {
		if _, err := os.Stat(c.Disable); err == nil {
			return health.Disabled, c.Disable + " is there"
		}
	}
	if c.Command == "" {
		return health.Pass, ""
	}
	if err := shell(ctx, c.Command, c.Timeout); err != nil {
		return health.Fail, err.Error()
	}
	return health.Pass, ""
}

// shell runs a command to its end, with all that it prints thrown away. When
// its time is over, all of its process group is killed: what a shell started
// would go on.
func shell(ctx context.Context, command string, limit time.Duration, env ...string) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := exec.CommandContext(limited, "/bin/sh", "-c", command)
	c.Env = append(os.Environ(), env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	err := c.Run()
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("did not end within %s", limit)
	}
	return err
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

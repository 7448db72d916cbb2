package provision

import (
	"time"

	"golang.org/x/sys/unix"
)

// Uptime is the time since the box started, of which it is sure before it has
// the right time.
func Uptime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return time.Duration(ts.Nano())
}

// Command initrd is the first program of a box: see package image/early.
package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/image/early"
)

func main() {
	err := early.Run()
	fmt.Fprintf(os.Stderr, "early: this version can't be started: %v\nearly: restarting in 5s\n", err)
	time.Sleep(5 * time.Second) // for who reads the console
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
}

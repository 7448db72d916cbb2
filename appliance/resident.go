package appliance

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// stay has the program stay in memory, all of it. A page that was never used, or was
// dropped because memory was short, comes from the disk: one that does not answer
// would hold up whoever needs it, such as the loop at the first withdraw, and at the
// next garbage collection the whole process.
func (d *Daemon) stay() {
	if err := resident(); err != nil {
		d.log.Warn("a disk that hangs may hold this process up: its program can't be kept in memory", "error", err)
	}
}

// resident locks what is mapped of the program's file. What is in no file is not
// locked: a box has no swap.
func resident() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		if from, size, ok := mapped(lines.Text(), program); ok {
			if _, _, errno := unix.Syscall(unix.SYS_MLOCK, from, size, 0); errno != 0 {
				return fmt.Errorf("mlock %d octets: %w", size, errno)
			}
		}
	}
	return lines.Err()
}

// mapped is where a line of /proc/PID/maps has a part of a file (proc(5)).
func mapped(line, path string) (from, size uintptr, ok bool) {
	f := strings.SplitN(line, " ", 6)
	if len(f) != 6 || strings.TrimLeft(f[5], " ") != path {
		return 0, 0, false
	}
	a, b, _ := strings.Cut(f[0], "-")
	begin, err := strconv.ParseUint(a, 16, 64)
	if err != nil {
		return 0, 0, false
	}
	end, err := strconv.ParseUint(b, 16, 64)
	return uintptr(begin), uintptr(end - begin), err == nil && end > begin
}

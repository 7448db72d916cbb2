// Command guest is the first and only process of an emulated machine: it does
// to a hardware watchdog what the daemon does, and says what came of it on the
// console. The machine is reset once, by the watchdog.
package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/watchdog"
)

// identity is the device that the emulator has.
const identity = "i6300ESB timer"

// timeout is longer than an emulator stalls, and nobody feeds for longer than it in
// each half of the story.
const timeout = 10 * time.Second

func main() {
	mount("devtmpfs", "/dev")
	mount("proc", "/proc")
	mount("sysfs", "/sys")
	load("/watchdog.ko")
	load("/i6300esb.ko")
	list, err := watchdog.List()
	say("list %d %v", len(list), err)
	path, err := watchdog.Find(identity)
	say("find %s %v", path, err)
	if len(list) > 0 && list[0].CausedReset {
		after(path)
	} else {
		first(path)
	}
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

// after is the boot that follows the reset.
func after(path string) {
	d := open(path)
	say("boot after reset, caused by it %v", d.Info().CausedReset)
	say("disarm %v", d.Disarm())
}

// first opens, asks, stops in order, and then lets the hardware have its way.
func first(path string) {
	d := open(path)
	i := d.Info()
	say("identity %q, magic close %v, nowayout %v, caused reset %v", i.Identity, i.MagicClose, i.NoWayOut, i.CausedReset)
	_, err := watchdog.Open(path)
	say("second open: %v", err)
	got, err := d.SetTimeout(timeout)
	say("timeout %s %v", got, err)
	say("feed %v", d.Feed())
	say("disarm %v", d.Disarm())
	time.Sleep(timeout + 2*time.Second)
	say("alive without feeding")
	d = open(path)
	d.SetTimeout(timeout)
	starve(d)
}

// starve feeds as long as a witness goes on, and it does for longer than the
// timeout; then it stops.
func starve(d watchdog.Device) {
	begin := time.Now()
	k := watchdog.NewKeeper(d, nil, func(armed bool, why string) { say("armed %v %s", armed, why) })
	steps := uint64(0)
	k.Witness("the loop", func() uint64 {
		if time.Since(begin) < timeout+2*time.Second {
			steps++
		}
		return steps
	}, 0)
	for {
		time.Sleep(time.Until(k.Step(time.Now())))
		if time.Since(begin) > 60*time.Second {
			say("no reset")
			return
		}
	}
}

func open(path string) watchdog.Device {
	d, err := watchdog.Open(path)
	if err != nil {
		say("open: %v", err)
		unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	return d
}

func say(format string, args ...any) { fmt.Printf("guest: "+format+"\n", args...) }

func mount(kind, at string) {
	os.MkdirAll(at, 0o755)
	if err := unix.Mount(kind, at, kind, 0, ""); err != nil {
		say("mount %s: %v", at, err)
	}
}

func load(path string) {
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		err = unix.FinitModule(int(f.Fd()), "", 0)
	}
	if err != nil {
		say("module %s: %v", path, err)
	}
}

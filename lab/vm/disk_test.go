//go:build images

package vm_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/lab"
	"holdfast/lab/vm"
)

// cable is a second link of a machine, which can be pulled.
var cable = []string{"-netdev", "user,id=cable,restrict=on", "-device", "virtio-net-pci,netdev=cable,addr=0x10"}

// TestHungDisk: a disk that answers no more, under a box that runs from it, holds
// nothing up: not what feeds the hardware, not the withdraw when a cable is pulled.
func TestHungDisk(t *testing.T) {
	conf := strings.Replace(boxConf, "watchdog dns {", "watchdog dns { link enp0s16;", 1)
	m := bootWith(t, "amd64", vm.Build(lab.New(t), "amd64", "1.0.0", ""), vm.Options{More: cable}, conf)
	m.announced("from power")
	m.Reachable()
	m.runs("1.0.0")
	// It shows when the disk answers; then nothing of the services is in memory by
	// chance. Of the service manager all stays: if it hangs, its own watchdog resets the
	// machine.
	m.Run("(while :; do date >/var/tick; sync /var/tick; cat /proc/uptime >>/run/answers; sleep 1; done) </dev/null >/dev/null 2>&1 &")
	t.Log(m.Run("grep -E 'RssFile|VmLck' /proc/$(systemctl show -p MainPID --value holdfast)/status; sync; echo 3 >/proc/sys/vm/drop_caches; echo 400M >/sys/fs/cgroup/system.slice/memory.reclaim 2>/dev/null; true"))
	m.hang(true)
	for range 12 { // six times the hardware's time
		time.Sleep(5 * time.Second)
		if !m.has() {
			t.Fatalf("the neighbor has lost the route; the hardware has reset it %d times", len(m.Events("WATCHDOG")))
		}
	}
	m.Execute("set_link", object{"name": "cable", "up": false})
	begin := time.Now()
	m.gone("the cable is pulled")
	t.Logf("withdrawn %s after", time.Since(begin).Round(time.Millisecond))
	if !m.bird.Established() {
		t.Error("it was the session that ended")
	}
	m.Execute("set_link", object{"name": "cable", "up": true})
	m.announced("the cable is back")
	m.hang(false)
	m.Reachable()
	if gap := longestGap(m.Run("cat /run/answers")); gap < 55 {
		t.Errorf("the disk has hung for %g seconds", gap)
	}
	t.Log(m.Run("holdfast status"))
	if n := len(m.Events("WATCHDOG")); n != 0 {
		t.Errorf("the hardware has reset it %d times", n)
	}
	m.nothingFailed()
}

// longestGap is the largest difference between lines that begin with a number.
func longestGap(lines string) (longest float64) {
	last := math.Inf(1)
	for line := range strings.Lines(lines) {
		now, _ := strconv.ParseFloat(strings.Fields(line)[0], 64)
		longest, last = max(longest, now-last), now
	}
	return longest
}

type object map[string]any

// hang has the first disk take as good as nothing more, or all again.
func (m *imaged) hang(hangs bool) {
	m.Helper()
	most := 0
	if hangs {
		most = 1
	}
	m.Execute("block_set_io_throttle", object{"device": "d0", "bps": most, "bps_rd": 0, "bps_wr": 0, "iops": 0, "iops_rd": 0, "iops_wr": 0})
}

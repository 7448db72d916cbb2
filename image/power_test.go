package image_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"holdfast/image"
	"holdfast/image/imagetest"
)

// TestPower looks, at each step, at what is on the disk, without what still waits
// in memory: what would be left if the power went now. The slot is a device over
// a file, which has what the kernel has written out.
func TestPower(t *testing.T) {
	b := newBox(t)
	out, err := exec.Command("losetup", "-f", "--show", b.path("b")).Output()
	if err != nil {
		t.Skip("no loop device: ", err)
	}
	b.Slot.Device = strings.TrimSpace(string(out))
	defer exec.Command("losetup", "-d", b.Slot.Device).Run()
	old, _ := imagetest.Root(t, "1.1", imagetest.Blocks)
	next, _ := imagetest.Root(t, "1.3", imagetest.Blocks)
	b.Tell = func(p image.Progress) {
		state := b.state() // which holds a root as a whole, or not at all
		disk := bytes.NewReader(b.read("b"))
		switch holdsOld, holdsNext := old.Holds(disk), next.Holds(disk); p.Step {
		case image.Verify:
			if state != untouched {
				t.Errorf("%v: %s", p, state)
			}
		case image.Erase, image.Write, image.ReadBack:
			if holdsOld && p.Step != image.Erase || holdsNext {
				t.Errorf("%v: the disk holds a root: %t, %t", p, holdsOld, holdsNext)
			}
		case image.Kernel, image.Done:
			if !holdsNext {
				t.Errorf("%v: the root is not on the disk", p)
			}
		}
	}
	if _, err := b.Install(t.Context(), bytes.NewReader(imagetest.Bundle(t, "1.3", ours))); err != nil || b.state() != installed {
		t.Error(err, b.state())
	}
}

package vm_test

import (
	"testing"

	"holdfast/lab"
	"holdfast/lab/vm"
)

// TestARM boots an image for ARM boards with UEFI.
func TestARM(t *testing.T) {
	i := vm.Build(lab.New(t), "arm64", "1.0.0", "")
	m := bootImage(t, "arm64", i, vm.Options{Memory: 1024})
	m.announced("arm64, from power through UEFI")
	m.Reachable()
	m.runs("1.0.0")
	t.Log(m.Run("holdfast watchdog; holdfast update status; systemctl --failed --no-pager --no-legend"))
}

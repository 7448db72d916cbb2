package vm_test

import (
	"testing"

	"holdfast/lab"
	"holdfast/lab/vm"
)

// TestDirect boots an image as a hypervisor does that starts the kernel itself.
func TestDirect(t *testing.T) {
	l := lab.New(t)
	m := power(t, l, vm.Options{Direct: vm.Build(l, "amd64", "1.0.0", ""), Disks: []string{provisioned(l, boxConf)}})
	m.announced("from power, without firmware")
	m.Reachable()
	m.nothingFailed()
}

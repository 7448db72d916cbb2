package vm_test

import (
	"net/netip"
	"os"
	"testing"

	"holdfast/lab"
	"holdfast/lab/vm"
)

func TestMain(m *testing.M) {
	code := m.Run()
	vm.Remove()
	lab.RemoveBinary()
	os.Exit(code)
}

var anycast = netip.MustParsePrefix("192.0.2.53/32")

package lab_test

import (
	"flag"
	"os"
	"testing"

	"holdfast/lab"
)

// TestMain lets more tests run at once than there are processors: they mostly
// wait for each other's timers.
func TestMain(m *testing.M) {
	lab.PuppetMain()
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", "8")
	}
	code := m.Run()
	lab.RemoveBinary()
	os.Exit(code)
}

package lab_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"holdfast/lab"
)

// TestGuard: a test that is killed, which runs no Cleanup, leaves no namespace
// and no process behind.
func TestGuard(t *testing.T) {
	if os.Getenv("LAB_VICTIM") != "" {
		h := lab.New(t).Host("victim")
		h.Start("sleeper", nil, "sleep", "1000")
		os.Stdout.WriteString(h.Dir + " " + h.NS + " .\n")
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	victim := exec.Command(os.Args[0], "-test.run=^TestGuard$")
	victim.Env = append(os.Environ(), "LAB_VICTIM=1")
	out, _ := victim.Output() // it is killed
	words := strings.Fields(string(out))
	if len(words) < 3 {
		t.Fatalf("the victim said %q", out)
	}
	defer os.RemoveAll(words[0])
	lab.New(t).Until(soon, words[1]+" is removed", func() bool {
		_, err := os.Stat("/run/netns/" + words[1])
		return os.IsNotExist(err)
	})
}

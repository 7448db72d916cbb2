package vm

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Fault is a change of our source: a version that is built with it is no good.
type Fault struct {
	File     string // from the module's folder
	Old, New string // text that is there once, and what takes its place
}

// follows is where the daemon of an image begins to look after an update.
const follows = "	go func() {\n		for was := \"\"; ctx.Err() == nil; time.Sleep(lookIdle) {\n"

// Versions of the daemon of an image that are no good.
var (
	// LoopHangs: 15 s after its start, its loop stands still.
	LoopHangs = Fault{"appliance/updating.go", follows, "	time.Sleep(15 * time.Second)\n	_ = d.onLoop(ctx, func() { time.Sleep(time.Hour) })\n" + follows}
	// CrashLoop: a second after each start, it ends.
	CrashLoop = Fault{"appliance/updating.go", follows, "	time.AfterFunc(time.Second, func() { panic(\"no good\") })\n" + follows}
	// NoMD5: its connections have no key.
	NoMD5 = Fault{"netio/auth.go", "err := unix.SetsockoptTCPMD5Sig(fd, unix.IPPROTO_TCP, opt, &sig);", "err := func(...any) error { return nil }(opt, &sig);"}
)

// overlay writes what "go build -overlay" takes, into a folder. A fault that does
// not fit any more is an error: a version without it would be a good one.
func overlay(dir string, faults []Fault) (string, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	var files struct{ Replace map[string]string }
	files.Replace = map[string]string{}
	for i, f := range faults {
		at := filepath.Join(filepath.Dir(strings.TrimSpace(string(mod))), f.File)
		from := at
		if earlier := files.Replace[at]; earlier != "" {
			from = earlier
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(text), f.Old); n != 1 {
			return "", fmt.Errorf("fault: %s has %q %d times: write it anew for what stands there now", f.File, f.Old, n)
		}
		files.Replace[at] = filepath.Join(dir, fmt.Sprintf("fault%d.go", i))
		if err := os.WriteFile(files.Replace[at], []byte(strings.Replace(string(text), f.Old, f.New, 1)), 0o644); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(files)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o644)
}

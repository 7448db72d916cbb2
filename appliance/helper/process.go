package helper

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Process is a helper as the configuration says it.
type Process struct {
	Name string
	// Run is the program and its arguments. A program that is not an absolute
	// path is looked for in Folder, in /etc/exabgp, and on PATH.
	Run       []string
	Folder    string   // of the configuration's file
	Env       []string // KEY=VALUE, beside our own environment
	NoRespawn bool     // one life is enough
	NoAck     bool     // begins without acknowledgements
	Text      bool     // is told events in text: a program that expects another form is another one
}

func (p Process) equal(q Process) bool {
	return p.Name == q.Name && p.Folder == q.Folder && p.NoRespawn == q.NoRespawn && p.NoAck == q.NoAck && p.Text == q.Text &&
		slices.Equal(p.Run, q.Run) && slices.Equal(p.Env, q.Env)
}

// Check says what would keep the helper from being started: its program is not
// there, is no program, or is one that changes user.
func (p Process) Check() error {
	_, err := p.program()
	return err
}

// program is the path of what is run.
func (p Process) program() (string, error) {
	if len(p.Run) == 0 || p.Run[0] == "" {
		return "", fmt.Errorf("process %s: run: want a program", p.Name)
	}
	path, err := p.find(p.Run[0])
	if err == nil {
		err = runnable(path)
	}
	if err != nil {
		return "", fmt.Errorf("process %s: run %s: %w", p.Name, p.Run[0], err)
	}
	return path, nil
}

func (p Process) find(name string) (string, error) {
	if filepath.IsAbs(name) {
		return name, nil
	}
	for _, dir := range []string{p.Folder, "/etc/exabgp"} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); dir != "" && err == nil {
			return filepath.Abs(path)
		}
	}
	if !strings.Contains(name, "/") {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("not found in %q, /etc/exabgp or PATH", p.Folder)
}

func runnable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		var pe *fs.PathError
		if errors.As(err, &pe) {
			return pe.Err
		}
		return err
	case !info.Mode().IsRegular():
		return errors.New("not a program")
	case info.Mode()&os.ModeSetuid != 0:
		return errors.New("is setuid, and a helper runs as we do")
	case info.Mode()&0o111 == 0:
		return errors.New("not executable")
	}
	return nil
}

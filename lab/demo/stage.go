package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// stage is the lab.T of a program: a failure ends the story, and what was set
// up is removed in any case.
type stage struct {
	failed   atomic.Bool
	mu       sync.Mutex
	cleanups []func()
	kept     bool
	terminal bool // somebody watches
}

func newStage() *stage {
	info, err := os.Stdout.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &stage{terminal: terminal}
}

func (s *stage) Helper()      {}
func (s *stage) Name() string { return "demo" }
func (s *stage) Failed() bool { return s.failed.Load() }

func (s *stage) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Fatalf ends the goroutine that tells the story.
func (s *stage) Fatalf(format string, args ...any) {
	s.failed.Store(true)
	fmt.Println(s.paint(red, "   FAILED: "+fmt.Sprintf(format, args...)))
	runtime.Goexit()
}

func (s *stage) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

// leave removes what was set up, last first, unless it is kept.
func (s *stage) leave() {
	if s.kept && !s.Failed() {
		return
	}
	s.mu.Lock()
	list := s.cleanups
	s.cleanups = nil
	s.mu.Unlock()
	for _, f := range slices.Backward(list) {
		f()
	}
}

// abandon ends a story that is still being told.
func (s *stage) abandon(why string) {
	s.failed.Store(true)
	fmt.Println(s.paint(red, "   FAILED: "+why))
	s.leave()
}

// Colours of a terminal.
const (
	bold  = "1"
	green = "32"
	red   = "31"
)

func (s *stage) paint(colour, text string) string {
	if !s.terminal || os.Getenv("NO_COLOR") != "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

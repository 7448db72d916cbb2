// Command demo tells Holdfast's story live: a box and its upstream router in
// network namespaces, and what the router sees.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"holdfast/lab"
)

func main() {
	keep := flag.Bool("keep", os.Getenv("KEEP") != "", "leave everything running in the end")
	flag.Parse()
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "demo: network namespaces want root: sudo make demo")
		os.Exit(1)
	}
	os.Exit(play(*keep))
}

// play tells the story to its end, within a minute, and removes everything
// unless it is to be kept.
func play(keep bool) (code int) {
	s := newStage()
	done := make(chan bool)
	go func() {
		defer close(done)
		defer s.leave()
		tell(s, keep)
	}()
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, syscall.SIGINT, syscall.SIGTERM)
	select {
	case <-done:
	case <-interrupt:
		s.abandon("interrupted")
	case <-time.After(time.Minute):
		s.abandon("the story took more than a minute")
	}
	if !s.kept {
		lab.RemoveBinary()
	}
	if s.Failed() {
		return 1
	}
	return 0
}

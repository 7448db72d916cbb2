package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"holdfast/appliance"
	"holdfast/appliance/chronicle"
	"holdfast/appliance/control"
)

var topVerb = &verb{word: "top", args: "[-1] [--socket PATH] [--host USER@BOX]",
	help: "the box at work, live: sessions, gates, checks, watchdog",
	long: socketHelp + hostHelp + `
  -1               print once; so it is without a terminal

It is drawn anew each second, what is not well first. q ends it.
Exit code: 0, or 1 if no daemon answers at the beginning.`,
	run: func(c *call) error {
		socket := c.place()
		once := c.Bool("1", false, "")
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		v, err := topAsk(*socket)
		if err != nil {
			return err
		}
		in, out := int(os.Stdin.Fd()), int(os.Stdout.Fd())
		if *once || c.out != os.Stdout || !term.IsTerminal(in) || !term.IsTerminal(out) {
			fmt.Fprintln(c.out, strings.Join(v.lines(newPrinter(c.out), time.Now(), topWide, topOnce), "\n"))
			return nil
		}
		old, err := term.MakeRaw(in)
		if err != nil {
			return fmt.Errorf("terminal: %w", err)
		}
		defer term.Restore(in, old)
		s := screen{ask: func() (topView, error) { return topAsk(*socket) }, view: v, printer: newPrinter(c.out)}
		every := time.NewTicker(time.Second)
		defer every.Stop()
		s.show(pressed(), every.C, out)
		return nil
	}}

// What is printed where nobody says how large it may be.
const (
	topWide = 200
	topOnce = 1000
)

// The words of a terminal (ECMA-48, and xterm's other screen).
const (
	otherScreen = "\x1b[?1049h\x1b[?25l"
	ownScreen   = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	restOfLine  = "\x1b[K\r\n"
	restOfAll   = "\x1b[J"
)

// topEvents is how many of the last events are asked for.
const topEvents = 50

// topAsk asks the daemon for all that is shown.
func topAsk(socket string) (v topView, err error) {
	if err := control.Ask(socket, control.Request{Do: "status"}, &v.status); err != nil {
		return v, err
	}
	q, err := json.Marshal(chronicle.Query{Last: topEvents})
	if err != nil {
		return v, err
	}
	return v, control.Ask(socket, control.Request{Do: "history", Arg: string(q)}, &v.events)
}

// pressed are the keys that somebody presses.
func pressed() <-chan byte {
	c := make(chan byte)
	go func() {
		defer close(c)
		for b := make([]byte, 1); ; {
			if n, err := os.Stdin.Read(b); n == 0 || err != nil {
				return
			}
			c <- b[0]
		}
	}()
	return c
}

// screen is the view on a terminal.
type screen struct {
	*printer
	ask  func() (topView, error) // may take long
	view topView
	err  error // of the last question
}

// topAnswer is what came of a question.
type topAnswer struct {
	view topView
	err  error
}

// show draws until somebody has had enough of it, whether or not the daemon
// answers.
func (s *screen) show(keys <-chan byte, every <-chan time.Time, terminal int) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	defer signal.Stop(signals)
	fmt.Fprint(s.out, otherScreen)
	defer fmt.Fprint(s.out, ownScreen)
	var answers chan topAnswer // nil: nothing is asked
	for {
		s.draw(time.Now(), terminal)
		select {
		case b, ok := <-keys:
			if !ok || b == 'q' || b == 'Q' || b == 3 || b == 4 { // ^C and ^D too
				return
			}
		case sig := <-signals:
			if sig != syscall.SIGWINCH {
				return
			}
		case <-every:
			if answers == nil {
				answers = make(chan topAnswer, 1)
				go func(to chan<- topAnswer) {
					v, err := s.ask()
					to <- topAnswer{v, err}
				}(answers)
			}
		case a := <-answers:
			answers = nil
			s.have(a)
		}
	}
}

func (s *screen) have(a topAnswer) {
	if s.err = a.err; a.err == nil {
		a.view.turns = s.view.status.Loop.Turns
		s.view = a.view
	}
}

// draw draws what the terminal has room for.
func (s *screen) draw(now time.Time, terminal int) {
	wide, high, err := term.GetSize(terminal)
	if err != nil || wide == 0 || high == 0 { // a serial line knows no size
		wide, high = 80, 24
	}
	s.drawn(now, wide, high)
}

// drawn writes all lines in one piece, each over what was there.
func (s *screen) drawn(now time.Time, wide, high int) {
	lines := s.view.lines(s.printer, now, wide, high-1)
	if s.err != nil {
		lines[0] = s.cut(s.good(false, "", "no answer: "+plain(s.err.Error())), wide)
	}
	var b bytes.Buffer
	b.WriteString(home)
	for _, l := range lines {
		b.WriteString(l + restOfLine)
	}
	b.WriteString(restOfAll)
	_, _ = s.out.Write(b.Bytes()) // who has gone does not look
}

// topView is what is shown.
type topView struct {
	status appliance.Status
	turns  uint64 // of the loop at the last look; 0: there was none
	events []chronicle.Entry
}

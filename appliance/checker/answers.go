package checker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
)

// answers is what comes back for the lines that were said.
type answers struct{ lines chan bool }

// backlog is how many answers are kept that nobody waits for. More are dropped:
// whoever answers must never wait for us.
const backlog = 1 << 13

// hear reads what comes in to its end: events are for others, and dropped.
func hear(in io.Reader) *answers {
	a := &answers{make(chan bool, backlog)}
	go func() {
		defer close(a.lines)
		r := bufio.NewReaderSize(in, 1<<16)
		for {
			line, err := r.ReadSlice('\n')
			if ok, is := answer(line); is {
				select {
				case a.lines <- ok:
				default:
				}
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return
			}
		}
	}()
	return a
}

// answer reads "done" and "error", and the JSON of them.
func answer(line []byte) (ok, is bool) {
	line = bytes.TrimSpace(line)
	word := string(line)
	if bytes.HasPrefix(line, []byte("{")) {
		var j struct{ Answer string }
		if json.Unmarshal(line, &j) != nil {
			return false, false
		}
		word = j.Answer
	}
	return word == "done", word == "done" || word == "error"
}

// forget drops answers of earlier lines that came late, and says whether there
// were some.
func (a *answers) forget() (some bool) {
	for {
		select {
		case _, open := <-a.lines:
			if !open {
				return some
			}
			some = true
		default:
			return some
		}
	}
}

// wait waits for n answers, until ctx is done; done is how many were good.
func (a *answers) wait(ctx context.Context, n int) (came, done int) {
	for ; came < n; came++ {
		select {
		case ok, open := <-a.lines:
			if !open {
				return came, done
			}
			if ok {
				done++
			}
		case <-ctx.Done():
			return came, done
		}
	}
	return came, done
}

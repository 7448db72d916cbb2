package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ahead is how many commands may wait for their answers.
const ahead = 1024

// said is a command that waits for its answer.
type said struct {
	number int
	line   string
}

// Batch says the lines of in without waiting for each answer, and gives the
// answer to each with the number of its line, in their order. The error is not
// one of type Refused: those are given to answer.
func (c *Client) Batch(in io.Reader, data func(line string), answer func(number int, command string, err error)) error {
	waiting, ended := make(chan said, ahead), make(chan error, 1)
	go func() {
		defer close(waiting)
		ended <- c.feed(in, waiting)
	}()
	for s := range waiting {
		err := c.answer(data)
		if refused := Refused(""); err != nil && !errors.As(err, &refused) {
			c.Close() // then feed comes to its end, too
			go func() {
				for range waiting {
				}
			}()
			return err
		}
		answer(s.number, s.line, err)
	}
	return <-ended
}

// feed says lines, as many at once as are there already.
func (c *Client) feed(in io.Reader, waiting chan<- said) error {
	r, out := bufio.NewReaderSize(in, 64<<10), bufio.NewWriterSize(c.conn, 64<<10)
	for n := 1; ; n++ {
		if there, _ := r.Peek(r.Buffered()); bytes.IndexByte(there, '\n') < 0 || len(waiting) == ahead {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		text, end := r.ReadString('\n')
		line, err := sayable(text)
		if err != nil {
			return errors.Join(fmt.Errorf("line %d: %w", n, err), out.Flush())
		}
		if line != "" {
			out.WriteString(line + "\n") // Flush has its error
			waiting <- said{n, line}
		}
		if end != nil {
			if errors.Is(end, io.EOF) {
				end = nil
			}
			return errors.Join(end, out.Flush())
		}
	}
}

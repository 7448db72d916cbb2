// Package client talks to a daemon over the socket of its text API.
//
//	c, err := client.Dial(client.Socket)
//	err = c.Do("announce route 192.0.2.53/32 next-hop self", nil)
package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"holdfast/appliance/remote"
)

// Socket is where the daemon speaks the text API when nobody names another
// place.
const Socket = "/run/holdfast/api.sock"

// Refused is why the daemon did not do a command.
type Refused string

func (r Refused) Error() string { return string(r) }

// Client is one connection. It is not for use by two goroutines at once.
type Client struct {
	conn net.Conn
	in   *bufio.Reader
}

// Dial connects to the socket at path, which may be an address of package remote.
func Dial(path string) (*Client, error) {
	c, err := remote.Dial(path, "api", 0)
	if err != nil {
		return nil, err
	}
	return &Client{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Do says a command and waits until it is done. Lines of data, without their
// ends, are given to data as they come. A command that the daemon refuses is an
// error of type Refused, after which there can be others.
func (c *Client) Do(command string, data func(line string)) error {
	line, err := sayable(command)
	if err != nil || line == "" {
		return err
	}
	if _, err := io.WriteString(c.conn, line+"\n"); err != nil {
		return fmt.Errorf("say %q: %w", line, err)
	}
	return c.answer(data)
}

// answer reads lines of data up to "done" or "error", before which may stand
// why.
func (c *Client) answer(data func(string)) error {
	why, held := "", false
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the daemon has gone: %w", err)
		}
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "error" && held:
			return Refused(strings.TrimPrefix(why, "error: "))
		case line == "error":
			return Refused("the daemon does not say why")
		}
		if held && data != nil {
			data(why)
		}
		if line == "done" {
			return nil
		}
		if why, held = line, strings.HasPrefix(line, "error: "); !held && data != nil {
			data(line)
		}
	}
}

var errAcks = errors.New("this connection needs its answers")

// sayable is a command as it is said; those that end the answers would have us
// wait for ever.
func sayable(command string) (string, error) {
	line := strings.TrimSpace(command)
	if strings.ContainsAny(line, "\n\r") {
		return "", errors.New("want one line")
	}
	switch strings.Join(strings.Fields(line), " ") {
	case "disable-ack", "silence-ack", "session ack disable", "session ack silence":
		return "", fmt.Errorf("%s: %w", line, errAcks)
	}
	return line, nil
}

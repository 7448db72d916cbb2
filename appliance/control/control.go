// Package control is the control socket: one request and one answer, each a
// line of JSON, over a unix socket that always exists while the daemon runs.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"holdfast/appliance/remote"
)

// DefaultSocket is where the daemon listens when the configuration names no
// other place.
const DefaultSocket = "/run/holdfast/control.sock"

// Request is what a client asks.
type Request struct {
	Do  string `json:"do"`            // a name that the daemon has a handler for
	Arg string `json:"arg,omitempty"` // of the handler: a prefix for "explain"
}

// reply is what goes back: a result or an error. Who asks has it hold a pointer
// to what the result is read into.
type reply struct {
	Error  string `json:"error,omitempty"`
	Result any    `json:"result,omitempty"`
}

// Handler answers requests of one name. It may run at the same time as others.
type Handler func(ctx context.Context, arg string) (any, error)

// limits of a connection: a request is a line, and nobody may keep us waiting.
const (
	maxRequest = 64 << 10
	patience   = 10 * time.Second
	// farPatience is for a request over ssh, which may ask for a password first.
	farPatience = 2 * time.Minute
)

// Server answers on a unix socket.
type Server struct {
	path     string
	listener *net.UnixListener
	handlers map[string]Handler
}

// Listen takes the socket at path, to answer with the handlers.
func Listen(path string, handlers map[string]Handler) (*Server, error) {
	l, err := Take("control socket", path)
	if err != nil {
		return nil, err
	}
	return &Server{path: path, listener: l, handlers: handlers}, nil
}

// Serve answers until the context ends; then the socket is gone.
func (s *Server) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.listener.Close() })
	defer stop()
	for {
		c, err := s.listener.AcceptUnix()
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			if err == nil {
				c.Close() // it came at the last moment, and would wait
			}
			return nil
		}
		if err != nil {
			slog.Warn("control socket", "error", err) // of descriptors there may be more later
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		go s.serve(ctx, c)
	}
}

// Close takes the socket away.
func (s *Server) Close() error { return s.listener.Close() }

func (s *Server) serve(ctx context.Context, c *net.UnixConn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(io.LimitReader(c, maxRequest)).ReadBytes('\n')
	if err != nil {
		return
	}
	b, err := json.Marshal(s.answer(ctx, line))
	if err != nil {
		b, _ = json.Marshal(reply{Error: err.Error()})
	}
	c.SetDeadline(time.Now().Add(patience))
	c.Write(append(b, '\n'))
}

func (s *Server) answer(ctx context.Context, line []byte) reply {
	var q Request
	if err := json.Unmarshal(line, &q); err != nil {
		return reply{Error: fmt.Sprintf("request is not JSON: %v", err)}
	}
	h, ok := s.handlers[q.Do]
	if !ok {
		return reply{Error: fmt.Sprintf("unknown request %q", q.Do)}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := h(ctx, q.Arg)
	if err != nil {
		return reply{Error: err.Error()}
	}
	return reply{Result: v}
}

// Ask sends one request to the daemon at path, which may be an address of package
// remote, and decodes its result into out, which may be nil.
func Ask(path string, q Request, out any) error {
	c, err := remote.Dial(path, "control", patience)
	if err != nil {
		return err
	}
	defer c.Close()
	limit, noun := 2*patience, "control socket "+path
	if host, _ := remote.Split(path); host != "" {
		limit, noun = farPatience, "ssh"
	}
	c.SetDeadline(time.Now().Add(limit))
	b, err := json.Marshal(q)
	if err != nil {
		return err
	}
	if _, err := c.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("%s: %w", noun, err)
	}
	r := reply{Result: out}
	if err := json.NewDecoder(c).Decode(&r); err != nil {
		return fmt.Errorf("%s: %w", noun, err)
	}
	if r.Error != "" {
		return errors.New(r.Error)
	}
	return nil
}

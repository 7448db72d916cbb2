// Package source is where a bundle comes from: a file, standard input, or a URL,
// which is read as one stream although connections break.
package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Fetcher reads URLs. Neither https nor a name's owner are what vouches for a
// bundle: its signature is, so http is as good.
type Fetcher struct {
	Client *http.Client  // nil: http.DefaultClient
	Tries  int           // how often it is connected again without coming on by Step; at least 1
	Stall  time.Duration // how long a connection may bring nothing
}

// Default is patient enough for a site whose line flaps.
var Default = Fetcher{Tries: 10, Stall: time.Minute}

// Step is how much a connection has to bring to be a good one, in octets: the
// tries count anew then.
const Step = 1 << 20

// Open opens what somebody names: "-" is standard input, what begins with http://
// or https:// a URL, and all else a file.
func (f Fetcher) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	switch {
	case name == "-":
		return f.input(ctx, os.Stdin), nil
	case strings.HasPrefix(name, "http://"), strings.HasPrefix(name, "https://"):
		s := &stream{Fetcher: f, ctx: ctx, url: name}
		return s, s.connect() // so that a wrong name is told at once
	}
	return os.Open(name)
}

// stream is one URL as it is read.
type stream struct {
	Fetcher
	ctx    context.Context
	url    string
	body   io.ReadCloser // nil: there is no connection
	stop   context.CancelFunc
	alarm  *time.Timer
	at     int64  // octets that have been read
	again  int64  // octets that this connection brings, and another has brought
	tag    string // what tells this content from a later one: an ETag or a date; "": nothing does
	failed int    // tries since from
	from   int64
	final  error
}

// errFinal is an error that another try would give again.
type errFinal struct{ error }

var errStall = errors.New("it brings nothing any more")

// Read reads on, over connections that break.
func (s *stream) Read(b []byte) (int, error) {
	for s.final == nil {
		if s.body == nil {
			if s.final = s.connect(); s.final != nil {
				break
			}
		}
		s.alarm.Reset(s.Stall)
		n, err := s.body.Read(b)
		s.alarm.Stop() // the reader may take its time
		n = s.over(b[:n])
		s.at += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			s.final = io.EOF
		case err != nil:
			s.broken(err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, s.final
}

// over passes over octets that come a second time.
func (s *stream) over(b []byte) int {
	again := min(s.again, int64(len(b)))
	s.again -= again
	return copy(b, b[again:])
}

// broken ends a connection; another one may go on.
func (s *stream) broken(err error) {
	s.hang()
	if s.at-s.from >= Step {
		s.from, s.failed = s.at, 0
	}
	if s.failed++; s.failed > s.Tries || s.ctx.Err() != nil {
		s.final = fmt.Errorf("%s: after %d octets: %w", s.url, s.at, cmp.Or(context.Cause(s.ctx), err))
	}
}

// connect asks for the rest, again if that does not work. Its error is final.
func (s *stream) connect() error {
	for s.final == nil {
		err := s.ask()
		var final errFinal
		switch {
		case err == nil:
			return nil
		case errors.As(err, &final):
			s.hang()
			return fmt.Errorf("%s: %w", s.url, final.error)
		}
		s.broken(err)
		if s.final != nil {
			break
		}
		select {
		case <-s.ctx.Done():
		case <-time.After(pause(s.failed)):
		}
	}
	return s.final
}

// pause is how long the n-th failure waits for the next try.
func pause(n int) time.Duration { return min(time.Second<<min(n-1, 5), 30*time.Second) }

// ask makes one request, for what has not been read yet.
func (s *stream) ask() error {
	ctx, stop := context.WithCancelCause(s.ctx)
	s.stop = func() { stop(context.Canceled) }
	s.alarm = time.AfterFunc(s.Stall, func() { stop(errStall) })
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return errFinal{bare(err)}
	}
	req.Header.Set("Accept-Encoding", "identity") // ranges are of what is sent
	if s.at > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", s.at))
		if s.tag != "" {
			req.Header.Set("If-Range", s.tag)
		}
	}
	res, err := cmp.Or(s.Client, http.DefaultClient).Do(req)
	if err != nil {
		return cmp.Or(stalled(ctx), bare(err))
	}
	s.again = 0
	if err := s.answer(res); err != nil {
		res.Body.Close()
		return err
	}
	s.body = &watched{res.Body, ctx}
	return nil
}

// bare is an error without the URL, which is said once.
func bare(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// answer looks whether a response brings what is missing.
func (s *stream) answer(res *http.Response) error {
	tag := validator(res.Header)
	switch {
	case res.StatusCode == http.StatusPartialContent && s.at > 0:
		return s.partial(res.Header)
	case res.StatusCode == http.StatusOK && s.at == 0:
		s.tag = tag
		return nil
	case res.StatusCode == http.StatusOK && tag != s.tag:
		return s.changed()
	case res.StatusCode == http.StatusOK: // the server knows no ranges; hashes will tell if it is another
		s.again = s.at
		return nil
	case res.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return errFinal{fmt.Errorf("it has become shorter than the %d octets that were read: fetch it again", s.at)}
	case res.StatusCode/100 == 4 && res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusRequestTimeout:
		return errFinal{errors.New(res.Status)}
	}
	return errors.New(res.Status)
}

// partial looks whether a part is the one that was asked for.
func (s *stream) partial(h http.Header) error {
	begin, _, _ := strings.Cut(strings.TrimPrefix(h.Get("Content-Range"), "bytes "), "-")
	if n, err := strconv.ParseInt(begin, 10, 64); err != nil || n != s.at {
		return errFinal{fmt.Errorf("want the octets from %d on, got %q: the server is wrong about ranges", s.at, h.Get("Content-Range"))}
	}
	if tag := validator(h); tag != "" && tag != s.tag {
		return s.changed()
	}
	return nil
}

func (s *stream) changed() error {
	return errFinal{fmt.Errorf("it has changed after %d octets were read: fetch it again", s.at)}
}

// validator is what If-Range takes: a strong ETag, or a date (RFC 9110, 13.1.5).
func validator(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return h.Get("Last-Modified")
}

// hang ends the connection.
func (s *stream) hang() {
	if s.body != nil {
		s.body.Close()
		s.body = nil
	}
	if s.stop != nil {
		s.alarm.Stop()
		s.stop()
	}
}

// Close ends the stream.
func (s *stream) Close() error {
	s.hang()
	s.final = cmp.Or(s.final, os.ErrClosed)
	return nil
}

// watched tells of a connection that has stalled as such.
type watched struct {
	io.ReadCloser
	ctx context.Context
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = cmp.Or(stalled(w.ctx), err)
	}
	return n, err
}

// stalled is errStall if that is why a context ended, and nil if not.
func stalled(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errStall) {
		return errStall
	}
	return nil
}

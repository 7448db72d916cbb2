package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// server is a web server without a network.
type server struct {
	content  []byte
	ranges   bool
	tag      string
	breaks   []int       // how much each connection brings; those behind bring all
	stalls   bool        // connections do not break, but bring nothing any more
	on       func(n int) // before the n-th request is answered
	requests int
	status   map[int]int // of requests that get another one
}

var errBroken = errors.New("connection reset by peer")

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	n := s.requests
	s.requests++
	if s.on != nil {
		s.on(n)
	}
	w := httptest.NewRecorder()
	if s.tag != "" {
		w.Header().Set("ETag", s.tag)
	}
	switch other, ok := s.status[n]; {
	case ok:
		w.WriteHeader(other)
	case s.ranges:
		http.ServeContent(w, req, "x", time.Time{}, bytes.NewReader(s.content))
	default:
		w.Write(s.content)
	}
	res := w.Result()
	body := w.Body.Bytes()
	var in io.Reader = bytes.NewReader(body)
	if n < len(s.breaks) {
		in = io.MultiReader(bytes.NewReader(body[:min(s.breaks[n], len(body))]), &end{req.Context(), s.stalls})
	}
	res.Body = io.NopCloser(in)
	return res, nil
}

// end is how a connection ends before its time.
type end struct {
	ctx    context.Context
	stalls bool
}

func (e *end) Read([]byte) (int, error) {
	if e.stalls {
		<-e.ctx.Done()
		return 0, e.ctx.Err()
	}
	return 0, errBroken
}

func content() []byte {
	b := make([]byte, 5<<20)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// fetch reads all of a server's content in a bubble, and says how long that took.
func fetch(t *testing.T, s *server) (b []byte, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		f := Fetcher{Client: &http.Client{Transport: s}, Tries: 3, Stall: time.Minute}
		var in io.ReadCloser
		if in, err = f.Open(t.Context(), "http://x/bundle"); err == nil {
			b, err = io.ReadAll(in)
			in.Close()
		}
		took = time.Since(begin)
	})
	return b, took, err
}

func TestResume(t *testing.T) {
	all := content()
	for name, s := range map[string]*server{
		"in one":                          {ranges: true, tag: `"1"`},
		"broken":                          {ranges: true, tag: `"1"`, breaks: []int{2 << 20, 100, 0}},
		"without a tag":                   {ranges: true, breaks: []int{2 << 20, 100, 0}},
		"without ranges":                  {tag: `"1"`, breaks: []int{2 << 20, 3 << 20, 4 << 20}},
		"without both":                    {breaks: []int{2 << 20, 3 << 20, 4 << 20}},
		"often, but it comes on":          {ranges: true, tag: `"1"`, breaks: []int{1 << 20, 10, 1 << 20, 10, 1 << 20, 10, 1 << 20}},
		"the server is restarted":         {ranges: true, tag: `"1"`, breaks: []int{1 << 20}, status: map[int]int{1: 503, 2: 429}},
		"the server is not there at once": {ranges: true, tag: `"1"`, status: map[int]int{0: 502}},
		"stalled":                         {ranges: true, tag: `"1"`, breaks: []int{2 << 20, 100}, stalls: true},
	} {
		s.content = all
		if b, took, err := fetch(t, s); err != nil || !bytes.Equal(b, all) || took > 3*time.Minute {
			t.Errorf("%s: %d octets in %v, %v", name, len(b), took, err)
		}
	}
}

func TestGivesUp(t *testing.T) {
	all := content()
	for name, c := range map[string]struct {
		s    *server
		want string
	}{
		"no such file":  {&server{status: map[int]int{0: 404}}, "http://x/bundle: 404 Not Found"},
		"never there":   {&server{status: map[int]int{0: 500, 1: 500, 2: 500, 3: 500}}, "http://x/bundle: after 0 octets: 500 Internal Server Error"},
		"by drops":      {&server{ranges: true, breaks: []int{100, 100, 100, 100, 100}}, "http://x/bundle: after 400 octets: connection reset by peer"},
		"always stalls": {&server{ranges: true, breaks: []int{100, 100, 100, 100, 100}, stalls: true}, "http://x/bundle: after 400 octets: it brings nothing any more"},
		"shorter":       {&server{ranges: true, breaks: []int{100}, status: map[int]int{1: 416}}, "http://x/bundle: it has become shorter than the 100 octets that were read: fetch it again"},
		"no range":      {&server{breaks: []int{100}, status: map[int]int{1: 206}}, `http://x/bundle: want the octets from 100 on, got "": the server is wrong about ranges`},
	} {
		c.s.content = all
		if _, _, err := fetch(t, c.s); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestChanged: what is another content meanwhile is not added to the first one.
func TestChanged(t *testing.T) {
	for _, ranges := range []bool{true, false} {
		s := &server{content: content(), ranges: ranges, tag: `"1"`, breaks: []int{100}}
		s.on = func(n int) {
			if n == 1 {
				s.tag = `"2"`
			}
		}
		if _, _, err := fetch(t, s); err == nil || err.Error() != "http://x/bundle: it has changed after 100 octets were read: fetch it again" {
			t.Error(err)
		}
	}
}

// TestSlowReader: whoever reads may take his time.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{content: content()}
		in, err := Fetcher{Client: &http.Client{Transport: s}, Stall: time.Minute}.Open(t.Context(), "http://x/bundle")
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := io.ReadFull(in, make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		if in.Close(); s.requests != 1 {
			t.Errorf("%d requests", s.requests)
		}
		if _, err := in.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s := &server{content: content(), breaks: []int{100, 100}, on: func(n int) {
			if n == 1 {
				stop()
			}
		}}
		in, err := Fetcher{Client: &http.Client{Transport: s}, Tries: 3, Stall: time.Minute}.Open(ctx, "http://x/bundle")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(in); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		in.Close()
	})
}

func TestFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.bundle")
	if err := os.WriteFile(name, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := Default.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, ok := in.(io.Seeker); !ok {
		t.Error("a file can't be read twice")
	}
	if _, err := Default.Open(t.Context(), name+"x"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Default.Open(t.Context(), "http://[x/"); err == nil || strings.Count(err.Error(), "http://[x/") != 1 {
		t.Error(err)
	}
}

// TestInput is a pipe that ends, one that nobody fills any more, and one that nobody
// waits for any more.
func TestInput(t *testing.T) {
	pipe := func() (in *input, out *os.File) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close(); w.Close() })
		return Fetcher{Stall: time.Hour}.input(t.Context(), r).(*input), w
	}
	in, out := pipe()
	want := bytes.Repeat([]byte("bundle"), 50000)
	go func(w *os.File) { w.Write(want); w.Close() }(out)
	if got, err := io.ReadAll(in); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d octets, %v", len(got), err)
	}
	if n, err := in.Read(make([]byte, 9)); n != 0 || err != io.EOF {
		t.Error(n, err)
	}
	in, _ = pipe()
	in.stall = time.Millisecond
	if _, err := in.Read(make([]byte, 9)); err != errStall {
		t.Error(err)
	}
	in, out = pipe()
	ctx, cancel := context.WithCancelCause(t.Context())
	in.ctx = ctx
	out.Write([]byte("x"))
	if n, err := in.Read(make([]byte, 9)); n != 1 || err != nil {
		t.Error(n, err)
	}
	cancel(errPatience)
	if _, err := in.Read(make([]byte, 9)); err != errPatience {
		t.Error(err)
	}
	file, err := os.Open("source.go")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, ok := (Fetcher{}).input(t.Context(), file).(io.Seeker); !ok {
		t.Error("a file can't be read twice")
	}
}

var errPatience = errors.New("nobody waits any more")

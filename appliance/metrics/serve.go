package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/netutil"
)

// Limits of who asks.
const (
	patience = 10 * time.Second
	idle     = 3 * time.Minute // longer than Prometheus waits between scrapes
	atOnce   = 4               // scrapes
	header   = 8192            // octets
	conns    = 32              // connections: descriptors are those of sessions and checks, too
)

// again is how long a listener that could not be had is waited for: its address
// may come later.
const again = 5 * time.Second

// Server answers Prometheus at the place that was said last.
type Server struct {
	log     *slog.Logger
	handler http.Handler
	take    func(path string) (net.Listener, error) // of a unix socket
	want    chan string
}

// NewServer makes a server of a collector. take listens on a unix socket.
func NewServer(log *slog.Logger, c *Collector, take func(path string) (net.Listener, error)) *Server {
	r := prometheus.NewRegistry()
	r.MustRegister(c, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: atOnce, Timeout: patience, ErrorHandling: promhttp.ContinueOnError}))
	return &Server{log: log, handler: mux, take: take, want: make(chan string, 1)}
}

// Want says where to answer: the path of a unix socket, an address and port, or
// "" for nowhere. It does not wait.
func (s *Server) Want(where string) {
	for {
		select {
		case s.want <- where:
			return
		case <-s.want: // nobody has looked at it yet
		}
	}
}

// Run answers until the context ends.
func (s *Server) Run(ctx context.Context) error {
	where := ""
	for ctx.Err() == nil {
		inner, cancel := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() { s.serve(inner, where); close(ended) }()
		next := where
		for next == where && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case next = <-s.want:
			}
		}
		cancel()
		<-ended
		where = next
	}
	return nil
}

// serve answers at one place, as soon as it can be had.
func (s *Server) serve(ctx context.Context, where string) {
	told := false
	for where != "" && ctx.Err() == nil {
		l, err := s.listen(where)
		if err == nil {
			err = s.answer(ctx, l)
			told = false
		}
		if ctx.Err() != nil {
			return
		}
		if !told {
			s.log.Warn("metrics", "at", where, "error", err)
			told = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

func (s *Server) listen(where string) (net.Listener, error) {
	take := s.take
	if !strings.HasPrefix(where, "/") {
		take = func(where string) (net.Listener, error) { return net.Listen("tcp", where) }
	}
	l, err := take(where)
	if err != nil {
		return nil, err
	}
	return netutil.LimitListener(l, conns), nil
}

func (s *Server) answer(ctx context.Context, l net.Listener) error {
	h := &http.Server{Handler: s.handler, ReadTimeout: patience, WriteTimeout: 2 * patience, IdleTimeout: idle, MaxHeaderBytes: header,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	defer context.AfterFunc(ctx, func() { h.Close() })()
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

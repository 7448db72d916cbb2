package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func serve(t *testing.T, path string) {
	t.Helper()
	s, err := Listen(path, map[string]Handler{
		"echo": func(_ context.Context, arg string) (any, error) { return arg, nil },
		"fail": func(context.Context, string) (any, error) { return nil, errors.New("it is broken") },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAskAndAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run", "c.sock")
	serve(t, path)
	var got string
	if err := Ask(path, Request{Do: "echo", Arg: "hello"}, &got); err != nil || got != "hello" {
		t.Errorf("echo: %q, %v", got, err)
	}
	for do, want := range map[string]string{"fail": "it is broken", "dance": `unknown request "dance"`} {
		if err := Ask(path, Request{Do: do}, nil); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", do, err, want)
		}
	}
}

func TestSecondDaemonIsToldWhoHoldsTheSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	serve(t, path)
	_, err := Listen(path, nil)
	if want := fmt.Sprintf("is held by process %d", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestStaleSocketIsReplacedAndAFileIsNot(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	serve(t, stale)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file, nil); err == nil {
		t.Error("a file was taken for a socket")
	}
	if b, _ := os.ReadFile(file); string(b) != "mine" {
		t.Error("the file is gone")
	}
}

func TestNobodyThere(t *testing.T) {
	err := Ask(filepath.Join(t.TempDir(), "none"), Request{Do: "echo"}, nil)
	if err == nil || !strings.Contains(err.Error(), "no daemon answers") {
		t.Error(err)
	}
}

func TestGarbageIsAnswered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	serve(t, path)
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintln(c, "\x00\xff not json")
	b := make([]byte, 200)
	n, _ := c.Read(b)
	if !strings.Contains(string(b[:n]), "request is not JSON") {
		t.Errorf("%s", b[:n])
	}
}

// TestServesOnAfterDescriptorsRanOut: there are more later.
func TestServesOnAfterDescriptorsRanOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	serve(t, path)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(fd) + 1, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	err = errors.Join(unix.Connect(fd, &unix.SockaddrUnix{Name: path}), unix.Setrlimit(unix.RLIMIT_NOFILE, &was))
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := Ask(path, Request{Do: "echo", Arg: "x"}, &got); got != "x" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestABusyDaemonKeepsItsSocket: one whose queue of connections is full is no dead
// one.
func TestABusyDaemonKeepsItsSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for {
		c, err := net.Dial("unix", path)
		if err != nil {
			break // it is full
		}
		defer c.Close()
	}
	if l, err := Take("control socket", path); err == nil {
		l.Close()
		t.Error("the socket of a process that lives was taken")
	}
}

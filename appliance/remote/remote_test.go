package remote

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAddress(t *testing.T) {
	for _, c := range [][3]string{
		{"", "/run/x.sock", "/run/x.sock"}, {"root@box", "/run/x.sock", "ssh://root@box/run/x.sock"}, {"box", "", "ssh://box"}, {"[2001:db8::1]", "/x", "ssh://[2001:db8::1]/x"},
	} {
		got := Address(c[0], c[1])
		if host, path := Split(got); got != c[2] || host != c[0] || path != c[1] {
			t.Errorf("%v: %s, %s, %s", c, got, host, path)
		}
	}
}

// TestCommand: what stands in an argument is no word of the shell's, and a host
// no option.
func TestCommand(t *testing.T) {
	args := []string{"logs", "a b", "it's", "$(reboot)", "", "--since=-1h", "x;y", "*"}
	c := Command("-oProxyCommand=x", []string{"-T"}, args...)
	if got := c.Args[1:4]; strings.Join(got, " ") != "-T -- -oProxyCommand=x" {
		t.Error(got)
	}
	out, err := exec.Command("sh", "-c", "for a; do printf '%s\\n' \"$a\"; done", "sh").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatal(err)
	}
	script := "set -- " + strings.Join(c.Args[5:], " ") + "\nfor a; do printf '%s|' \"$a\"; done"
	out, err = exec.Command("sh", "-c", script).CombinedOutput()
	if err != nil || string(out) != strings.Join(args, "|")+"|" {
		t.Errorf("%s: %v", out, err)
	}
}

// fakeSSH is an ssh whose other end is this machine: "holdfast bridge" is a
// script's function.
func fakeSSH(t *testing.T, script string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "ssh"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}

func TestDial(t *testing.T) {
	fakeSSH(t, `echo "$@"; exec cat`)
	c, err := Dial("ssh://root@box/run/a b", "control", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	want := "-T -- root@box holdfast bridge control '/run/a b'\nhello\n"
	n, err := io.ReadAtLeast(c, buf, len(want))
	if err != nil || string(buf[:n]) != want {
		t.Errorf("%q %v", buf[:n], err)
	}
}

func TestDialSaysWhatSSHSays(t *testing.T) {
	fakeSSH(t, `echo "Permission denied (publickey)." >&2; exit 255`)
	c, err := Dial("ssh://box", "control", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	if err == nil || err.Error() != "box: Permission denied (publickey)." {
		t.Error(err)
	}
}

// TestBridge: what comes in goes to the socket, its end as well, and back.
func TestBridge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		text, _ := io.ReadAll(c)
		_, _ = c.Write(bytes.ToUpper(text))
	}()
	var out bytes.Buffer
	if err := Bridge(path, strings.NewReader("hello"), &out); err != nil || out.String() != "HELLO" {
		t.Errorf("%q %v", &out, err)
	}
	if err := Bridge(path+".absent", strings.NewReader(""), &out); err == nil || !strings.HasPrefix(err.Error(), "no daemon answers on ") {
		t.Error(err)
	}
}

package sim

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"holdfast/watchdog"
)

// patience bounds each request: the simulator is a process on this machine.
const patience = 2 * time.Second

// client is the daemon's side of the socket.
type client struct {
	mu   sync.Mutex
	conn net.Conn
	in   *bufio.Reader
	info watchdog.Info
}

// Dial opens the simulated watchdog that listens at path, which arms it.
func Dial(path string) (watchdog.Device, error) {
	c, err := net.DialTimeout("unix", path, patience)
	if err != nil {
		return nil, fmt.Errorf("open simulated watchdog %s: %w", path, errors.Unwrap(err))
	}
	d := &client{conn: c, in: bufio.NewReader(c), info: watchdog.Info{Path: "sim:" + path, Identity: identity, MagicClose: true, Simulated: true}}
	answer, err := d.ask("open")
	if err == nil {
		err = d.opened(answer)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("open simulated watchdog %s: %w", path, err)
	}
	return d, nil
}

func (d *client) opened(answer string) error {
	var pid int
	if _, err := fmt.Sscanf(answer, "busy %d", &pid); err == nil {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		return fmt.Errorf("device or resource busy: held by process %d (%s)", pid, strings.TrimSpace(string(comm)))
	}
	var timeout string
	if _, err := fmt.Sscanf(answer, "ok %s %t %t", &timeout, &d.info.CausedReset, &d.info.NoWayOut); err != nil {
		return fmt.Errorf("unexpected answer %q", answer)
	}
	t, err := time.ParseDuration(timeout)
	d.info.Timeout = t
	return err
}

// ask sends a line and gives the answer.
func (d *client) ask(line string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(d.conn, line); err != nil {
		return "", err
	}
	answer, err := d.in.ReadString('\n')
	answer = strings.TrimSpace(answer)
	if text, bad := strings.CutPrefix(answer, "error "); bad {
		return "", errors.New(text)
	}
	return answer, err
}

func (d *client) Info() watchdog.Info {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.info
}

func (d *client) Feed() error {
	if _, err := d.ask("feed"); err != nil {
		return fmt.Errorf("feed %s: %w", d.info.Path, err)
	}
	return nil
}

func (d *client) SetTimeout(t time.Duration) (time.Duration, error) {
	answer, err := d.ask("timeout " + t.String())
	if err != nil {
		return 0, err
	}
	got, err := time.ParseDuration(strings.TrimPrefix(answer, "ok "))
	d.mu.Lock()
	d.info.Timeout = got
	d.mu.Unlock()
	return got, err
}

func (d *client) SetPretimeout(time.Duration) (time.Duration, error) {
	return 0, errors.New("the simulated watchdog has no pretimeout")
}

func (d *client) Close() error { return d.conn.Close() }

func (d *client) Disarm() error {
	defer d.conn.Close()
	if d.info.NoWayOut {
		return fmt.Errorf("%s stays armed: nowayout", d.info.Path)
	}
	_, err := d.ask("magic")
	return err
}

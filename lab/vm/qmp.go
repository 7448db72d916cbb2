package vm

import (
	"bufio"
	"encoding/json"
	"net"
	"sync"
	"time"

	"holdfast/lab"
)

// qmp is the emulator's monitor: it tells of resets and watchdogs.
type qmp struct {
	conn   net.Conn
	mu     sync.Mutex
	events []Event
}

// Event is one of QEMU's: WATCHDOG, RESET, SHUTDOWN, …
type Event struct {
	Event string
	Data  struct{ Action, Reason string }
}

// monitor connects, and collects events until the machine is turned off.
func (m *Machine) monitor() *qmp {
	m.Helper()
	q := &qmp{}
	lab.Poll(patience, func() bool {
		c, err := net.Dial("unix", m.base+".qmp")
		q.conn = c
		return err == nil
	})
	if q.conn == nil {
		m.Fatalf("vm: the emulator does not start:\n%s", lab.Tail(m.base+".log", 20))
	}
	if _, err := q.conn.Write([]byte(`{"execute":"qmp_capabilities"}` + "\n")); err != nil {
		m.Fatalf("vm: %v", err)
	}
	go func() {
		for lines := bufio.NewScanner(q.conn); lines.Scan(); {
			var e Event
			if json.Unmarshal(lines.Bytes(), &e) == nil && e.Event != "" {
				q.mu.Lock()
				q.events = append(q.events, e)
				q.mu.Unlock()
			}
		}
	}()
	return q
}

func (q *qmp) close() { q.conn.Close() }

// Events are those of one name since the machine was turned on.
func (m *Machine) Events(name string) (list []Event) {
	m.qmp.mu.Lock()
	defer m.qmp.mu.Unlock()
	for _, e := range m.qmp.events {
		if e.Event == name {
			list = append(list, e)
		}
	}
	return list
}

// Execute has the emulator do something, such as system_reset or stop.
func (m *Machine) Execute(command string) {
	m.Helper()
	m.qmp.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := m.qmp.conn.Write([]byte(`{"execute":"` + command + `"}` + "\n")); err != nil {
		m.Fatalf("vm: %s: %v", command, err)
	}
}

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
	errors []string
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
			q.hear(lines.Bytes())
		}
	}()
	return q
}

func (q *qmp) hear(line []byte) {
	var said struct {
		Event
		Error struct{ Desc string }
	}
	if json.Unmarshal(line, &said) != nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if said.Event.Event != "" {
		q.events = append(q.events, said.Event)
	}
	if said.Error.Desc != "" {
		q.errors = append(q.errors, said.Error.Desc)
	}
}

// refused is what the emulator would not do.
func (q *qmp) refused() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.errors
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

// Execute has the emulator do something, such as system_reset or stop; arguments
// are an object, if there are some.
func (m *Machine) Execute(command string, arguments ...any) {
	m.Helper()
	said := map[string]any{"execute": command}
	for _, a := range arguments {
		said["arguments"] = a
	}
	text, err := json.Marshal(said)
	if err != nil {
		m.Fatalf("vm: %s: %v", command, err)
	}
	m.qmp.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := m.qmp.conn.Write(append(text, '\n')); err != nil {
		m.Fatalf("vm: %s: %v", command, err)
	}
}

// USB is the arguments of a machine into which sticks can be plugged.
var USB = []string{"-device", "qemu-xhci,id=usb"}

// Plug plugs an image in as a stick, while the machine runs.
func (m *Machine) Plug(image string) {
	m.Helper()
	type object map[string]any
	m.Execute("blockdev-add", object{"driver": "raw", "node-name": "stick", "file": object{"driver": "file", "filename": image}})
	m.Execute("device_add", object{"driver": "usb-storage", "id": "stick", "drive": "stick", "bus": "usb.0", "removable": true})
}

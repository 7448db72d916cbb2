// Package chronicle is what has happened on this box, in a ring that survives a
// reboot and a power cut.
package chronicle

import "time"

// Entry is one thing that happened.
type Entry struct {
	At     time.Time         `json:"at"`
	Boot   string            `json:"boot,omitempty"` // the kernel's id of the boot in which it happened
	Kind   string            `json:"kind"`           // "gate", "session", "configuration", "drain", "watchdog", "start", "stop", …
	Object string            `json:"object,omitempty"`
	Text   string            `json:"text"`             // "closed: link eth1 is down"
	Fields map[string]string `json:"fields,omitempty"` // of the object concerned
}

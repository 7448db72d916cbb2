package systemd

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"
)

// Journal is a handler of slog that gives each line to journald with a field for
// each attribute: "neighbor" is NEIGHBOR. Its MESSAGE has them too, for people.
type Journal struct {
	Level slog.Leveler
	// IDs are MESSAGE_ID of lines whose message is the key: 128 bits in hex, as
	// "journalctl --new-id128" makes them.
	IDs map[string]string
	// Send hands a line over; it is journald's if it is nil. It is called on the
	// goroutine that logs.
	Send func(message string, p journal.Priority, fields map[string]string)

	fields map[string]string // of With
	text   []byte            // the same, for people
	group  string            // what stands before names
}

// ToJournal says whether what a process writes to standard error comes to the
// journal: then it may as well come there in fields.
func ToJournal() bool {
	is, err := journal.StderrIsJournalStream()
	return err == nil && is && journal.Enabled()
}

// SendJournal is what Journal.Send does if nobody says otherwise. It may wait for
// journald.
func SendJournal(message string, p journal.Priority, fields map[string]string) {
	_ = journal.Send(message, p, fields) // nobody is left to be told
}

// Enabled is slog.Handler's.
func (j *Journal) Enabled(_ context.Context, l slog.Level) bool {
	least := slog.LevelInfo
	if j.Level != nil {
		least = j.Level.Level()
	}
	return l >= least
}

// WithAttrs is slog.Handler's.
func (j *Journal) WithAttrs(as []slog.Attr) slog.Handler {
	n := *j
	n.fields = maps.Clone(j.fields)
	if n.fields == nil {
		n.fields = map[string]string{}
	}
	n.text = bytes.Clone(j.text)
	for _, a := range as {
		n.text = add(n.text, n.fields, j.group, a)
	}
	return &n
}

// WithGroup is slog.Handler's.
func (j *Journal) WithGroup(name string) slog.Handler {
	n := *j
	if name != "" {
		n.group += name + "_"
	}
	return &n
}

// Handle is slog.Handler's.
func (j *Journal) Handle(_ context.Context, r slog.Record) error {
	fields := maps.Clone(j.fields)
	if fields == nil {
		fields = make(map[string]string, r.NumAttrs()+1)
	}
	text := append([]byte(r.Message), j.text...)
	r.Attrs(func(a slog.Attr) bool {
		text = add(text, fields, j.group, a)
		return true
	})
	if id := j.IDs[r.Message]; id != "" {
		fields["MESSAGE_ID"] = id
	}
	send := j.Send
	if send == nil {
		send = SendJournal
	}
	send(string(text), priority(r.Level), fields)
	return nil
}

// add adds an attribute to the text, and a field of it.
func add(text []byte, fields map[string]string, group string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "_"
		}
		for _, inner := range v.Group() {
			text = add(text, fields, group, inner)
		}
		return text
	}
	if a.Key == "" {
		return text
	}
	s := v.String()
	if name := fieldName(group + a.Key); name != "" {
		fields[name] = s
	}
	if s == "" || strings.ContainsAny(s, " =\"\n\t") {
		return fmt.Appendf(text, " %s%s=%q", group, a.Key, s)
	}
	return fmt.Appendf(text, " %s%s=%s", group, a.Key, s)
}

// reserved are fields that journald or we give a meaning of their own.
const reserved = " MESSAGE MESSAGE_ID PRIORITY CODE_FILE CODE_LINE CODE_FUNC ERRNO SYSLOG_IDENTIFIER SYSLOG_FACILITY SYSLOG_PID "

// fieldName is the name of a field, "" if there is none: systemd.journal-fields(7)
// has letters, digits and underscores, no underscore or digit first, and at most
// 64 of them.
func fieldName(key string) string {
	name := strings.TrimLeft(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, key), "_0123456789")
	if len(name) > 64 {
		name = name[:64]
	}
	if strings.Contains(reserved, " "+name+" ") {
		return "" // MESSAGE has it
	}
	return name
}

func priority(l slog.Level) journal.Priority {
	switch {
	case l >= slog.LevelError:
		return journal.PriErr
	case l >= slog.LevelWarn:
		return journal.PriWarning
	case l >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}

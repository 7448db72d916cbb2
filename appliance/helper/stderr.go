package helper

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"time"
)

// What a helper may say on its standard error: lines beyond that in a second
// are counted and not logged, so that it can not fill a disk.
const (
	errLines = 20
	errLine  = 1024 // octets of a line that are shown
)

// meter lets a number of things through each second.
type meter struct {
	since  time.Time
	n      int
	hidden int
}

// pass says whether one more may pass, and, when a new second begins, how many
// did not in the one before.
func (m *meter) pass(now time.Time) (ok bool, hidden int) {
	if now.Sub(m.since) >= time.Second {
		hidden = m.hidden
		*m = meter{since: now}
	}
	if m.n == errLines {
		m.hidden++
		return false, hidden
	}
	m.n++
	return true, hidden
}

// tell logs the lines of a pipe until it ends.
func tell(in io.Reader, log *slog.Logger) {
	r := bufio.NewReaderSize(in, errLine)
	var m meter
	defer func() { report(log, m.hidden) }()
	for {
		line, rest, err := r.ReadLine()
		if err != nil {
			return
		}
		text := string(bytes.ToValidUTF8(line, []byte("?")))
		for rest && err == nil { // what does not fit is not shown
			_, rest, err = r.ReadLine()
		}
		ok, hidden := m.pass(time.Now())
		report(log, hidden)
		if ok {
			log.Warn("helper says", "text", text)
		}
	}
}

func report(log *slog.Logger, hidden int) {
	if hidden > 0 {
		log.Warn("helper said more than is shown", "lines", hidden)
	}
}

package logqueue

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAPipeThatNobodyReads does not hold up who logs; what did not fit is counted,
// and told once somebody reads.
func TestAPipeThatNobodyReads(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	q := New(func(n uint64) { fmt.Fprintf(w, "%d lines were dropped\n", n) })
	log := slog.New(slog.NewTextHandler(q.Writer(w), nil))
	const lines = 3 * queueLen
	for range lines {
		log.Info(strings.Repeat("x", 100)) // 64 KiB are in the pipe soon
	}
	if n := q.Dropped(); n == 0 || n > lines-queueLen {
		t.Errorf("%d of %d lines were dropped", n, lines)
	}
	told := make(chan int)
	go func() {
		n := 0
		for in := bufio.NewScanner(r); in.Scan(); n++ {
			var more int
			if _, err := fmt.Sscanf(in.Text(), "%d lines were dropped", &more); err == nil {
				n += more - 1
			}
		}
		told <- n
	}()
	if !q.Close(time.Minute) {
		t.Error("not all is written")
	}
	w.Close()
	if n := <-told; n != lines {
		t.Errorf("%d lines are accounted for, of %d", n, lines)
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, held := New(func(uint64) {}), make(chan bool)
		q.Put(func() { <-held })
		if q.Close(time.Second) {
			t.Error("written, while it was held")
		}
		close(held)
		if !q.Close(time.Second) {
			t.Error("not written")
		}
		q.Put(func() { t.Error("after the end") })
		synctest.Wait()
	})
}

func TestLinesStayWhatTheyWere(t *testing.T) {
	var out bytes.Buffer
	q := New(func(uint64) {})
	b := []byte("one\n")
	q.Writer(&out).Write(b)
	copy(b, "two\n")
	q.Writer(&out).Write(b)
	q.Close(time.Minute)
	if out.String() != "one\ntwo\n" {
		t.Error(out.String())
	}
}

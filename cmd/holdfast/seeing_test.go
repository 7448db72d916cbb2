package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"holdfast/appliance"
	"holdfast/appliance/chronicle"
	"holdfast/appliance/control"
	"holdfast/lab/golden"
)

// inUTC has times be printed so.
func inUTC(t *testing.T) {
	old := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = old })
}

// TestExplanations has the explanations of the daemon's examples in text.
func TestExplanations(t *testing.T) {
	inUTC(t)
	const file = "testdata/explain.txtar"
	var got txtar.Archive
	for _, f := range golden.Read(t, "../../appliance/testdata/explain.txtar").Files {
		var e appliance.Explanation
		if err := json.Unmarshal(f.Data, &e); err != nil {
			t.Fatal(f.Name, err)
		}
		var out bytes.Buffer
		printExplanation(&printer{out: &out}, e, time.Date(2026, 11, 24, 13, 0, 0, 0, time.UTC))
		got.Files = append(got.Files, txtar.File{Name: f.Name, Data: out.Bytes()})
	}
	golden.Is(t, file, string(txtar.Format(golden.Read(t, file))), string(txtar.Format(&got)))
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "2h": "2026-11-24T10:00:00Z", "90s": "2026-11-24T11:58:30Z", "3d": "2026-11-21T12:00:00Z",
		"2026-11-24": "2026-11-24T00:00:00Z", "2026-11-24 11:30": "2026-11-24T11:30:00Z", "2026-11-24T11:00:00+01:00": "2026-11-24T11:00:00+01:00",
		"yesterday": `--since: want a time like 2h or 2026-11-24T12:00:00Z, got "yesterday"`, "3days": `--since: want a time like 2h or 2026-11-24T12:00:00Z, got "3days"`,
	} {
		got, err := parseSince(in, now)
		if text := got.Format(time.RFC3339); err == nil && text != want || err != nil && strings.TrimSpace(err.Error()) != want {
			t.Errorf("%q: %s %v, want %s", in, text, err, want)
		}
	}
}

// TestHistoryOffline reads a file that no daemon writes.
func TestHistoryOffline(t *testing.T) {
	inUTC(t)
	path := recorded(t)
	for args, want := range map[string]string{
		"":                        "2026-11-24 12:00:00.000  start: one\n2026-11-24 12:00:01.000  gate dns: open\n2026-11-24 12:00:02.000  gate web: open\n",
		"-n 1":                    "2026-11-24 12:00:02.000  gate web: open\n",
		"--kind start,stop":       "2026-11-24 12:00:00.000  start: one\n",
		"--object dns --json":     `{"seq":2,"at":"2026-11-24T12:00:01Z","boot":"b","kind":"gate","object":"dns","text":"open"}` + "\n",
		"--since 2026-11-25 -n 4": "",
	} {
		var out, errs bytes.Buffer
		if code := run(append([]string{"history", "--file", path}, strings.Fields(args)...), &out, &errs); code != 0 || out.String() != want {
			t.Errorf("%s: %d %s\n%swant\n%s", args, code, errs.String(), out.String(), want)
		}
	}
	var out, errs bytes.Buffer
	if code := run([]string{"history", "--file", "/dev/null"}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "history /dev/null: want") {
		t.Error(code, errs.String())
	}
}

// TestHistoryOfNoKind is not an empty one.
func TestHistoryOfNoKind(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"history", "--kind", "gate,gates"}, &out, &errs); code != 2 || !strings.HasPrefix(errs.String(), `holdfast history: --kind: want one of start, stop, gate, `) || !strings.Contains(errs.String(), `got "gates"`) {
		t.Error(code, errs.String())
	}
	for _, k := range appliance.Kinds {
		if !strings.Contains(historyVerb.long, k) {
			t.Errorf("the help has no %s", k)
		}
	}
}

// TestHistoryFollows over an end of the daemon, which it tells of once.
func TestHistoryFollows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	var out, errs bytes.Buffer
	h := historian{call: newCall("history"), asked: asked{socket: &path, json: new(bool)}}
	h.out, h.err = &out, &errs
	happened := []chronicle.Entry{{Seq: 1, Kind: "start", Text: "one"}}
	serve := func() (end func()) {
		s, err := control.Listen(path, map[string]control.Handler{"history": func(_ context.Context, q string) (any, error) {
			var query chronicle.Query
			err := json.Unmarshal([]byte(q), &query)
			return query.Of(happened), err
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Serve(ctx) }()
		return func() { cancel(); <-ended }
	}
	every, ended := make(chan time.Time), make(chan bool)
	end := serve()
	go func() { h.follow(every); close(ended) }()
	every <- time.Now()
	every <- time.Now() // the first has been looked at
	end()
	every <- time.Now()
	every <- time.Now()
	happened = append(happened, chronicle.Entry{Seq: 2, Kind: "start", Text: "two"})
	end = serve()
	defer end()
	every <- time.Now()
	close(every)
	<-ended
	// What it is, a socket that is gone or one that nobody listens on yet, is told once.
	lines := strings.SplitAfter(errs.String(), "\n")
	if strings.Count(out.String(), "start: one\n") != 1 || strings.Count(out.String(), "start: two\n") != 1 ||
		!strings.Contains(errs.String(), "no daemon answers") || !slices.Equal(lines, slices.Compact(slices.Clone(lines))) {
		t.Errorf("%s\n%s", &out, &errs)
	}
}

func recorded(t *testing.T) string {
	t.Helper()
	path := fmt.Sprintf("%s/history", t.TempDir())
	writeHistory(t, path, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	return path
}

func writeHistory(t *testing.T, path string, at time.Time) {
	t.Helper()
	h, _, err := chronicle.Open(path, "b")
	if err != nil {
		t.Fatal(err)
	}
	h.Record(chronicle.Entry{At: at, Kind: "start", Text: "one"})
	h.Record(chronicle.Entry{At: at.Add(time.Second), Kind: "gate", Object: "dns", Text: "open"})
	h.Record(chronicle.Entry{At: at.Add(2 * time.Second), Kind: "gate", Object: "web", Text: "open"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"log/slog"
	"os"
	"strings"
	"time"

	sd "github.com/coreos/go-systemd/v22/journal"

	"holdfast/appliance/environ"
	"holdfast/appliance/logqueue"
	"holdfast/systemd"
)

// logPatience is how long a process that ends waits until its last lines are
// written.
const logPatience = time.Second

// messageIDs are those of the lines that somebody may want to find or to act on:
// journalctl MESSAGE_ID=….
var messageIDs = map[string]string{
	"gate":                        "8bb385e0c08d4ccbbf8e1a9ade9829f6",
	"session up":                  "62abaa69a31d4ad781acd1778f51ba7d",
	"session down":                "f6470e6717954123aa5470951582740d",
	"watchdog armed and fed":      "5996efb45b57427887e9d8a31968871a",
	"watchdog is not fed":         "ceaa1faea4f642788febf5f192520af4",
	"configuration kept":          "4b486104256744dda3c96cd72b07be1b",
	"configuration rolled back":   "43f74c952c3e47dfaa40b8ffd2aca061",
	"configuration reloaded":      "262f4c3b66114864ba411d9b74764b91",
	"reload: nothing was changed": "dd9a60bad8554adc9705f0df8d1f01cc",
	"stopping":                    "bc4f78827d2c4e489bafac45617eedb8",
}

// logger writes where standard error goes: to the journal in fields, and else
// text for people; HOLDFAST_LOG=json has it be JSON. Nobody waits for whoever
// reads it.
func logger(e *environ.Environment, verbose bool) (*slog.Logger, *logqueue.Queue) {
	o := &slog.HandlerOptions{Level: level(e)}
	if verbose || e.Bool("log.all") {
		o.Level = slog.LevelDebug
	}
	asJSON := strings.EqualFold(os.Getenv("HOLDFAST_LOG"), "json")
	// direct is the log without the queue, for what the queue itself has to say.
	var direct slog.Handler
	lines := logqueue.New(func(n uint64) { slog.New(direct).Warn("the log was not read fast enough", "lines dropped", n) })
	switch {
	case !e.Bool("log.enable"):
		direct = slog.DiscardHandler
		return slog.New(direct), lines
	case systemd.ToJournal() && !asJSON:
		direct = &systemd.Journal{Level: o.Level, IDs: messageIDs}
		return slog.New(&systemd.Journal{Level: o.Level, IDs: messageIDs, Send: func(message string, p sd.Priority, fields map[string]string) {
			lines.Put(func() { systemd.SendJournal(message, p, fields) })
		}}), lines
	case os.Getenv("JOURNAL_STREAM") != "":
		o.ReplaceAttr = withoutTime
	}
	if asJSON {
		direct = slog.NewJSONHandler(os.Stderr, o)
		return slog.New(slog.NewJSONHandler(lines.Writer(os.Stderr), o)), lines
	}
	direct = slog.NewTextHandler(os.Stderr, o)
	return slog.New(slog.NewTextHandler(lines.Writer(os.Stderr), o)), lines
}

// withoutTime leaves out the time, which the journal adds itself.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// level is ExaBGP's word for the least severity that is logged.
func level(e *environ.Environment) slog.Level {
	switch strings.ToUpper(e.Get("log.level")) {
	case "DEBUG":
		return slog.LevelDebug
	case "WARNING", "NOTICE":
		return slog.LevelWarn
	case "ERR", "ERROR", "CRITICAL", "ALERT", "EMERG":
		return slog.LevelError
	}
	return slog.LevelInfo
}

package main

import (
	"fmt"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/chronicle"
)

// printExplanation is the chain from conditions to neighbors, as it is now, what
// would change it, and how it came to be so.
func printExplanation(p *printer, e appliance.Explanation, now time.Time) {
	p.line("%s  %s", p.bold(e.Prefix), e.Verdict)
	for _, r := range e.Routes {
		p.line("")
		printExplained(p, r, now)
	}
	if len(e.History) > 0 {
		p.line("")
		p.line("last changes")
		printEntries(p, e.History, "  ")
	}
}

func printExplained(p *printer, r appliance.RouteStatus, now time.Time) {
	p.line("route     %s  (from the %s)", r.Text, r.Owner)
	switch {
	case r.Group != "":
		since := ""
		if !r.Since.IsZero() {
			since = " for " + age(r.Since, now)
		}
		p.line("gate      %s is %s%s%s", r.Group, gateState(p, r.On, r.Rung), since, because(r.Reason))
	case r.Rung != "":
		p.line("no gate   %s%s", gateState(p, r.On, r.Rung), because(r.Reason))
	}
	if r.Degraded != "" {
		p.line("told      with %s", r.Degraded)
	}
	printConditions(p, r.Conditions, "          ")
	if r.Suspect != "" {
		p.line("          %s", r.Suspect)
	}
	for _, t := range r.Peers {
		p.line("neighbor  %s  %s, session %s%s", t.Neighbor, p.good(t.Told == "announced", t.Told, t.Told), t.Session, receiptText(t.Receipt))
	}
	for i, s := range r.Next {
		word := "next      "
		if i > 0 {
			word = "          "
		}
		p.line("%s%s", word, s)
	}
}

// printEntries is a line for each thing that happened.
func printEntries(p *printer, es []chronicle.Entry, indent string) {
	for _, e := range es {
		p.line("%s%s  %s", indent, e.At.Local().Format(time.DateTime+".000"), entryText(e))
	}
}

// entryText is what happened, without its time.
func entryText(e chronicle.Entry) string {
	object := e.Kind
	if e.Object != "" {
		object += " " + e.Object
	}
	return plain(object + ": " + e.Text)
}

// receiptText is what a neighbor has acknowledged last, as a sentence's end.
func receiptText(r *appliance.ReceiptStatus) string {
	if r == nil {
		return ""
	}
	what := "degrade"
	if r.Withdrawn {
		what = "withdraw"
	}
	if r.Lost {
		return "; last " + what + " not acknowledged: the session ended before"
	}
	return fmt.Sprintf("; last %s acknowledged after %s", what, micro(r.Took))
}

// micro is a number of microseconds for people.
func micro(us int64) string { return (time.Duration(us) * time.Microsecond).String() }

package api

import (
	"fmt"
	"strings"
	"testing"
)

// say gives a line to a parser, in a batch of its own.
func say(t *testing.T, p *Parser, line string) *Batch {
	t.Helper()
	b := &Batch{From: "dns"}
	if !p.Line(b, []byte(line)) {
		t.Fatalf("%s: put back, from an empty batch", line)
	}
	return b
}

// TestPutBack: a line that can't share a batch leaves it as it was, and is taken
// by an empty one.
func TestPutBack(t *testing.T) {
	const route = "announce route 10.0.0.0/24 next-hop 1.1.1.1"
	for _, line := range []string{"status", "shutdown", "show neighbor json", "peer * routes list", route + " sync", "group start sync", "group end sync"} {
		p := Parser{}
		if strings.HasPrefix(line, "group end") {
			say(t, &p, "group start")
		}
		var b Batch
		p.Line(&b, []byte("version"))
		before := fmt.Sprint(b)
		if p.Line(&b, []byte(line)) {
			t.Errorf("%s: came behind another command", line)
		}
		if after := fmt.Sprint(b); after != before {
			t.Errorf("%s: the batch was %s, is %s", line, before, after)
		}
		if got := say(t, &p, line); got.Items != nil && got.Items[0].Err != nil {
			t.Errorf("%s: %v", line, got.Items[0].Err)
		}
	}
}

func TestNothingComesBehindWhatIsAlone(t *testing.T) {
	var p Parser
	var b Batch
	p.Line(&b, []byte("status"))
	if !b.Alone || p.Line(&b, []byte("# x")) || b.Commands != 1 {
		t.Errorf("alone %v, %d commands", b.Alone, b.Commands)
	}
	b.Reset()
	if b.Alone || !p.Line(&b, []byte("# x")) {
		t.Error("nothing comes after Reset")
	}
}

func TestSyncIsTheSessions(t *testing.T) {
	var p Parser
	const route = "announce route 10.0.0.0/24 next-hop 1.1.1.1"
	for ending, want := range map[string]bool{"": true, " sync": true, " async": false, " json": true} {
		b := Batch{Sync: true}
		if !p.Line(&b, []byte(route+ending)) || b.Sync != want {
			t.Errorf("%q: sync is %v", ending, b.Sync)
		}
	}
	b := Batch{Sync: true}
	if p.Line(&b, []byte(route)); !p.Line(&b, []byte(route+" sync")) || p.Line(&b, []byte(route+" async")) {
		t.Error("a batch takes what is not as it is, or not what is")
	}
}

// TestGroupIsOneBatch: a short way and a long one, in one command of the batch
// that ends it; memory of the group is nobody else's.
func TestGroupIsOneBatch(t *testing.T) {
	var p Parser
	lines := []string{"announce route 10.0.0.0/24 next-hop 1.1.1.1", "announce route 10.0.1.0/24 next-hop 1.1.1.1", "announce eor", "withdraw route 10.0.2.0/24"}
	say(t, &p, "group start")
	for _, l := range lines {
		if b := say(t, &p, l); len(b.Items) != 0 || b.Commands != 1 {
			t.Errorf("%s: %s", l, show(b))
		}
	}
	b := say(t, &p, "# before")
	p.Line(b, []byte("group end"))
	want := "1 announce 10.0.0.0/24 next-hop 1.1.1.1\n1 announce 10.0.1.0/24 next-hop 1.1.1.1\n1 eor ipv4 unicast\n1 withdraw 10.0.2.0/24\n1 says group processed: 2 announced, 1 withdrawn"
	if show(b) != want {
		t.Errorf("got %s", show(b))
	}
	say(t, &p, "group start")
	say(t, &p, "announce route 99.0.0.0/24 next-hop 1.1.1.1")
	if show(b) != want {
		t.Errorf("the next group changed it to %s", show(b))
	}
}

// TestGroupsAreBounded: a group with too much is dropped as a whole, and what
// belongs to it is refused until its end.
func TestGroupsAreBounded(t *testing.T) {
	long := "announce route 10.0.0.0/8 next-hop 1.1.1.1 split /24" // 65,536 routes
	for line, most := range map[string]int{"announce route 10.0.0.0/24 next-hop 1.1.1.1": groupCommands, long: 20} {
		var p Parser
		say(t, &p, "group start")
		n := 0
		for ; n <= most; n++ {
			if b := say(t, &p, line); len(b.Items) > 0 {
				break
			}
		}
		if n > most || most == groupCommands && n < most {
			t.Errorf("%s: %d are held", line, n)
		}
		if len(p.group.Items) > 0 {
			t.Errorf("%s: %d items are kept", line, len(p.group.Items))
		}
		for _, l := range []string{line, "peer * announce watchdog x", "group end"} {
			if b := say(t, &p, l); len(b.Items) != 1 || !strings.Contains(fmt.Sprint(b.Items[0].Err), "the group is dropped") {
				t.Errorf("%s after %s: %s", l, line, show(b))
			}
		}
		if b := say(t, &p, "announce eor"); show(b) != "0 eor ipv4 unicast" {
			t.Errorf("after the group: %s", show(b))
		}
	}
}

// TestGroupAllocatesLittle: the short way works in a group too.
func TestGroupAllocatesLittle(t *testing.T) {
	var p Parser
	var b Batch
	ls := lines(300, "announce route 10.%d.%d.%d/32 next-hop 10.99.0.1")
	parseAll(&p, &b, ls)
	got := testing.AllocsPerRun(10, func() {
		b.Reset()
		p.Line(&b, []byte("group start"))
		b.Reset()
		for _, l := range ls {
			p.Line(&b, l)
		}
		p.Line(&b, []byte("group end"))
	})
	if got > 100 {
		t.Errorf("%v allocations for %d lines", got, len(ls))
	}
}

func TestBigBatchesGiveMemoryBack(t *testing.T) {
	var p Parser
	b := say(t, &p, "announce route 10.0.0.0/8 next-hop 1.1.1.1 split /24")
	if b.Reset(); cap(b.Items) != 0 {
		t.Errorf("room for %d items is kept", cap(b.Items))
	}
}

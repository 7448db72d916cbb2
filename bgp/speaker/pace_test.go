package speaker

import (
	"strings"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	var p pace
	now := time.Unix(1000, 0)
	took := func(n int) (got int, again time.Time) {
		for range n {
			ok, at := p.take(now, 3)
			if !ok {
				return got, at
			}
			got++
		}
		return got, time.Time{}
	}
	if n, again := took(10); n != 3 || !again.Equal(now.Add(time.Second)) {
		t.Errorf("in the first second %d, again at %s", n, again)
	}
	now = now.Add(999 * time.Millisecond)
	if n, _ := took(10); n != 0 {
		t.Errorf("%d more in the same second", n)
	}
	now = now.Add(time.Millisecond)
	if n, _ := took(2); n != 2 {
		t.Errorf("in the next second %d", n)
	}
	p.back()
	if n, _ := took(10); n != 2 {
		t.Errorf("%d of the two that were left", n)
	}
}

// TestRateLimit: announcements wait for their second, a withdraw for nothing.
func TestRateLimit(t *testing.T) {
	r := newRig(t)
	const gone = "route 10.0.0.1/32 next-hop self; "
	text, l := r.neighbor(2, "rate-limit 1; group-updates false; family { ipv4 unicast; } static { "+gone+"route 10.0.0.2/32 next-hop self; }")
	r.apply(text)
	var paced *peer
	r.do(func() {
		paced = r.s.order[0]
		paced.pace = pace{left: 1, until: r.loop.Now().Add(time.Hour)}
	})
	p := r.meet(l)
	p.expect("+10.0.0.1")
	r.apply(strings.Replace(text, gone, "", 1))
	p.expect("-10.0.0.1")
	r.do(func() {
		paced.pace = pace{}
		paced.live.conn.Wake()
	})
	p.expect("+10.0.0.2")
}

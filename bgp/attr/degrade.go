package attr

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
)

// Degrade is what makes routes less wanted while they stay announced. Its zero
// value leaves them as they are. Two are the same if they are ==.
type Degrade struct {
	// SetMED says that MULTI_EXIT_DISC is MED, in place of the route's own.
	SetMED bool
	MED    uint32
	// Prepend is how often the own AS number stands in AS_PATH beside what the
	// route and the session want, 0 to 255. Inside an AS it has no effect.
	Prepend uint8
	// Communities are COMMUNITY values of four octets each, in order, which a
	// route gets beside its own (RFC 1997).
	Communities string
	// Graceful adds GRACEFUL_SHUTDOWN, 65535:0 (RFC 8326 section 3), and is
	// LOCAL_PREF 0 inside an AS (section 4.2).
	Graceful bool
}

// gracefulShutdown is the well-known community of RFC 8326.
const gracefulShutdown = "\xff\xff\x00\x00"

// Degraded is the set as a peer is to be told of it. What the operator wrote
// stays as it is but for what d says: n own AS numbers more stand before an
// AS_PATH that is sent as written. A list that no attribute can hold is left as
// it is.
func (s Set) Degraded(d *Degrade, e *Export) Set {
	if *d == (Degrade{}) {
		return s
	}
	w := rewriter{rest: s.canon, out: make([]byte, 0, len(s.canon)+d.room())}
	if d.Prepend > 0 && e.EBGP {
		w.begin(ASPath, Transitive)
		w.end(appendPrepended(w.out, int(d.Prepend), w.own, w.there, e))
	}
	if d.SetMED {
		w.begin(MED, Optional)
		w.end(binary.BigEndian.AppendUint32(w.out, d.MED))
	}
	if d.Graceful && !e.EBGP {
		w.begin(LocalPref, Transitive)
		w.end(append(w.out, 0, 0, 0, 0))
	}
	if d.Graceful || d.Communities != "" {
		w.begin(Community, Optional|Transitive)
		w.end(d.appendJoined(w.out, w.own))
	}
	return Set{canon: string(append(w.out, w.rest...))}
}

// room bounds the octets that a set grows by.
func (d *Degrade) room() int { return 4*header + 4*int(d.Prepend) + 24 + len(d.Communities) }

// rewriter copies a set and rewrites some of its attributes, in the order of
// their codes.
type rewriter struct {
	rest  string // not copied yet
	out   []byte
	at    int    // where the attribute begins in out that is being written
	own   string // the value that it had
	there bool
}

// begin copies what comes before an attribute, and begins it, with the flags that
// it had. Its value is appended to out.
func (w *rewriter) begin(code, flags uint8) {
	w.own, w.there = "", false
	for len(w.rest) >= header && w.rest[0] <= code {
		n := header + int(w.rest[2])<<8 + int(w.rest[3])
		if w.rest[0] == code {
			flags, w.own, w.there = w.rest[1], w.rest[header:n], true
		} else {
			w.out = append(w.out, w.rest[:n]...)
		}
		w.rest = w.rest[n:]
	}
	w.at = len(w.out)
	w.out = append(w.out, code, flags, 0, 0)
}

// end ends it. A value that is too long is as it was, or not there.
func (w *rewriter) end(out []byte) {
	n := len(out) - w.at - header
	switch {
	case n <= valueMax:
	case w.there:
		n = len(w.own)
		out = append(out[:w.at+header], w.own...)
	default:
		w.out = out[:w.at]
		return
	}
	binary.BigEndian.PutUint16(out[w.at+2:], uint16(n))
	w.out = out
}

// appendJoined appends a list of communities with those of d put in where they
// belong.
func (d *Degrade) appendJoined(b []byte, own string) []byte {
	at := len(b)
	b = append(b, own...)
	for more := d.Communities; len(more) >= 4; more = more[4:] {
		b = insertCommunity(b, at, more[:4])
	}
	if d.Graceful {
		b = insertCommunity(b, at, gracefulShutdown)
	}
	return b
}

// insertCommunity puts one into the list that begins at `at`, before the first
// that is greater, if it is not there yet.
func insertCommunity(b []byte, at int, v string) []byte {
	place := len(b)
	for i := at; i+4 <= len(b); i += 4 {
		switch c := cmp.Compare(string(b[i:i+4]), v); {
		case c == 0:
			return b
		case c > 0 && place == len(b):
			place = i
		}
	}
	b = append(b, v...)
	copy(b[place+4:], b[place:])
	copy(b[place:], v)
	return b
}

// appendPrepended appends a path with the own AS number n times before it. One
// that is made for the session begins with it already. A segment holds 255
// numbers, what is more gets one of its own (RFC 4271 section 5.1.2).
func appendPrepended(b []byte, n int, path string, written bool, e *Export) []byte {
	if !written {
		n++
	}
	if len(path) >= 2 && path[0] == ASSequence && int(path[1])+n <= 255 {
		b = appendTimes(append(b, ASSequence, path[1]+byte(n)), n, e)
		return append(b, path[2:]...)
	}
	for ; n > 0; n -= min(n, 255) {
		b = appendTimes(append(b, ASSequence, byte(min(n, 255))), min(n, 255), e)
	}
	return append(b, path...)
}

func appendTimes(b []byte, n int, e *Export) []byte {
	for range n {
		b = binary.BigEndian.AppendUint32(b, uint32(e.LocalAS))
	}
	return b
}

// AppendText appends d as a ladder says it: "med 500 prepend 3 community [
// 65000:1 ] graceful-shutdown"; nothing for its zero value.
func (d Degrade) AppendText(b []byte) []byte {
	start := len(b)
	if d.SetMED {
		b = strconv.AppendUint(append(b, " med "...), uint64(d.MED), 10)
	}
	if d.Prepend > 0 {
		b = strconv.AppendUint(append(b, " prepend "...), uint64(d.Prepend), 10)
	}
	if d.Communities != "" {
		b = textCommunities(append(b, " community"...), d.Communities)
	}
	if d.Graceful {
		b = append(b, " graceful-shutdown"...)
	}
	if len(b) > start {
		b = slices.Delete(b, start, start+1)
	}
	return b
}

func (d Degrade) String() string { return string(d.AppendText(nil)) }

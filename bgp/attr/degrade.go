package attr

import (
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
// AS_PATH that is sent as written.
func (s Set) Degraded(d *Degrade, e *Export) Set {
	if *d == (Degrade{}) {
		return s
	}
	var b Builder
	for a := range s.All() {
		b.Put(a.Code, a.Flags, []byte(a.Value))
	}
	if d.SetMED {
		b.Put(MED, Optional, binary.BigEndian.AppendUint32(nil, d.MED))
	}
	if d.Graceful && !e.EBGP {
		b.Put(LocalPref, Transitive, []byte{0, 0, 0, 0})
	}
	if d.Prepend > 0 && e.EBGP {
		b.prepend(int(d.Prepend), e)
	}
	if d.Graceful {
		b.join(gracefulShutdown)
	}
	b.join(d.Communities)
	return b.Set()
}

// join adds communities to those that are there; what no attribute can hold is
// left out.
func (b *Builder) join(list string) {
	own, there := b.Get(Community)
	if list == "" || len(own)+len(list) > valueMax {
		return
	}
	flags := uint8(Optional | Transitive)
	if there {
		flags = b.flags(Community)
	}
	b.Put(Community, flags, sorted(slices.Concat(own, []byte(list)), 4))
}

// prepend puts the own AS number n times before the path, which without one of
// the operator's begins with it already. A segment holds 255 numbers, what is
// more gets one of its own (RFC 4271 section 5.1.2).
func (b *Builder) prepend(n int, e *Export) {
	path, there := b.Get(ASPath)
	flags := uint8(Transitive)
	if there {
		flags = b.flags(ASPath)
	} else {
		n++
	}
	var v []byte
	if len(path) >= 2 && path[0] == ASSequence && int(path[1])+n <= 255 {
		v, path = appendTimes([]byte{ASSequence, path[1] + byte(n)}, n, e), path[2:]
		n = 0
	}
	for ; n > 0; n -= min(n, 255) {
		v = appendTimes(append(v, ASSequence, byte(min(n, 255))), min(n, 255), e)
	}
	if v = append(v, path...); len(v) <= valueMax {
		b.Put(ASPath, flags, v)
	}
}

func appendTimes(v []byte, n int, e *Export) []byte {
	for range n {
		v = binary.BigEndian.AppendUint32(v, uint32(e.LocalAS))
	}
	return v
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

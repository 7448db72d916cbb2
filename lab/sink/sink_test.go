package sink

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// pair is two sessions with each other, of which the second has a password if
// that is given.
func pair(t *testing.T, password string) (a, b *Session) {
	t.Helper()
	here := netip.MustParseAddr("127.0.0.1")
	o := Options{AS: 4200000001, ID: here, HoldTime: 3, Password: password, Peer: here}
	l, err := Listen(netip.AddrPortFrom(here, 0), o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan error, 1)
	go func() {
		a, err = Accept(l, o)
		accepted <- err
	}()
	c, err := Dial(here, l.Addr().(*net.TCPAddr).AddrPort(), o)
	if err != nil {
		t.Fatal(err)
	}
	b = New(c, o)
	if err := b.Establish(); err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Reset(); b.Reset() })
	return a, b
}

// await polls for a message.
func await(t *testing.T, s *Session, says func(Frame) bool) Frame {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if f, i := s.Find(0, says); i >= 0 {
			return f
		}
	}
	t.Fatal("the message does not come")
	return Frame{}
}

func TestSession(t *testing.T) {
	a, b := pair(t, "secret")
	announce := []byte{0, 0, 0, 0, 24, 192, 0, 2}
	withdraw6 := []byte{0, 0, 0, 11, 0x90, 15, 0, 7, 0, 2, 1, 24, 0x20, 0x01, 0x0d}
	b.Rate(Stopped)
	a.Send(Message(Update, announce))
	a.Send(Message(Update, withdraw6))
	a.Send(Message(Update, make([]byte, 4)))
	b.Rate(1000)
	await(t, b, Announces(netip.MustParsePrefix("192.0.2.0/24")))
	await(t, b, Withdraws(netip.MustParsePrefix("2001:d00::/24")))
	await(t, b, Frame.EndOfRIB)
	b.Rate(Unlimited)
	await(t, b, func(f Frame) bool { gap, _ := b.Gap(time.Time{}); return gap > 0 })
}

func TestEnds(t *testing.T) {
	for name, end := range map[string]struct {
		do   func(*Session) error
		want error
	}{
		"reset": {(*Session).Reset, syscall.ECONNRESET},
		"close": {func(s *Session) error { s.Quiet(); return s.Close() }, io.EOF},
		"mid-message": {func(s *Session) error {
			s.SendSlowly(Message(Update, nil)[:18], time.Millisecond)
			s.Quiet()
			return s.Close()
		}, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t, "")
			end.do(a)
			<-b.Ended()
			if err := b.Err(); !errors.Is(err, end.want) {
				t.Errorf("want %v, got %v", end.want, err)
			}
		})
	}
}

// FuzzUpdate: nothing that comes makes the sink fall over.
func FuzzUpdate(f *testing.F) {
	f.Add([]byte{0, 0, 0, 11, 0x90, 15, 0, 7, 0, 2, 1, 24, 0x20, 0x01, 0x0d})
	f.Add([]byte{0, 0, 0, 15, 0x80, 14, 12, 0, 1, 1, 4, 10, 0, 0, 1, 0, 24, 192, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		message := Frame{Type: Update, Body: body}
		message.Announced()
		message.Withdrawn()
	})
}

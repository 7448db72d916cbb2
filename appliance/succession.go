package appliance

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/appliance/settings"
	"holdfast/bgp"
	"holdfast/netio"
	"holdfast/netio/link"
	"holdfast/systemd"
)

// succeed is SIGRTMIN+1, as systemd counts: the unit has it as RestartKillSignal.
// ExaBGP has no use for it, and a stop is SIGTERM.
const succeed = syscall.Signal(35)

// The names under which the service manager keeps what one life leaves to the
// next.
const (
	willName   = "will"
	socketName = "bgp"
)

// will is what one life of the daemon says to the next one. That there is one
// says that this is still the same boot, and that nobody has stopped us: what was
// done at a stop has not been done.
type will struct {
	Sockets []netio.Kept `json:"sockets"`
}

// inherit takes what a life before has left, and gives the sockets of it. What the
// manager keeps of them is forgotten: it would hold them open after we close them.
func (d *Daemon) inherit() (kept []netio.Kept) {
	if !d.notifier.Enabled() {
		return nil
	}
	left := systemd.Inherited()
	var w will
	for _, f := range left[willName] {
		text, err := systemd.ReadText(f)
		if err == nil {
			err = json.Unmarshal(text, &w)
		}
		if d.heir = err == nil; !d.heir {
			d.log.Warn("what the life before has left can't be read", "error", err)
		}
	}
	for _, f := range left[socketName] {
		if k, ok := w.socket(int(f.Fd())); ok {
			kept = append(kept, k)
		}
	}
	for _, fs := range left {
		for _, f := range fs {
			f.Close()
		}
	}
	d.notifier.Forget(socketName)
	if kept != nil {
		d.log.Info("listening goes on from the life before", "sockets", len(kept))
	}
	return kept
}

// socket is the one that a descriptor is, with a descriptor of its own.
func (w *will) socket(fd int) (k netio.Kept, ok bool) {
	i := slices.IndexFunc(w.Sockets, func(k netio.Kept) bool { return k.Matches(fd) })
	if i < 0 {
		return k, false
	}
	k = w.Sockets[i]
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	k.FD = own
	return k, err == nil
}

// bequeath gives a will into the manager's keeping, in place of an older one.
func (d *Daemon) bequeath(w will) {
	if !d.notifier.Enabled() {
		return
	}
	text, err := json.Marshal(w)
	if err == nil {
		d.notifier.Forget(willName)
		err = d.notifier.StoreText(willName, text)
	}
	if err != nil {
		d.log.Warn("the next life will not know of this one", "error", err)
	}
}

// settled leaves word that this life is at work, for a life after one that ends
// without a word.
func (d *Daemon) settled() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.stopping {
		d.bequeath(will{})
	}
}

// release lets End-of-RIB go, and says whether it has. After a life before, that
// is when the helpers have spoken as well, or have had their time: what End-of-RIB
// comes before, the neighbors drop (RFC 4724 section 4.2).
func (d *Daemon) release(s *settings.Settings) bool {
	if d.heir && !d.helpersSpoke() && time.Since(d.started) < s.FirstVerdict {
		return false
	}
	d.loop.Post(d.speaker.Release)
	return true
}

// helpersSpoke says whether every helper has said something, and none has since it
// was last asked.
func (d *Daemon) helpersSpoke() bool {
	var all uint64
	silent := false
	for _, h := range d.helpers.Status() {
		all += h.Commands
		silent = silent || h.Commands == 0
	}
	same := all == d.spoken
	d.spoken = all
	return same && !silent
}

// forwarding says of which families packets have been taken all the while (RFC
// 4724 section 3): the addresses that we look after, and those that gates ask for,
// are on the box. After a boot nothing was taken, whatever is there now; where no
// manager tells of a boot, the addresses are what there is to go by.
func (d *Daemon) forwarding(s *settings.Settings) func(bgp.Family) bool {
	there, err := link.List()
	missing := map[bool]bool{} // by whether it is IPv4
	for _, a := range addresses(s) {
		if !slices.ContainsFunc(there.Addrs, func(b link.Addr) bool {
			return b.Prefix.Addr() == a.Prefix.Addr() && (a.Link == "" || a.Link == b.Link)
		}) {
			missing[a.Prefix.Addr().Is4()] = true
		}
	}
	same := (d.heir || !d.notifier.Enabled()) && err == nil
	return func(f bgp.Family) bool {
		return same && !(f.AFI() != bgp.AFIIPv6 && missing[true]) && !(f.AFI() != bgp.AFIIPv4 && missing[false])
	}
}

// addresses are those that packets for our routes go to, as far as we know.
func addresses(s *settings.Settings) (all []settings.Address) {
	all = slices.Clone(s.Addresses)
	for _, g := range s.Gates {
		for c := range g.Leaves() {
			if c.Kind == settings.HasAddress {
				all = append(all, settings.Address{Prefix: c.Address, Link: c.Link})
			}
		}
	}
	return all
}

var errDisarm = errors.New("the configuration has no hardware watchdog any more, and it would bite")

// mayLeave says why no other life could take our place at once: then a restart is
// a stop and a start, with all that belongs to a stop. A file that is not valid is
// no reason where the last good configuration is kept: the next life has that.
func (d *Daemon) mayLeave() error {
	next, err := Load(d.options.Path)
	if err == nil {
		err = next.CheckKernel()
	}
	switch {
	case err != nil && d.changes.keepsGood():
		return nil
	case err == nil && d.dog.get().device != nil && next.Settings.Hardware == nil && d.early() == "":
		return errDisarm
	}
	return err
}

// keepsGood says whether a good configuration is on the disk.
func (c *changes) keepsGood() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.store == nil {
		return false
	}
	_, ok := c.store.Good()
	return ok
}

// leaves says whether a signal asks for a life after this one, and that can be
// had.
func (d *Daemon) leaves(s os.Signal) bool {
	if s != succeed {
		return false
	}
	err := d.mayLeave()
	if err != nil {
		d.log.Warn("this restart is a stop and a start", "error", err)
	}
	return err == nil
}

// keep gives the listening sockets into the manager's keeping, before a session
// ends whose neighbor comes back at once.
func (d *Daemon) keep() {
	all := make(chan []netio.Kept, 1)
	d.loop.Post(func() { all <- d.speaker.Keep() })
	var kept []netio.Kept
	select {
	case kept = <-all:
	case <-time.After(2 * time.Second): // what follows has its own patience
	}
	var w will
	for _, k := range kept {
		if err := d.notifier.Store(socketName, k.FD); err == nil {
			w.Sockets = append(w.Sockets, k)
		} else if d.notifier.Enabled() {
			d.log.Warn("a listening socket ends with this life", "address", k.Addr, "error", err)
		}
		k.Close()
	}
	d.bequeath(w)
}

// yield leaves addresses and hardware as they are: the next life has the device's
// timeout to open it.
func (d *Daemon) yield() {
	got := d.dog.get()
	if got.device == nil {
		return
	}
	var err error
	if got.keeper.Refused() == "" {
		err = got.device.Feed()
	}
	if err = errors.Join(err, got.device.Close()); err != nil {
		d.log.Warn("hardware watchdog", "error", err)
	}
}

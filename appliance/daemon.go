// Package appliance is composition and life: start order, reload, stop. It
// decides nothing about routes.
package appliance

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"holdfast/appliance/box"
	"holdfast/appliance/checker"
	"holdfast/appliance/chronicle"
	"holdfast/appliance/control"
	"holdfast/appliance/desired"
	"holdfast/appliance/health"
	"holdfast/appliance/helper"
	"holdfast/appliance/host"
	"holdfast/appliance/metrics"
	"holdfast/appliance/settings"
	"holdfast/appliance/update"
	"holdfast/appliance/verdict"
	"holdfast/bgp/api"
	"holdfast/bgp/event"
	"holdfast/bgp/speaker"
	"holdfast/netio"
	"holdfast/netio/link"
	"holdfast/systemd"
)

// Options is what the command line and the environment say.
type Options struct {
	Path      string // of the configuration
	Socket    string // of the control socket; "" takes the configuration's
	APISocket string // of the text API, if the configuration does not say it; "" is the default
	Pipes     string // name of ExaBGP's named pipes
	NoControl bool   // there are no sockets and no named pipes
	Version   string
	Port      uint16       // of BGP; 0 is 179
	Bind      []netip.Addr // listen there for neighbors that do not say "listen"
	Passive   bool         // dial nobody
	Drop      string       // the folder of bundles, if nobody says another; "": none
	NoAck     bool         // helpers begin without acknowledgements, if their processes do not say it
	NoRespawn bool         // helpers have one life
	Encoder   string       // of helpers whose processes do not say it; "" is json
	API       int          // the version of the API: 4, 6, or 0 for commands of both and JSON of 6
	Compact   bool         // prefixes in JSON are strings
	Image     string       // the version of the image that runs; "": this is none
	Broken    string       // what is broken of the root that runs; "": it is whole
	Updates   string       // the folder of package update, where this is an image
	Armed     string       // a file with the device that was armed before us; "": none was
	Log       *slog.Logger
	// LogDropped is how many lines the log has dropped; nil: none.
	LogDropped func() uint64
	Getenv     func(string) string
}

// Daemon is a box at work.
type Daemon struct {
	options    Options
	log        *slog.Logger
	started    time.Time
	uuid       string // of this life
	loop       *netio.Loop
	speaker    *speaker.Speaker
	monitor    *link.Monitor
	helpers    *helper.Helpers
	outside    *host.Outside // where helpers run
	herald     *herald       // the loop's
	notifier   *systemd.Notifier
	reconciler *reconciler
	chronicle  *chronicle.Chronicle
	addresses  *holder
	files      *sights
	checks     *checker.Set
	control    *control.Server
	metrics    *metrics.Server
	api        *net.UnixListener
	dog        guard
	tried      atomic.Pointer[update.Trial] // an update, as last read; nil: none
	manual     manual                       // the loop's
	letter     *letter                      // the last one to the loop; changed with the reconciler's mutex held
	spoken     uint64                       // commands of helpers, when tick last looked
	heir       bool                         // a life before has left us a will
	leaving    bool                         // another life takes our place; of who waits for signals, and then stops
	changes    *changes
	learned    learned
	drains     drains
	receipts   receipts
	units      *units
	box        *box.Box

	mu       sync.Mutex // while a configuration comes to work
	loaded   *Loaded
	stopping bool        // nothing begins any more
	stop     chan string // why
}

// Run is a life of the daemon, from its configuration to the last byte that a
// neighbor has acknowledged. It ends with SIGTERM or SIGINT, or when a helper
// says so.
func Run(ctx context.Context, o Options) error {
	c, err := o.start()
	if err != nil {
		return err
	}
	d, err := newDaemon(o, c)
	if err != nil {
		return err
	}
	return d.live(ctx)
}

func newDaemon(o Options, c *changes) (*Daemon, error) {
	l := c.work.loaded
	d := &Daemon{options: o, log: o.Log, started: time.Now(), uuid: newUUID(), changes: c, loaded: l, chronicle: chronicle.New(""), stop: make(chan string, 1)}
	d.notifier = systemd.New(o.Getenv)
	loop, err := netio.New(o.Log)
	if err != nil {
		return nil, err
	}
	d.loop = loop
	d.monitor = link.New(o.Log)
	d.outside = &host.Outside{Path: o.Getenv("HOLDFAST_HELPER_SOCKET"), Log: o.Log}
	d.helpers = helper.New(helper.Options{Log: o.Log, Apply: d.apply, Start: d.outside.Start, Version: "holdfast " + o.Version, UUID: d.uuid, NoAck: o.NoAck, API: o.API, Ended: d.helperEnded})
	d.herald = newHerald(event.Form{Legacy: o.API == 4, Compact: o.Compact}, d.helpers.Hear)
	d.manual.said = map[string]desired.Manual{}
	d.speaker = speaker.New(loop, speaker.Options{Log: o.Log, Version: o.Version, Port: o.Port, Restarting: true, Kept: d.inherit(), Forwarding: d.forwarding(l.Settings), Jitter: rand.Float64,
		Session: d.session, Watchdog: d.manual.say, Said: d.decideManual, Receipt: d.receipt, Learned: d.learn,
		Report: d.herald.report})
	d.reconciler = newReconciler(o.Log, l.Settings, d.follow)
	d.reconciler.record, c.told = d.record, d.recordOutcome
	d.units = newUnits(func(all map[string]desired.Unit) { d.reconciler.update(func(in *desired.Inputs) { in.Units = all }) })
	d.box = d.newBox()
	d.addresses = newHolder(o.Log)
	d.files = newSights()
	d.checks = checker.NewSet(d.checked)
	d.metrics = d.newMetrics()
	d.checks.Runner = d.outside.Shell
	if !o.NoControl {
		err = d.listen()
	}
	if err == nil {
		d.openChronicle()
		d.recordStart() // before all that this life has to tell
		d.openDrains()
	}
	return d, err
}

// live starts everything in order, waits for a reason to stop, and stops.
//
// Before anything could be announced, the plan says no to every gate: the
// hardware is not armed, and nothing is known. So the order in which the facts
// come in does not matter.
func (d *Daemon) live(ctx context.Context) error {
	for _, w := range d.loaded.Warnings {
		d.log.Warn("configuration", "warning", w.Error())
	}
	// A neighbor may hear of us before all is started, and who saw that may
	// signal: the Go runtime drops what nobody has asked for.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, succeed)
	defer signal.Stop(signals)
	var tasks tasks
	defer tasks.end()
	d.beginTrial()
	d.begin(&tasks)
	why := d.wait(ctx, signals)
	stood := d.factsNow()
	if !d.leaving {
		d.drainFirst(signals)
	}
	d.shutdown(why, stood)
	return nil
}

// begin starts everything. A helper may ask for a reload at once, which comes
// after it.
func (d *Daemon) begin(tasks *tasks) {
	d.mu.Lock()
	defer d.mu.Unlock()
	tasks.run(d.chronicle.Run)
	if why := d.late(); why != "" {
		d.abandon(why)
	}
	applied := d.become(d.loaded, d.loaded.known(d.files))
	d.notifier.Extend(d.loaded.Settings.FirstVerdict + 10*time.Second) // by then it is ready
	d.armed(tasks)                                                     // before a session can come up, and End-of-RIB go
	tasks.run(d.loop.Run)
	if err := <-applied; err != nil {
		d.log.Error("listen", "error", err)
	}
	d.serve(tasks)
	tasks.run(func(ctx context.Context) error { return d.monitor.Run(ctx, d.listed) })
	tasks.run(d.addresses.run)
	tasks.run(d.tick)
	tasks.run(d.watch)
	tasks.run(d.sweep)
	tasks.run(d.followUpdate)
	tasks.run(d.units.watcher.Run)
	d.units.want(d.loaded.Settings)
	if !d.options.NoControl {
		tasks.run(d.box.Run)
	}
	tasks.run(d.provision)
	tasks.run(d.metrics.Run)
	d.metrics.Want(d.loaded.Settings.Metrics)
	d.checks.Want(d.loaded.Settings.Checks())
	d.addresses.want(d.loaded.Settings.Addresses)
}

// wait serves signals until there is a reason to stop.
func (d *Daemon) wait(ctx context.Context, signals <-chan os.Signal) (why string) {
	for {
		select {
		case <-ctx.Done():
			return "stopped"
		case why := <-d.stop:
			return why
		case s := <-signals:
			d.loop.Post(func() { d.speaker.Signal(int(s.(syscall.Signal))) })
			d.leaving = d.leaves(s)
			if s == syscall.SIGTERM || s == syscall.SIGINT || s == succeed {
				return fmt.Sprintf("stopped by %s", s)
			}
			d.reload(s)
		}
	}
}

// ask asks for a stop; the first reason counts.
func (d *Daemon) ask(why string) {
	select {
	case d.stop <- why:
	default:
	}
}

// reload is Reload for who can't be answered, and what else a signal asks for in
// ExaBGP: SIGUSR2 starts the helpers anew, SIGALRM the sessions.
func (d *Daemon) reload(s os.Signal) {
	if err := d.Reload(); err != nil {
		d.log.Error("reload: nothing was changed", "error", err)
		return
	}
	switch s {
	case syscall.SIGUSR2:
		d.helpers.Restart()
	case syscall.SIGALRM:
		d.loop.Post(d.speaker.Restart)
	}
}

// session is called on the loop when a session comes up or goes down. Those that
// are down are not kept: neighbors of a range come and go.
func (d *Daemon) session(a netip.Addr, up bool, why error) {
	text := "up"
	if !up {
		text = fmt.Sprintf("down: %v", why)
	}
	d.record(chronicle.Entry{Kind: kindSession, Object: a.String(), Text: text})
	defer d.box.Wake()
	d.reconciler.learn(a, func(in *desired.Inputs) {
		if in.Up[a] = up; !up {
			delete(in.Up, a)
		}
	})
}

// checked is called by a check whose standing has changed.
func (d *Daemon) checked(c health.Check, s health.Standing) {
	d.reconciler.learn(c, func(in *desired.Inputs) { in.Checks[c] = s })
}

// apply takes a helper's commands to the loop.
func (d *Daemon) apply(b *api.Batch, done func()) {
	if b.Alone {
		go d.query(b, done)
		return
	}
	d.loop.Post(func() { d.speaker.Do(b, done) })
}

// listed is called by the monitor, with each snapshot that differs.
func (d *Daemon) listed(s link.Snapshot) {
	d.reconciler.learn(desired.Links{}, func(in *desired.Inputs) { in.Snapshot, in.Known = s, true })
	d.addresses.have(s)
}

// How often files are looked for, and, where there are none to look for, the
// reconciler shows that it lives.
const (
	lookForFiles = 250 * time.Millisecond
	lookIdle     = time.Second
)

// tick looks at what tells nobody when it changes, says when the service is
// ready, and bounds the wait for first verdicts.
func (d *Daemon) tick(ctx context.Context) error {
	d.feedManager()
	ready, released := false, false
	var m machine
	for {
		d.notice(&m)
		d.mu.Lock()
		s := d.loaded.Settings
		d.mu.Unlock()
		paths := s.Files()
		d.reconciler.found(d.files.look(time.Now(), paths, lookForFiles))
		d.box.Wake() // of what changes without a decision
		ready = ready || d.ready(s)
		released = released || ready && d.release(s)
		if ready && d.notifier.Enabled() {
			d.notifier.Status(d.sentence())
		}
		wait := lookIdle
		if k := d.dog.get().keeper; len(paths) > 0 || !released || k != nil && k.Patience() < 4*lookIdle {
			wait = lookForFiles
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// ready says whether every gate has had its first verdict, or its time; then
// the service is.
func (d *Daemon) ready(s *settings.Settings) bool {
	if !d.reconciler.verdict() && time.Since(d.started) < s.FirstVerdict {
		return false
	}
	d.notifier.Ready()
	d.settled()
	go d.stay() // not before: all of it is read
	return true
}

// feedManager has the loop itself tell the service manager that it lives.
func (d *Daemon) feedManager() {
	every := d.notifier.Interval()
	if every == 0 {
		return
	}
	d.loop.Post(func() {
		var a *netio.Alarm
		a = d.loop.At(d.loop.Now(), func(now time.Time) {
			d.notifier.Watchdog()
			a.Reset(now.Add(every))
		})
	})
}

// shutdown: withdraw, wait until the bytes are acknowledged, NOTIFICATION; then
// the helpers, the addresses, and last the hardware. stood is how the box stood
// before all that, and a drain before it: what the next start holds a new
// configuration to.
func (d *Daemon) shutdown(why string, stood verdict.Facts) {
	d.log.Info("stopping", "why", why)
	d.record(chronicle.Entry{Kind: kindStop, Text: why})
	d.mu.Lock()
	s := d.loaded.Settings
	d.stopping = true // a helper may still ask for a reload
	d.mu.Unlock()
	d.notifier.Stopping() // after a reload has said that we are ready
	stop := d.speaker.Stop
	if d.leaving {
		d.keep()
		stop = d.speaker.Leave
	} else {
		d.notifier.Forget(willName)
	}
	done := make(chan struct{})
	d.part(func() { stop(why, s.StopTimeout, func() { close(done) }) })
	select {
	case <-done:
	case <-time.After(s.StopTimeout + 2*time.Second):
		d.log.Error("the neighbors could not be told in time")
	}
	d.reconciler.stop()
	d.loop.Post(func() { d.herald.shutdown(time.Now()) })
	d.leave(stood)
	d.leaveDrains()
	d.end(d.checks.Close, time.Second)
	d.end(d.helpers.Close, 3*time.Second)
	d.outside.Close()
	if d.leaving {
		d.yield()
	} else {
		d.addresses.release()
		d.letGo()
	}
	if d.control != nil {
		d.control.Close()
	}
	d.log.Info("stopped")
}

// end ends what runs beside us, which has its time for that.
func (d *Daemon) end(what func(context.Context) error, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := what(ctx); err != nil {
		d.log.Warn("a program could not be ended in time", "error", err)
	}
}

// Package sim is a simulated hardware watchdog with the contract of a real one:
// a process of its own, which shoots the daemon's process group and starts it
// anew when it is not fed, as a reset would.
package sim

import "time"

// dog is the timer of the hardware, with time as an argument.
type dog struct {
	timeout  time.Duration
	nowayout bool
	armed    bool
	open     bool
	bites    time.Time // when it resets, while armed
	reset    bool      // the last boot was its doing
}

// take opens the device, which arms it; false: somebody else has it.
func (d *dog) take(now time.Time) bool {
	if d.open {
		return false
	}
	d.open, d.armed = true, true
	d.feed(now)
	return true
}

func (d *dog) feed(now time.Time) { d.bites = now.Add(d.timeout) }

// set changes the timeout, in whole seconds as hardware has it.
func (d *dog) set(now time.Time, t time.Duration) time.Duration {
	d.timeout = max((t + time.Second - 1).Truncate(time.Second), time.Second)
	d.feed(now)
	return d.timeout
}

// release closes the device. Only after the magic character does that stop it.
func (d *dog) release(magic bool) (stopped bool) {
	d.open = false
	if magic && !d.nowayout {
		d.armed = false
	}
	return !d.armed
}

// due says whether it bites now, and forgets everything a reset forgets.
func (d *dog) due(now time.Time) bool {
	if !d.armed || now.Before(d.bites) {
		return false
	}
	d.armed, d.open, d.reset = false, false, true
	return true
}

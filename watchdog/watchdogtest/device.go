// Package watchdogtest is a watchdog for unit tests.
package watchdogtest

import (
	"time"

	"holdfast/watchdog"
)

// Device counts what is done to it.
type Device struct {
	Fed      int
	Err      error // of Feed
	Disarmed bool
	Closed   bool
	I        watchdog.Info
}

// Feed counts.
func (d *Device) Feed() error {
	if d.Err == nil {
		d.Fed++
	}
	return d.Err
}

// SetTimeout takes any timeout.
func (d *Device) SetTimeout(t time.Duration) (time.Duration, error) {
	d.I.Timeout = t
	return t, nil
}

// SetPretimeout takes any pretimeout.
func (d *Device) SetPretimeout(t time.Duration) (time.Duration, error) {
	d.I.Pretimeout = t
	return t, nil
}

// Disarm notes it.
func (d *Device) Disarm() error { d.Disarmed = true; return nil }

// Close notes it.
func (d *Device) Close() error { d.Closed = true; return nil }

// Info is the field I.
func (d *Device) Info() watchdog.Info { return d.I }

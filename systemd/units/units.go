// Package units is the unit, sysusers, udev, D-Bus and polkit files that we ship.
package units

import "embed"

// Files are the unit files, by name.
//
//go:embed holdfast.service holdfast.sysusers 60-holdfast-watchdog.rules org.holdfast.Box.conf org.holdfast.policy 60-holdfast.rules
var Files embed.FS

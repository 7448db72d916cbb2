// Package units is the unit, sysusers, udev, D-Bus and polkit files that we ship.
package units

import "embed"

// Files are the unit files, by name.
//
//go:embed holdfast.service holdfast.sysusers 60-holdfast-watchdog.rules org.holdfast.Box.conf org.holdfast.policy 60-holdfast.rules
//go:embed holdfast-provision.service holdfast-provision@.service holdfast-provision.tmpfiles 61-holdfast-provision.rules
var Files embed.FS

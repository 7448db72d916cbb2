// Package units is the unit, sysusers and udev files that we ship.
package units

import "embed"

// Files are the unit files, by name.
//
//go:embed holdfast.service holdfast.sysusers 60-holdfast-watchdog.rules
var Files embed.FS

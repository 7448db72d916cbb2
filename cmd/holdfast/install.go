package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"holdfast/appliance/host"
	"holdfast/systemd/units"
)

var installUnitsVerb = &verb{word: "install-units", args: "[--root DIR] [--program PATH] [--hardware]",
	help: "write the units that this program brings, for systemd to run it",
	long: `
  --root DIR      where the root of the box is (/)
  --program PATH  where this program is on it, if not where it is now
  --hardware      with a drop-in that boots a box whose daemon ends ten times
                  within three minutes

Files in /etc/systemd/system, sysusers.d, tmpfiles.d and udev/rules.d are
written, or replaced. Their paths are printed, and what comes next.`,
	run: func(c *call) error {
		root := c.String("root", "/", "")
		exe := c.String("program", "", "")
		hardware := c.Bool("hardware", false, "")
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		if *exe == "" {
			var err error
			if *exe, err = os.Executable(); err != nil {
				return err
			}
		}
		if !filepath.IsAbs(*exe) {
			return usagef("--program: want an absolute path, got %q", *exe)
		}
		names := units.Names()
		if *hardware {
			names = append(names, units.Hardware)
		}
		paths, err := units.Install(*root, *exe, names)
		for _, p := range paths {
			fmt.Fprintln(c.out, p)
		}
		if err == nil {
			fmt.Fprint(c.out, "\nthen: systemd-sysusers && systemd-tmpfiles --create && udevadm control --reload\n      systemctl daemon-reload && systemctl enable --now holdfast\n")
		}
		return err
	}}

// helperGrace is how long helpers have to end once the daemon has hung up.
const helperGrace = 3 * time.Second

var helperHostVerb = &verb{word: "helper-host", hidden: true,
	help: "start the programs that the daemon at the other end of standard input asks for",
	long: `
holdfast-helper@.service runs it, once for each helper.`,
	run: func(c *call) error {
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		return host.Serve(os.Stdin, helperGrace)
	}}

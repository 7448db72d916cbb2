package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/provision"
)

// provisionRun is what holdfast-provision.service and its like are.
func provisionRun(c *call) error {
	drop, file := c.String("drop", "", ""), c.String("config", "/etc/holdfast/holdfast.conf", "")
	device, wait := c.String("device", "", ""), c.Duration("wait", 3*time.Minute, "")
	if _, err := c.parse(0, 0); err != nil {
		return err
	}
	said, err := appliance.ProvisionOf(*file)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	id := provision.Machine("/")
	carrier := &provision.Carrier{Drop: cmp.Or(*drop, said.Drop, provision.DefaultDrop), Identity: id, Out: c.out, Wait: *wait}
	var sources []provision.Source
	if *device != "" {
		s, _, err := provision.Device(*device, id)
		if err != nil {
			return err
		}
		sources = append(sources, s)
	} else {
		sources = everySource(id, said.Signed, func() {
			fmt.Fprintf(c.out, "holdfast provision: this box is %s; no bundle yet: it waits for a DHCP lease that names one\n", id)
		})
	}
	err = carrier.Run(ctx, sources)
	switch {
	case errors.Is(err, context.Canceled):
		return nil // the service is stopped
	case provision.IsNothing(err) && *device == "":
		fmt.Fprintf(c.out, "holdfast provision: this box is %s; its addresses are %s; %s; bundles can be dropped into %s\n", id, addresses(), err, carrier.Drop)
		return nil // it is a box like another
	}
	return err
}

// everySource is all sources, in the order in which they are asked.
func everySource(id provision.Identity, signed bool, waits func()) []provision.Source {
	line, _ := os.ReadFile("/proc/cmdline")
	f := provision.Fetcher{Signed: signed, Floor: floor(), Tries: 30}
	return append(provision.Volumes(id), provision.Folder("esp", espDrop, id), provision.Credentials("/", os.Getenv("CREDENTIALS_DIRECTORY")),
		provision.CommandLine(string(line), id, f), provision.Lease("/", id, f, waits))
}

// floor is a time that has passed: this program was installed then.
func floor() (t time.Time) {
	if st, err := os.Stat("/proc/self/exe"); err == nil {
		t = st.ModTime()
	}
	return t
}

func addresses() string {
	var words []string
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			words = append(words, n.String())
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " ")
}

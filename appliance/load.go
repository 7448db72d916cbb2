package appliance

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"sync"

	"holdfast/appliance/helper"
	"holdfast/appliance/settings"
	"holdfast/bgp/config"
	"holdfast/bgp/grammar"
	"holdfast/netio"
)

// Loaded is a configuration, valid as a whole.
type Loaded struct {
	Path     string
	Folder   string // where the relative paths of helpers begin
	Config   *config.Config
	Settings *settings.Settings
	Warnings []*grammar.Error
}

// Load reads and checks a configuration file. The error joins all that is
// wrong with it, each with its place; nothing is half loaded.
func Load(path string) (*Loaded, error) {
	text, err := Read(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, text)
}

// Parse is Load of a text that is in memory already.
func Parse(path string, text []byte) (*Loaded, error) {
	c := candidateOf(path, text)
	l, err := c.parse()
	if err != nil {
		return nil, err
	}
	return l, l.checkHelpers()
}

// standardInput is what stood there: it can be read once, and a reload finds the
// same again.
var standardInput = sync.OnceValues(func() ([]byte, error) { return io.ReadAll(os.Stdin) })

// Read reads a configuration file, or standard input for "-".
func Read(path string) ([]byte, error) {
	if path == "-" {
		return standardInput()
	}
	return os.ReadFile(path)
}

// load is a candidate as what this machine can do, with what the environment
// says of all neighbors. Its helpers are still to be looked for.
func (o Options) load(c *Candidate) (*Loaded, error) {
	l, err := c.parse()
	if err == nil {
		err = l.CheckKernel()
	}
	if err != nil {
		return nil, err
	}
	for i := range l.Config.Processes {
		p := &l.Config.Processes[i]
		p.Respawn = p.Respawn && !o.NoRespawn
		p.Encoder = cmp.Or(p.Encoder, o.Encoder, "json")
	}
	for i := range l.Config.Neighbors {
		n := &l.Config.Neighbors[i]
		n.Passive = n.Passive || o.Passive
		if n.Listen == 0 && o.listens(n) {
			n.Listen = cmp.Or(o.Port, 179)
		}
	}
	return l, nil
}

// listens says whether a neighbor's own end is one to listen on; an unspecified
// address is all of its family.
func (o Options) listens(n *config.Neighbor) bool {
	return slices.ContainsFunc(o.Bind, func(a netip.Addr) bool {
		return a == n.LocalAddress || a.IsUnspecified() && a.Is4() == n.Peer.Addr().Is4()
	})
}

// groups are the names that configured routes carry.
func (l *Loaded) groups() (names []string) {
	for i := range l.Config.Neighbors {
		for _, r := range l.Config.Neighbors[i].Routes {
			if r.Group != "" {
				names = append(names, r.Group)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// speaksWith says whether an address is a neighbor's.
func (l *Loaded) speaksWith(a netip.Addr) bool {
	return slices.ContainsFunc(l.Config.Neighbors, func(n config.Neighbor) bool { return n.Peer.Contains(a) })
}

// CheckKernel refuses what this kernel can't do: at a start or a reload, for a
// file may be validated on another machine than the one that it is for.
func (l *Loaded) CheckKernel() error {
	var errs []error
	for i := range l.Config.Neighbors {
		n := &l.Config.Neighbors[i]
		if n.TCPAO != nil {
			if err := netio.ProbeAO(); err != nil {
				errs = append(errs, &grammar.Error{Pos: n.Pos, Word: "tcp-ao", Err: err})
			}
		}
		if n.MD5Password != "" {
			if err := netio.ProbeMD5(); err != nil {
				errs = append(errs, &grammar.Error{Pos: n.Pos, Word: "md5-password", Err: err})
			}
		}
	}
	return errors.Join(errs...)
}

// helpers are the processes to run.
func (l *Loaded) helpers(noAck bool) (ps []helper.Process) {
	for _, p := range l.Config.Processes {
		ps = append(ps, helper.Process{Name: p.Name, Run: p.Run, Folder: l.Folder, NoRespawn: !p.Respawn,
			NoAck: noAck && p.Ack == nil || p.Ack != nil && !*p.Ack, Text: p.Encoder == "text"})
	}
	return ps
}

func (l *Loaded) checkHelpers() error {
	var errs []error
	for i, p := range l.helpers(false) {
		if err := p.Check(); err != nil {
			errs = append(errs, &grammar.Error{Pos: l.Config.Processes[i].Pos, Err: err})
		}
	}
	return errors.Join(errs...)
}

package appliance

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"holdfast/appliance/generation"
	"holdfast/appliance/provision"
	"holdfast/appliance/settings"
	"holdfast/bgp/config"
	"holdfast/bgp/grammar"
	"holdfast/image/signature"
)

// ProvisionFile lies beside the configuration, says which bundles a box takes
// before it has any configuration, and is no part of a bundle: what it asks for,
// no bundle can take away.
const ProvisionFile = "provision.conf"

// versionFile is what a box remembers of the bundles that it took, beside the
// generations: of these, only the last are kept.
const versionFile = "bundles"

// provision looks after the drop folder.
func (d *Daemon) provision(ctx context.Context) error {
	drop := provision.Drop{Box: (*dropBox)(d), Log: d.log, Uptime: provision.Uptime}
	return drop.Run(ctx)
}

// dropBox is the daemon as its drop folder sees it.
type dropBox Daemon

// Wants is what the configuration and the file beside it say together, and what
// the box has taken. Without a place for generations it takes nothing: the
// files of a bundle have to be somewhere.
func (b *dropBox) Wants() provision.Wants {
	d := (*Daemon)(b)
	c := d.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.store == nil {
		return provision.Wants{}
	}
	base, err := readProvision(d.options.Path)
	if err != nil {
		return provision.Wants{Err: err}
	}
	said := d.current().Provision
	w := provision.Wants{Folder: cmp.Or(said.Drop, base.Drop, d.options.Drop), Identity: provision.Machine("/"),
		Taken: c.taken()}
	w.Trust.Signed = said.Signed || base.Signed
	for _, s := range slices.Concat(base.Keys, said.Keys) {
		if k, err := signature.ParseKey(s); err == nil { // the grammar has seen to it
			w.Trust.Keys = append(w.Trust.Keys, k)
		}
	}
	return w
}

func (d *Daemon) current() *settings.Settings {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.loaded.Settings
}

// readProvision reads the file beside a configuration; that there is none is no
// error.
func readProvision(configuration string) (settings.Provision, error) {
	path := filepath.Join(filepath.Dir(configuration), ProvisionFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return settings.Provision{}, nil
	}
	if err != nil {
		return settings.Provision{}, err
	}
	s := settings.Default()
	r := grammar.Walk(path, string(text), &grammar.Node{Kids: settings.Sections(s)})
	return s.Provision, grammar.Join(r.Errors)
}

// taken is what this box remembers of the bundles that it took.
func (c *changes) taken() (t provision.Taken) {
	_ = json.Unmarshal(c.store.Recall(versionFile), &t) // what is damaged is as if it were new
	if t.Digest = c.good.Bundle; c.good.Version > t.Version {
		t.Version, t.Last = c.good.Version, c.good.Bundle
	}
	return t
}

// Take makes a bundle the box's configuration.
func (b *dropBox) Take(ctx context.Context, bundle *provision.Bundle) provision.Outcome {
	d, k := (*Daemon)(b), candidateIn(bundle)
	var o Outcome
	select {
	case <-ctx.Done():
		return provision.Outcome{State: provision.Undecided}
	case o = <-d.Change(k):
	}
	switch {
	case o.State == Kept:
		d.remember(k)
		return provision.Outcome{State: provision.Kept}
	case o.State == Replaced && d.ends(): // the next life tries it again
		return provision.Outcome{State: provision.Undecided}
	case o.State == Rejected:
		return provision.Outcome{Why: wrong(o), Places: o.Places}
	}
	return provision.Outcome{Why: fmt.Sprintf("%s: %s", o.State, o.Why), Places: o.Places}
}

// candidateIn is a bundle as a candidate.
func candidateIn(b *provision.Bundle) Candidate {
	k := Candidate{Source: "dropped " + b.Name, Files: generation.Files{}, Version: b.Version(), Bundle: b.Digest}
	for name, f := range b.Files {
		k.Files[name] = generation.File{Data: f.Data, Run: f.Mode&0o100 != 0}
	}
	return k
}

// LoadBundle is Load of a bundle, on a machine that need not be the box: whether
// its helpers can be run is not looked at.
func LoadBundle(b *provision.Bundle) (*Loaded, error) {
	k := candidateIn(b)
	return k.parse()
}

// wrong says in a line what is wrong with a rejected bundle, of which the places
// say the rest.
func wrong(o Outcome) string {
	if len(o.Places) < 2 {
		return o.Why
	}
	return fmt.Sprintf("nothing was changed; %d errors", len(o.Places))
}

// remember keeps the version of a bundle that was taken, if it is a newer one.
func (d *Daemon) remember(k Candidate) {
	c := d.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	var before provision.Taken
	if c.store == nil {
		return
	}
	_ = json.Unmarshal(c.store.Recall(versionFile), &before)
	if k.Version <= before.Version {
		return
	}
	text, err := json.Marshal(provision.Taken{Version: k.Version, Last: k.Bundle})
	if err == nil {
		err = c.store.Remember(versionFile, text)
	}
	if err != nil {
		d.log.Error("provision: the version of the bundle is not kept", "error", err)
	}
}

// waits says whether a box is one that waits for its first bundle: the file that
// it is to begin with is not there, and there is a folder in which one can be
// dropped.
func (o Options) waits(err error) bool {
	if !errors.Is(err, fs.ErrNotExist) || o.Path == "-" {
		return false
	}
	base, _ := readProvision(o.Path)
	st, err := os.Stat(cmp.Or(base.Drop, o.Drop))
	return err == nil && st.IsDir()
}

// blank is the configuration of a box that has none.
func (o Options) blank() *Loaded {
	return &Loaded{Path: o.Path, Folder: filepath.Dir(o.Path), Config: &config.Config{}, Settings: settings.Default()}
}

// unprovisioned says what a box is that waits for its first bundle; "": it has a
// configuration.
func (d *Daemon) unprovisioned() string {
	d.mu.Lock()
	c := d.loaded.Config
	d.mu.Unlock()
	if len(c.Neighbors) > 0 || len(c.Processes) > 0 {
		return ""
	}
	return fmt.Sprintf("not provisioned: %s; waits for a bundle", provision.Machine("/"))
}

// ProvisionOf is what a configuration and the file beside it say of bundles. A
// configuration that is missing or wrong says nothing.
func ProvisionOf(configuration string) (settings.Provision, error) {
	p, err := readProvision(configuration)
	if err != nil {
		return p, err
	}
	if k, err := candidateAt(configuration); err == nil {
		said := k.said().Provision
		p = settings.Provision{Drop: cmp.Or(said.Drop, p.Drop), Keys: slices.Concat(p.Keys, said.Keys), Signed: p.Signed || said.Signed}
	}
	return p, nil
}

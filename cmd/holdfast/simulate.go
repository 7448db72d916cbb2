package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"holdfast/appliance"
	"holdfast/appliance/provision"
	"holdfast/bgp/grammar"
	"holdfast/image/signature"
)

// fate is what a box would do with bundles.
type fate struct {
	Box      provision.Identity `json:"box"`
	Bundle   string             `json:"bundle,omitempty"` // that it would take
	Version  uint64             `json:"version,omitempty"`
	Digest   string             `json:"digest,omitempty"`
	Signed   string             `json:"signed,omitempty"` // by this key
	Valid    bool               `json:"valid"`            // the bundle's configuration
	Findings []finding          `json:"findings"`
	Refused  []refusal          `json:"refused"` // besides those for other boxes
	Others   int                `json:"others"`  // bundles for other boxes
}

type refusal struct {
	Bundle string `json:"bundle"`
	Why    string `json:"why"`
}

func simulate(c *call) error {
	serial, uuid, macs, fleet := c.String("serial", "", ""), c.String("uuid", "", ""), c.several("mac"), c.String("fleet", "", "")
	said, signed, version, asJSON := c.several("key"), c.Bool("signed", false, ""), c.Uint64("version", 0, ""), c.Bool("json", false, "")
	args, err := c.parse(1, 1)
	if err != nil {
		return err
	}
	keys, err := publics(*said)
	if err != nil {
		return err
	}
	boxes, err := fleetOf(*fleet)
	if err != nil {
		return err
	}
	if *serial+*uuid+macs.String() != "" {
		id, err := provision.NewIdentity(*serial, *uuid, *macs...)
		if err != nil {
			return usagef("--mac: %s", err)
		}
		boxes = append(boxes, id)
	}
	if len(boxes) == 0 {
		return usagef("want --serial, --uuid, --mac or --fleet FILE")
	}
	candidates := provision.Read(os.DirFS(filepath.Dir(args[0])), filepath.Base(args[0]), nil)
	trust := provision.Trust{Keys: keys, Signed: *signed}
	all, good := []fate{}, true
	for _, id := range boxes {
		f := fateOf(id, candidates, trust, provision.Taken{Version: *version})
		all, good = append(all, f), good && f.Valid
		if !*asJSON {
			c.tellFate(f)
		}
	}
	if *asJSON {
		err = c.json(map[string]any{"boxes": all})
	}
	if err == nil && !good {
		err = exitStatus(exitFailed)
	}
	return err
}

// fleetOf reads a file of boxes, a line each.
func fleetOf(path string) (boxes []provision.Identity, err error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		id, err := boxOf(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		boxes = append(boxes, id)
	}
	return boxes, lines.Err()
}

func boxOf(words []string) (provision.Identity, error) {
	said := map[string][]string{}
	for _, w := range words {
		k, v, ok := strings.Cut(w, "=")
		if !ok || v == "" || k != "serial" && k != "uuid" && k != "mac" {
			return provision.Identity{}, grammar.Wish("serial=X, uuid=X or mac=X", w)
		}
		said[k] = append(said[k], v)
	}
	if len(said["serial"]) > 1 || len(said["uuid"]) > 1 {
		return provision.Identity{}, errors.New("a box has one serial and one uuid")
	}
	return provision.NewIdentity(strings.Join(said["serial"], ""), strings.Join(said["uuid"], ""), said["mac"]...)
}

// fateOf is what a box would do, without being one.
func fateOf(id provision.Identity, candidates []provision.Candidate, trust provision.Trust, taken provision.Taken) fate {
	f := fate{Box: id, Findings: []finding{}, Refused: []refusal{}}
	choice := provision.Choose(id, candidates, trust, taken)
	for i, err := range choice.Refused {
		switch {
		case err == nil:
		case provision.IsOther(err):
			f.Others++
		default:
			f.Refused = append(f.Refused, refusal{candidates[i].Name, err.Error()})
		}
	}
	if choice.Index < 0 {
		return f
	}
	b := candidates[choice.Index].Bundle
	f.Bundle, f.Version, f.Digest = b.Name, b.Version(), b.Digest
	if choice.Key != (signature.Key{}) {
		f.Signed = choice.Key.String()
	}
	v := verdict{}
	l, err := appliance.LoadBundle(b)
	if err != nil {
		v.find(err, "error")
	} else {
		for _, w := range l.Warnings {
			v.find(w, "warning")
		}
	}
	f.Valid, f.Findings = err == nil, append(f.Findings, v.Findings...)
	return f
}

func (c *call) tellFate(f fate) {
	switch {
	case f.Bundle == "":
		fmt.Fprintf(c.out, "%s: takes nothing\n", f.Box)
	case f.Valid:
		fmt.Fprintf(c.out, "%s: takes %s, version %d, sha256 %s%s\n", f.Box, f.Bundle, f.Version, provision.Short(f.Digest), signer(f.Signed))
	default:
		fmt.Fprintf(c.out, "%s: rejects %s, version %d, sha256 %s%s\n", f.Box, f.Bundle, f.Version, provision.Short(f.Digest), signer(f.Signed))
	}
	for _, x := range f.Findings {
		severity := ""
		if x.Severity != "error" {
			severity = " (warning)"
		}
		fmt.Fprintf(c.out, "  %s%s\n", x.text, severity)
	}
	for _, r := range f.Refused {
		fmt.Fprintf(c.out, "  not %s: %s\n", r.Bundle, strings.ReplaceAll(r.Why, "\n", "\n    "))
	}
}

func signer(key string) string {
	if key == "" {
		return ""
	}
	return ", signed by " + key
}

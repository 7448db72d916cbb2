package provision

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"holdfast/bgp/grammar"
)

// Identity is what a box is known by before anybody has said a word to it.
type Identity struct {
	Serial string   `json:"serial,omitempty"`
	UUID   string   `json:"uuid,omitempty"` // lower case
	MACs   []string `json:"macs,omitempty"` // lower case, those of the hardware, in order of the links
}

// String is the identity for people: "serial X, uuid Y, mac Z".
func (id Identity) String() string {
	var words []string
	for _, w := range [][2]string{{"serial", id.Serial}, {"uuid", id.UUID}, {"mac", strings.Join(id.MACs, " ")}} {
		if w[1] != "" {
			words = append(words, w[0]+" "+w[1])
		}
	}
	if len(words) == 0 {
		return "no serial, no uuid, no mac"
	}
	return strings.Join(words, ", ")
}

// Label names a box in the name of a file.
func (id Identity) Label() string {
	label := cmp.Or(id.Serial, id.UUID)
	if label == "" && len(id.MACs) > 0 {
		label = strings.ReplaceAll(id.MACs[0], ":", "-")
	}
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && !strings.ContainsRune(`/\:*?"<>|.`, r) { // FAT refuses most of them
			return r
		}
		return '_'
	}, cmp.Or(label, "box"))
}

// NewIdentity is an identity of what somebody typed or a machine said.
func NewIdentity(serial, uuid string, macs ...string) (Identity, error) {
	id := Identity{Serial: meant(serial), UUID: strings.ToLower(meant(uuid))}
	for _, s := range macs {
		mac, err := net.ParseMAC(s)
		if err != nil {
			return id, grammar.Wish("a MAC address", s)
		}
		id.MACs = append(id.MACs, mac.String())
	}
	return id, nil
}

// meant is a serial or UUID that says something: makers leave placeholders, which
// many boxes have in common.
func meant(s string) string {
	s = strings.TrimSpace(s)
	switch strings.ToLower(s) {
	case "", "none", "not specified", "not available", "n/a", "default string", "default", "system serial number",
		"to be filled by o.e.m.", "to be filled by oem", "unknown", "invalid", "o.e.m.", "oem", "xxxxxxxx", "123456789", "1234567890":
		return ""
	}
	if strings.Trim(s, "0-") == "" || strings.Trim(strings.ToLower(s), "f-") == "" {
		return ""
	}
	return s
}

// Machine is the identity of this box: SMBIOS where there is one, the device tree
// on ARM, and the addresses of its network hardware. SMBIOS has its numbers for
// root only, so they may be missing. root is "/", or a folder that tests fill.
func Machine(root string) Identity {
	first := func(paths ...string) string {
		for _, p := range paths {
			b, err := os.ReadFile(filepath.Join(root, p))
			if s := meant(string(bytes.TrimRight(b, "\x00\n"))); err == nil && s != "" {
				return s
			}
		}
		return ""
	}
	id, _ := NewIdentity(
		first("sys/class/dmi/id/product_serial", "sys/class/dmi/id/board_serial", "sys/class/dmi/id/chassis_serial", "proc/device-tree/serial-number"),
		first("sys/class/dmi/id/product_uuid"))
	links, _ := netlink.LinkList() // what came before an interruption serves as well
	id.MACs = hardware(links)
	return id
}

// hardware is the permanent addresses of links that have some: bridges, VLANs and
// tunnels borrow theirs. A container has nothing but its end of a pair.
func hardware(links []netlink.Link) (macs []string) {
	for _, kind := range []string{"device", "veth"} {
		for _, l := range links {
			a := l.Attrs()
			mac := a.PermHWAddr
			if len(mac) == 0 && l.Type() == kind { // a virtual machine's driver may not tell
				mac = a.HardwareAddr
			}
			if len(mac) == 6 && mac.String() != "00:00:00:00:00:00" && !slices.Contains(macs, mac.String()) {
				macs = append(macs, mac.String())
			}
		}
		if len(macs) > 0 {
			break
		}
	}
	return macs
}

// Target is whom a bundle is for: "serial:X", "uuid:X", "mac:X" or "*".
type Target struct{ kind, value string }

// ParseTarget reads a target.
func ParseTarget(s string) (Target, error) {
	kind, value, _ := strings.Cut(s, ":")
	var err error
	switch {
	case s == "*":
		return Target{kind: "*"}, nil
	case value == "" || strings.TrimSpace(value) != value || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' }):
		err = grammar.Wish(`"serial:…", "uuid:…", "mac:…" or "*"`, s)
	case kind == "mac":
		var mac net.HardwareAddr
		if mac, err = net.ParseMAC(value); err != nil {
			err = grammar.Wish("a MAC address", value)
		}
		value = mac.String()
	case kind == "uuid":
		value = strings.ToLower(value)
	case kind != "serial":
		err = grammar.Wish(`"serial:…", "uuid:…", "mac:…" or "*"`, s)
	}
	return Target{kind, value}, err
}

func (t Target) String() string {
	if t.kind == "*" {
		return t.kind
	}
	return t.kind + ":" + t.value
}

// MarshalText is String.
func (t Target) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText is ParseTarget.
func (t *Target) UnmarshalText(b []byte) (err error) {
	*t, err = ParseTarget(string(b))
	return err
}

// far is how far a target is from a box: 0 for its serial, 1 for its UUID, 2 for
// one of its MAC addresses, 3 for any box, and none if it is for another.
func (t Target) far(id Identity) int {
	switch {
	case t.kind == "serial" && t.value == id.Serial && id.Serial != "":
		return 0
	case t.kind == "uuid" && t.value == id.UUID && id.UUID != "":
		return 1
	case t.kind == "mac" && slices.Contains(id.MACs, t.value):
		return 2
	case t.kind == "*":
		return 3
	}
	return none
}

// none is farther than any box that a bundle is for.
const none = 4

// Far is how near to a box the nearest of a bundle's targets is: the less, the
// nearer. One without a manifest is for any.
func (b *Bundle) far(id Identity) int {
	if b.Manifest == nil {
		return 3
	}
	far := none
	for _, t := range b.Manifest.Targets {
		far = min(far, t.far(id))
	}
	return far
}

// keeps is For, as Read wants it.
func (id Identity) keeps(b *Bundle) bool { return b.For(id) }

// For says whether a bundle is for a box at all.
func (b *Bundle) For(id Identity) bool { return b.far(id) < none }

func (b *Bundle) targets() string {
	var words []string
	for _, t := range b.Manifest.Targets {
		if words = append(words, t.String()); len(words) == 4 {
			words = append(words, fmt.Sprintf("and %d more", len(b.Manifest.Targets)-4))
			break
		}
	}
	return strings.Join(words, " ")
}

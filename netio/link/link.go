// Package link is interfaces and addresses: a snapshot after each netlink
// wake-up, and sync of the addresses that we own.
//
// A netlink message is only a wake-up. What is so is listed again after it, so
// that a message which was lost, doubled or came out of order changes nothing.
package link

import (
	"cmp"
	"net/netip"
	"slices"
)

// Link is one interface.
type Link struct {
	Index   int
	Name    string
	Up      bool // by its administrator
	Running bool // has a carrier
}

// Addr is one address of a link.
type Addr struct {
	Prefix    netip.Prefix
	Link      string
	Label     string // IPv4 only
	Tentative bool   // duplicate address detection is not through (RFC 4862)
	Ours      bool   // we have added it, in this life or an earlier one
}

// Snapshot is what was so at one listing. It is not changed once given out.
type Snapshot struct {
	Links []Link // by name
	Addrs []Addr // by prefix, then link
	Gen   uint64 // counts the listings that found something else
}

// Same says whether two snapshots have the same content.
func (s Snapshot) Same(o Snapshot) bool {
	return slices.Equal(s.Links, o.Links) && slices.Equal(s.Addrs, o.Addrs)
}

func (s Snapshot) sort() {
	slices.SortFunc(s.Links, func(a, b Link) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Addrs, compareAddr)
}

func compareAddr(a, b Addr) int {
	return cmp.Or(a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()), cmp.Compare(a.Link, b.Link))
}

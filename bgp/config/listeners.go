package config

import (
	"regexp"
	"slices"
)

// messageWords are the switches of the sections "send" and "receive".
var messageWords = []string{"parsed", "packets", "consolidate", "open", "update", "notification", "keepalive", "refresh", "operational"}

// stateWords are the other switches of a section "api".
var stateWords = []string{"neighbor-changes", "negotiated", "fsm", "signal"}

// members are the processes of a section "api", named or matched.
func (a *API) members(all []Process) []string {
	names := slices.Clone(a.Processes)
	for _, p := range all {
		if slices.ContainsFunc(a.matches, func(m *regexp.Regexp) bool { return m.MatchString(p.Name) }) {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// listen says who speaks for a neighbor and what each of them hears: all that
// some section has for it, as ExaBGP adds them up.
func (n *Neighbor) listen(all []Process) {
	by := map[string]*Listener{}
	for i := range n.API {
		a := &n.API[i]
		for _, name := range a.members(all) {
			if by[name] == nil {
				by[name] = &Listener{Process: name}
				n.Processes = append(n.Processes, name)
			}
			by[name].add(a.Switches)
		}
	}
	slices.Sort(n.Processes)
	for _, name := range n.Processes {
		l := *by[name]
		l.Send.settle()
		l.Receive.settle()
		if l != (Listener{Process: name}) {
			n.Listeners = append(n.Listeners, l)
		}
	}
}

// add turns on what the switches have on.
func (l *Listener) add(switches map[string]bool) {
	for i, to := range []*bool{&l.Changes, &l.Negotiated, &l.FSM, &l.Signal} {
		*to = *to || switches[stateWords[i]]
	}
	l.Send.add("send ", switches)
	l.Receive.add("receive ", switches)
}

func (m *Messages) add(prefix string, switches map[string]bool) {
	for i, to := range []*bool{&m.Parsed, &m.Packets, &m.Consolidate, &m.Open, &m.Update, &m.Notification, &m.Keepalive, &m.Refresh, &m.Operational} {
		*to = *to || switches[prefix+messageWords[i]]
	}
}

// settle fills in what ExaBGP takes for said: messages are told by what they say
// if their octets alone are not wanted, and nothing is told where none is named.
func (m *Messages) settle() {
	named := *m
	named.Parsed, named.Packets, named.Consolidate = false, false, false
	if named == (Messages{}) {
		*m = Messages{}
		return
	}
	m.Parsed = m.Parsed || m.Consolidate || !m.Packets
}

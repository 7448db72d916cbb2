package systemdtest

import (
	"sync"

	godbus "github.com/godbus/dbus/v5"
)

// Login is org.freedesktop.login1, which counts reboots.
type Login struct {
	mu      sync.Mutex
	reboots int
}

// NewLogin is a login manager.
func NewLogin(b *Bus) *Login {
	b.t.Helper()
	l := &Login{}
	b.offer("org.freedesktop.login1", map[string]any{"Reboot": l.reboot}, "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
	return l
}

func (l *Login) reboot(bool) *godbus.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reboots++
	return nil
}

// Reboots is how many somebody has asked for.
func (l *Login) Reboots() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reboots
}

// Polkit is org.freedesktop.PolicyKit1, which allows what it is told to.
type Polkit struct {
	mu    sync.Mutex
	allow map[string]bool
	asked []string
}

// NewPolkit is an authority that allows actions.
func NewPolkit(b *Bus, allow ...string) *Polkit {
	b.t.Helper()
	p := &Polkit{allow: map[string]bool{}}
	for _, a := range allow {
		p.allow[a] = true
	}
	b.offer("org.freedesktop.PolicyKit1", map[string]any{"CheckAuthorization": p.check},
		"/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority")
	return p
}

// Asked is the actions that somebody has asked for, with the subject's kind.
func (p *Polkit) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

// verdict is polkit's (bba{ss}).
type verdict struct {
	Allowed, Challenge bool
	Details            map[string]string
}

func (p *Polkit) check(subject struct {
	Kind    string
	Details map[string]godbus.Variant
}, action string, _ map[string]string, _ uint32, _ string) (verdict, *godbus.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, subject.Kind+" "+action)
	return verdict{Allowed: p.allow[action], Details: map[string]string{}}, nil
}

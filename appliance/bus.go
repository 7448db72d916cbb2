package appliance

import (
	"context"
	"fmt"

	"holdfast/appliance/box"
	"holdfast/bgp/speaker"
)

// newBox is the daemon on the system bus. Its methods are the control socket's
// handlers.
func (d *Daemon) newBox() *box.Box {
	handlers := d.handlers()
	return box.New(box.Options{Log: d.log, Facts: d.properties, Do: func(ctx context.Context, what, arg string) (any, error) {
		h, ok := handlers[what]
		if !ok {
			return nil, fmt.Errorf("this daemon does not know %s", what)
		}
		return h(ctx, arg)
	}})
}

// properties are what changes and is told on the bus.
func (d *Daemon) properties(ctx context.Context) (box.Facts, error) {
	var peers speaker.Status
	if err := d.onLoop(ctx, func() { peers = d.speaker.Status() }); err != nil {
		return box.Facts{}, err
	}
	in, plan, _ := d.reconciler.decided()
	f := box.Facts{Summary: d.summary(in, plan, peers), Generation: d.changes.view.Load().name(), Armed: in.Watchdog.Armed, Draining: len(in.Drains) > 0,
		Sessions: map[string]string{}, Gates: map[string]string{}}
	for _, p := range peers.Peers {
		f.Sessions[p.Name] = p.State
	}
	for name, s := range plan.Groups {
		if name == "" {
			continue
		}
		state := "open"
		if !s.On {
			state = "closed"
		}
		if why := s.Reason.String(); why != "" {
			state += ": " + why
		}
		f.Gates[name] = state
	}
	return f, nil
}

package appliance

import (
	"cmp"
	"context"

	"holdfast/appliance/client"
	"holdfast/appliance/control"
	"holdfast/appliance/helper"
)

// listen takes both sockets before anything else is begun: a second daemon does
// not come further than this.
func (d *Daemon) listen() (err error) {
	path := cmp.Or(d.options.Socket, d.loaded.Settings.ControlSocket, control.DefaultSocket)
	if d.control, err = control.Listen(path, d.handlers()); err != nil {
		return err
	}
	if d.api, err = control.Take("API socket", d.apiSocket(path)); err != nil {
		d.control.Close()
	}
	return err
}

// apiSocket is where the text API is spoken. Next to a control socket that has
// a place of its own, it has one too, so that a second daemon needs one word.
func (d *Daemon) apiSocket(control string) string {
	beside := client.Socket
	if d.options.Socket != "" || d.loaded.Settings.ControlSocket != "" {
		beside = control + ".api"
	}
	return cmp.Or(d.loaded.Settings.APISocket, d.options.APISocket, beside)
}

// serve answers on the sockets, and on ExaBGP's pipes if they are there.
func (d *Daemon) serve(t *tasks) {
	if d.options.NoControl {
		return
	}
	t.run(d.control.Serve)
	t.run(func(ctx context.Context) error { return d.helpers.Accept(ctx, d.api) })
	if p := helper.FindPipes(cmp.Or(d.options.Pipes, "exabgp")); p != nil {
		t.run(func(ctx context.Context) error { return d.helpers.Attend(ctx, *p) })
	}
}

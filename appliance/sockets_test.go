package appliance

import (
	"cmp"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/appliance/client"
	"holdfast/appliance/settings"
)

func TestWhereTheAPIIsSpoken(t *testing.T) {
	for _, c := range []struct {
		option, environment, control, api, want string
	}{
		{"", "", "", "", client.Socket},
		{"", "/e", "", "", "/e"},
		{"", "/e", "/c", "/a", "/a"},
		{"/o", "", "/c", "", "/o.api"}, // next to where the control socket is
		{"", "", "/c", "", "/c.api"},
		{"/o", "/e", "", "", "/e"},
	} {
		d := Daemon{options: Options{Socket: c.option, APISocket: c.environment},
			loaded: &Loaded{Settings: &settings.Settings{ControlSocket: c.control, APISocket: c.api}}}
		if got := d.apiSocket(cmp.Or(c.option, c.control)); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestSecondDaemonTakesNoSocket: it leaves the first one both of its own.
func TestSecondDaemonTakesNoSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	begin := func() (*Daemon, error) {
		d := &Daemon{options: Options{Socket: path}, loaded: &Loaded{Settings: settings.Default()}}
		return d, d.listen()
	}
	first, err := begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := begin(); err == nil || !strings.Contains(err.Error(), "control socket "+path+" is held by process") {
		t.Errorf("second daemon: %v", err)
	}
	first.control.Close()
	if _, err := begin(); err == nil || !strings.Contains(err.Error(), "API socket "+path+".api is held by process") {
		t.Errorf("second daemon: %v", err)
	}
	if st, err := os.Stat(path + ".api"); err != nil || st.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if c, err := net.Dial("unix", path+".api"); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	first.api.Close()
}

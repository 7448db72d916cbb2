package lab_test

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"holdfast/lab"
)

// TestSecretsAreNotTold puts a key wherever one can stand, has the daemon say all
// that it ever says, and looks for the keys there.
func TestSecretsAreNotTold(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("Planted-Base64"))
	s := tell(t, func(s *story) string { return "" })
	key := s.File("key", "Planted-File\n")
	os.Chmod(key, 0o600)
	signed := func(n int, words string) string {
		return fmt.Sprintf("neighbor 10.0.0.%d { router-id 192.0.2.1; local-address 10.0.0.1; local-as 65001; peer-as 6500%d; passive; %s }\n", n, n, words)
	}
	good := s.gated("link eth1;", "") + signed(3, "md5-password Planted-Inline;") + signed(4, "md5-password-file key;") +
		signed(5, "md5-password "+encoded+"; md5-base64 true;")
	good = strings.Replace(good, "neighbor 10.0.0.2 {", "neighbor 10.0.0.2 { md5-password Planted-Session;", 1)
	conf := s.File("secret.conf", "process lab { run "+s.File("puppet", "#!/bin/sh\nexec sleep 1000\n")+"; encoder json; }\n"+good)
	os.Chmod(conf, 0o600)
	state := filepath.Join(s.Dir, "state")
	os.Mkdir(state, 0o700)
	socket := s.daemon.Socket()
	s.bird.Stop()
	s.bird = lab.BIRD(s.upstream, lab.Session{Local: peer4, Remote: box4, LocalAS: 65002, RemoteAS: 65001, Passive: true, Password: "Planted-Session"})
	s.bird.Start()
	s.Until(soon, "bird listens", func() bool { return s.upstream.Listens(179) })
	daemon := s.box.Start("holdfast", []string{"STATE_DIRECTORY=" + state}, lab.Binary(s), "run", conf, "--socket", socket, "--debug")
	s.announced()

	var said strings.Builder
	say := func(args ...string) {
		fmt.Fprintf(&said, "%q:\n%s\n", args[0], s.holdfast(args...))
	}
	wrong := s.File("wrong.conf", good+signed(6, "md5-password one Planted-Wrong;")+signed(7, "md5-password Planted-Wrong")+signed(8, "tcp-ao { password Planted-Wrong }"))
	aged := s.File("ao.conf", signed(6, "tcp-ao { keyid 1; password Planted-AO; }")+signed(7, "tcp-ao { keyid 1; password-file key; }"))
	for _, line := range []string{
		"create neighbor 10.0.0.9 local-address 10.0.0.1 local-as 65001 peer-as 65009 router-id 192.0.2.1 md5-password Planted-API",
		"create neighbor 10.0.0.10 md5-password Planted-API", "create neighbor 10.0.0.9 local-as 65001 md5 Planted-API",
		"show neighbor", "show neighbor extensive", "show neighbor configuration", "show neighbor json", "show neighbor summary",
		"show adj-rib out extensive", "daemon status", "session ping", "system version", "system help",
	} {
		batch := s.File("batch", line+"\n") // or its words would be in what the lab says of it
		say("cli", "--socket", socket+".api", "--batch", batch)
		say("cli", "--socket", socket+".api", "--json", "--batch", batch)
	}
	for _, words := range []string{"status --json", "status", "neighbors", "neighbors --json", "routes", "routes --json", "explain 192.0.2.53", "explain 192.0.2.53 --json",
		"env", "history", "history --json", "diff"} {
		say(append(strings.Fields(words), "--socket", socket)...)
	}
	for _, file := range []string{conf, aged, wrong} {
		say("validate", file)
		say("config", "export", file)
		say("configuration", "export", file)
	}
	s.File("secret.conf", s.read(wrong))
	say("reload", "--socket", socket)
	os.Chmod(key, 0o644) // a key that everybody may read is refused, and not shown
	s.File("secret.conf", s.read(filepath.Join(s.Dir, "wrong.conf"))[:len(good)])
	say("reload", "--socket", socket)
	daemon.Signal(syscall.SIGQUIT) // the trace of a panic
	daemon.Wait(soon)
	said.WriteString(daemon.Log())
	if len(said.String()) < 5000 || !strings.Contains(said.String(), "md5-password") || !strings.Contains(said.String(), "what is secret") {
		t.Errorf("little was said:\n%s", said.String())
	}
	for _, secret := range []string{"Planted", encoded} {
		if i := strings.Index(said.String(), secret); i >= 0 {
			t.Errorf("a secret was told: …%s", said.String()[max(0, i-400):min(said.Len(), i+100)])
		}
	}
	filepath.WalkDir(state, func(path string, e fs.DirEntry, err error) error {
		if info, err := e.Info(); err == nil && info.Mode().Perm()&0o077 != 0 {
			b, _ := os.ReadFile(path)
			if strings.Contains(string(b), "Planted") {
				t.Errorf("%s has a secret, and mode %o", path, info.Mode().Perm())
			}
		}
		return err
	})
}

package environ

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	e, err := Read([]string{"exabgp_tcp_port=1790", "exabgp.tcp.bind=192.0.2.1 ::1", "exabgp_bgp_paths_limit_audit=true", "HOME=/", "exabgp_api_chunk=2", "exabgp_new_word=1", "exabgp.log.level=debug", "exabgp_log_level=ERR", "exabgp_daemon_umask=0o137", "exabgp_tcp_acl=off"},
		strings.NewReader("# a file\n[exabgp.tcp]\nport = 1791\nonce = yes\n\n[exabgp.api]\nack = 'off'\n"), "exabgp.env")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(e.Port(), e.Addrs("tcp.bind"), e.Bool("api.ack"), e.Bool("api.cli"), e.Get("log.level"), e.From("log.level"), e.From("tcp.once"))
	if diff := cmp.Diff("1790 [192.0.2.1 ::1] false true debug exabgp.log.level exabgp.env:4\n", got); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"exabgp.env:4 has no effect: a neighbor is dialled until it answers: who gave up could not be reached any more",
		"exabgp_api_chunk has no effect: the loop never waits for a helper",
		"exabgp_bgp_paths_limit_audit has no effect: a limit that a neighbor tells is shown, and not enforced",
		`exabgp_new_word: there is no setting "new.word"`,
	}
	if diff := cmp.Diff(want, e.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestWrongValues(t *testing.T) {
	_, err := Read([]string{"exabgp_tcp_port=65536", "exabgp_tcp_bind=here", "exabgp_api_ack=maybe", "exabgp_daemon_umask=9", "exabgp_reactor_speed=-1", "exabgp_log_level=loud", "exabgp_api_version=5"},
		strings.NewReader("[exabgp.tcp]\nport\nattempts = many\n"), "f")
	want := `f:2: want KEY = VALUE or [exabgp.SECTION], got "port"
f:3: want a number up to 2147483647, got "many"
exabgp_tcp_port: want a number up to 65535, got "65536"
exabgp_tcp_bind: want addresses, got "here"
exabgp_api_ack: want true or false, got "maybe"
exabgp_daemon_umask: want a file mode like 0137, got "9"
exabgp_reactor_speed: want a number, got "-1"
exabgp_log_level: want DEBUG, INFO, NOTICE, WARNING, ERR, ERROR, CRITICAL, ALERT, EMERG, got "loud"
exabgp_api_version: want 4, 6, got "5"`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
}

// TestDefaultsAreValues: what a setting is without anybody's word is a value.
func TestDefaultsAreValues(t *testing.T) {
	for i := range Table {
		if err := Table[i].check(Table[i].Default); err != nil {
			t.Errorf("%s: %v", Table[i].Name(), err)
		}
		if Find(Table[i].Name()) != &Table[i] {
			t.Errorf("%s stands there twice", Table[i].Name())
		}
	}
}

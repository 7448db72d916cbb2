package boot

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// board is a box whose boot loader has two slots, with another program to read
// and write its environment.
type board struct {
	*testing.T
	*slotted
	full bool // the script can't write to the environment

	get func() variables
	set func(name, value string)
}

const envSize = 0x400

func newBoard(t *testing.T, kind string) *board {
	t.Helper()
	b := &board{T: t, slotted: &slotted{root: memory(t), disk: quick{}}}
	b.put("etc/os-release", "IMAGE_VERSION=1.0.0\n")
	b.put("boot/.keep", "")
	if kind == "uboot" {
		b.asUBoot()
	} else {
		b.asGRUB()
	}
	return b
}

func (b *board) put(path, text string) {
	(&box{T: b.T, root: b.root}).write(path, []byte(text))
}

// asUBoot has an environment that fw_setenv has written.
func (b *board) asUBoot() {
	b.env = uboot{}
	b.put("env", strings.Repeat("\xff", 3*envSize))
	b.put(fwEnv, fmt.Sprintf("# two copies\n/env 0x0 0x%x\n/env 0x%x 0x%x\n", envSize, 2*envSize, envSize))
	file := filepath.Join(b.root, "env")
	b.put("tool.config", fmt.Sprintf("%s 0x0 0x%x\n%s 0x%x 0x%x\n", file, envSize, file, 2*envSize, envSize))
	b.put("default", "bootcmd=run distro\nmac=00:11\n")
	config := filepath.Join(b.root, "tool.config")
	b.get = func() variables { return parseLines(b.tool("fw_printenv", "-c", config)) }
	b.set = func(name, value string) {
		b.tool("fw_setenv", "-c", config, "-f", filepath.Join(b.root, "default"), name, value)
	}
	b.set("bootdelay", "1")
}

func (b *board) asGRUB() {
	b.env = grub{}
	file := filepath.Join(b.root, grubEnv)
	b.put(grubEnv, "")
	b.tool("grub-editenv", file, "create")
	b.get = func() variables { return parseLines(b.tool("grub-editenv", file, "list")) }
	b.set = func(name, value string) { b.tool("grub-editenv", file, "set", name+"="+value) }
	b.set("saved_entry", `a\b`)
}

func (b *board) tool(argv ...string) string {
	b.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		b.Fatalf("%s: %v: %s", argv[0], err, out)
	}
	return string(out)
}

func parseLines(text string) variables {
	v := variables{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			v[name] = value
		}
	}
	return v
}

// scripts are those of docs/boards, and what their commands are to a shell, with
// the environment in its variables. A kernel image is booted if it is in $LOADS.
var scripts = map[string]struct{ file, commands string }{
	"uboot": {"boot.cmd", `
setenv() { eval "$1=\$2"; }
setexpr() { eval "$1=$(($2 $3 $4))"; }
saveenv() { test -z "$FULL" || return 1; echo "save BOOT_A_LEFT=$BOOT_A_LEFT"; echo "save BOOT_B_LEFT=$BOOT_B_LEFT"; }
load() { image=$4; }
bootefi() { case $LOADS in *" $image "*) echo "boot $image"; exit ;; *) false ;; esac; }
reset() { exit 0; }
kernel_addr_r=0x1000 fdtcontroladdr=0x2000
`},
	"grub": {"grub.cfg", `
load_env() { :; }
save_env() { test -z "$FULL" || return 1; eval "echo save $1=\$$1"; }
chainloader() { image=${1#/boot/}; case $LOADS in *" $image "*) ;; *) false ;; esac; }
boot() { echo "boot $image"; exit; }
reboot() { exit 0; }
`},
}

// reset has the board's script boot a slot, and gives its version.
func (b *board) reset() string {
	b.Helper()
	script := scripts[b.Name()]
	text, err := os.ReadFile("../../docs/boards/" + script.file)
	if err != nil {
		b.Fatal(err)
	}
	v, versions := b.get(), map[string]string{}
	var begin strings.Builder
	for name, value := range v {
		if name == b.env.order() || strings.HasPrefix(name, "BOOT_") || strings.HasPrefix(name, "HOLDFAST_") || strings.HasPrefix(name, "A_") || strings.HasPrefix(name, "B_") {
			fmt.Fprintf(&begin, "%s='%s'\n", name, value)
		}
	}
	for _, slot := range slotNames {
		if version := loads(b.kernelPath(slot)); version != "" || slot == "A" && (v["HOLDFAST_A"] == "1.0.0" || v["HOLDFAST_A"] == "") {
			versions["boot holdfast_"+slot+".efi"] = cmp.Or(version, v["HOLDFAST_"+slot], "1.0.0")
		}
	}
	fmt.Fprintf(&begin, "LOADS=' '\nFULL=%s\n", map[bool]string{true: "1"}[b.full])
	for line := range versions {
		fmt.Fprintf(&begin, "LOADS=\"${LOADS}%s \"\n", strings.TrimPrefix(line, "boot "))
	}
	c := exec.Command("sh", "-s")
	c.Stdin = strings.NewReader(begin.String() + script.commands + string(text))
	out, err := c.CombinedOutput()
	if err != nil {
		b.Fatalf("%s: %v: %s", script.file, err, out)
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if name, value, saves := strings.Cut(strings.TrimPrefix(line, "save "), "="); saves {
			b.set(name, value)
		} else if version := versions[line]; version != "" {
			b.put("etc/os-release", "IMAGE_VERSION="+version+"\n")
			return version
		} else {
			b.Errorf("%s: %s", script.file, line)
		}
	}
	return ""
}

// TestNewBoard: with an environment that nobody has written, A is booted.
func TestNewBoard(t *testing.T) {
	for _, kind := range kinds {
		if got := newBoard(t, kind).reset(); got != "1.0.0" {
			t.Errorf("%s boots %q", kind, got)
		}
	}
}

// TestUncounted: a try that can't be counted is not made, which would have no end.
func TestUncounted(t *testing.T) {
	for _, kind := range kinds {
		b := newBoard(t, kind)
		want(t, b.Install("2.0.0", image("2.0.0"), 1), "")
		b.full = true
		if got := b.reset(); got != "1.0.0" {
			t.Errorf("%s boots %q", kind, got)
		}
		b.full = false
		if got := b.reset(); got != "2.0.0" {
			t.Errorf("%s boots %q, though it can count again", kind, got)
		}
	}
}

// TestGRUBReads: to GRUB itself, its script is one.
func TestGRUBReads(t *testing.T) {
	(&board{T: t}).tool("grub-script-check", "../../docs/boards/grub.cfg")
}

var kinds = []string{"uboot", "grub"}

// TestSlots is the life of a board, whose environment another program reads and
// writes too.
func TestSlots(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			b := newBoard(t, kind)
			tries := map[string]int{"uboot": 2, "grub": 1}[kind]
			step := func(err error, state string) {
				t.Helper()
				want(t, err, "")
				if got := text(t, b); got != state {
					t.Fatalf("got %s, want %s: %v", got, state, b.get())
				}
			}
			boot := func(version string) {
				t.Helper()
				if got := b.reset(); got != version {
					t.Fatalf("%q is booted, want %s: %v", got, version, b.get())
				}
			}
			step(nil, "1.0.0 good primary")
			step(b.Install("2.0.0", image("2.0.0"), 2), fmt.Sprintf("2.0.0 trying %d primary, 1.0.0 good", tries))
			for range tries {
				boot("2.0.0")
			}
			step(nil, "2.0.0 trying 0, 1.0.0 good primary")
			boot("1.0.0")
			step(nil, "2.0.0 bad, 1.0.0 good primary")
			step(b.Install("3.0.0", image("3.0.0"), 2), fmt.Sprintf("3.0.0 trying %d primary, 1.0.0 good", tries))
			// The daily look after what runs leaves what waits for its trial.
			step(b.MarkGood("1.0.0"), fmt.Sprintf("3.0.0 trying %d primary, 1.0.0 good", tries))
			boot("3.0.0")
			want(t, b.Install("4.0.0", image("4.0.0"), 2), "on trial")
			step(b.MarkGood("3.0.0"), "3.0.0 good primary, 1.0.0 good")
			for range 5 {
				boot("3.0.0")
			}
			step(b.Remove("1.0.0"), "3.0.0 good primary")
			want(t, b.MarkBad("3.0.0"), "no other version is good")
			step(b.Install("2.5.0", image("2.5.0"), 1), "3.0.0 good, 2.5.0 trying 1 primary")
			boot("2.5.0")
			step(b.MarkGood("2.5.0"), "3.0.0 good, 2.5.0 good primary")
			step(b.MarkBad("2.5.0"), "3.0.0 good primary, 2.5.0 bad")
			boot("3.0.0")
			v := b.get()
			for name, value := range map[string]variables{"uboot": {"bootcmd": "run distro", "mac": "00:11", "bootdelay": "1"}, "grub": {"saved_entry": `a\b`}} {
				for n, s := range value {
					if name == kind && v[n] != s {
						t.Errorf("%s was %s, and is %q", n, s, v[n])
					}
				}
			}
		})
	}
}

// TestSlotsPowerCut: after a stop at any operation the old version is booted, and
// the installation can be done again.
func TestSlotsPowerCut(t *testing.T) {
	for _, kind := range kinds {
		cuts := 0
		for through := false; !through && cuts < 100; cuts++ {
			b := newBoard(t, kind)
			b.disk = &cut{left: cuts}
			err := b.Install("2.0.0", image("2.0.0"), 1)
			through = err == nil
			b.disk = quick{}
			if through {
				break
			}
			want(t, err, errPower.Error())
			s := b.settled(must(b.env.load(b.root)), "1.0.0")
			if slot := b.order(s)[0]; s[versionOf+slot] != "1.0.0" && (s[versionOf+slot] != "2.0.0" || loads(b.kernelPath(slot)) == "") {
				t.Errorf("%s: after %d operations: %v", kind, cuts, s)
			}
			if err := b.Install("2.0.0", image("2.0.0"), 1); err != nil {
				t.Errorf("%s: after %d operations, again: %v", kind, cuts, err)
			}
			if got := text(t, b); got != "2.0.0 trying 1 primary, 1.0.0 good" {
				t.Errorf("%s: after %d operations, again: %s", kind, cuts, got)
			}
		}
		if cuts < 8 {
			t.Errorf("%s: %d operations", kind, cuts)
		}
	}
}

func must(v variables, err error) variables {
	if err != nil {
		panic(err)
	}
	return v
}

// cut is disks whose power goes after so many operations, the last of which
// writes a part.
type cut struct {
	quick
	left int
}

func (c *cut) op() bool { c.left--; return c.left >= 0 }

func (c *cut) Write(path string, b []byte) error {
	if !c.op() {
		return errPowerAfter(c.quick.Write(path, b[:len(b)/2]))
	}
	return c.quick.Write(path, b)
}

func (c *cut) Patch(path string, at int64, b []byte) error {
	if !c.op() {
		return errPowerAfter(c.quick.Patch(path, at, b[:len(b)/2]))
	}
	return c.quick.Patch(path, at, b)
}

func (c *cut) Sync(path string) error {
	if !c.op() {
		return errPower
	}
	return c.quick.Sync(path)
}

func (c *cut) Rename(from, to string) error {
	if !c.op() {
		return errPower
	}
	return c.quick.Rename(from, to)
}

func (c *cut) Remove(path string) error {
	if !c.op() {
		return errPower
	}
	return c.quick.Remove(path)
}

func errPowerAfter(err error) error {
	if err == nil {
		err = errPower
	}
	return err
}

func TestFwEnv(t *testing.T) {
	for text, w := range map[string]string{
		"# comment\n\n/dev/mmcblk0 0x3fc000 0x2000\n/dev/mmcblk0\t4177920 2000 0x200 1\n": "",
		"/dev/mmcblk0 0x0 0x2000\n":          "want two copies",
		"/env 0x0 0x2000\n/env 0x0 0x4000\n": "of one size",
		"/env\n":                             `fw_env.config:1: want a device, an offset and a size, got "/env"`,
		"\n/env -0x4000 0x2000\n":            "fw_env.config:2: want an offset from the beginning",
		"/env 0 zz\n":                        "a size below 16 MiB",
		"/dev/mtd0 0 0x2000\n":               "flash has to be erased",
		"":                                   "want two copies",
	} {
		places, err := parseFwEnv(text, "fw_env.config")
		want(t, err, w)
		if err == nil && (places[0] != place{"/dev/mmcblk0", 0x3fc000, 0x2000} || places[1].size != 0x2000) {
			t.Errorf("%+v", places)
		}
	}
}

// TestNoEnv: what U-Boot has built in is not lost.
func TestNoEnv(t *testing.T) {
	b := newBoard(t, "uboot")
	b.put("env", strings.Repeat("\xff", 3*envSize))
	want(t, b.Install("2.0.0", image("2.0.0"), 1), "run saveenv in U-Boot once")
	g := newBoard(t, "grub")
	g.put(grubEnv, "x")
	want(t, g.MarkGood("1.0.0"), `mark version 1.0.0 good: /boot/grub/grubenv: want 1024 octets that begin with`)
}

// TestWrap: the number of a copy comes back to 0, in U-Boot's tools too.
func TestWrap(t *testing.T) {
	b := newBoard(t, "uboot")
	for i := range 300 {
		if err := b.env.save(b.disk, b.root, variables{"i": fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		if i%16 == 15 || i > 250 && i < 260 {
			if v := b.get(); v["i"] != fmt.Sprint(i) {
				t.Fatalf("%d: fw_printenv says %v", i, v)
			}
		}
	}
	for range 3 {
		b.set("x", "1")
		if v, err := b.env.load(b.root); v["x"] != "1" || v["i"] != "299" || err != nil {
			t.Fatal(v, err)
		}
		b.set("x", "")
	}
	want(t, b.env.save(b.disk, b.root, variables{"x": strings.Repeat("x", envSize)}), "there is room for 1024")
}

func FuzzEnv(f *testing.F) {
	b, _ := appendEnv(variables{"BOOT_ORDER": "A B"}, 7, 64)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := parseEnv(b)
		if !ok {
			return
		}
		again, err := appendEnv(v, b[4], len(b)+1)
		if err != nil {
			t.Fatal(err)
		}
		if w, ok := parseEnv(again); !ok || !maps.Equal(v, w) {
			t.Errorf("%q: %v, and again %v", b, v, w)
		}
	})
}

func FuzzFwEnv(f *testing.F) {
	f.Add("/dev/mmcblk0 0x3fc000 0x2000\n/dev/mmcblk0 0x3fe000 0x2000\n")
	f.Fuzz(func(_ *testing.T, s string) { parseFwEnv(s, "f") })
}

func FuzzGRUB(f *testing.F) {
	b, _ := appendGRUB(variables{"ORDER": "A B", "x": "a\\b\nc"})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseGRUB(b)
		if err != nil {
			return
		}
		again, err := appendGRUB(v)
		if err != nil {
			return // a name that has to be escaped
		}
		if w, err := parseGRUB(again); err == nil && len(w) > len(v) {
			t.Errorf("%q: %v, and again %v", b, v, w)
		}
	})
}

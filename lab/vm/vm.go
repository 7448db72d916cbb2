// Package vm is machines in an emulator: Debian's kernel and service manager with
// our program, a disk, an emulated hardware watchdog, and a link that ends on a
// host of the lab.
package vm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"holdfast/image/tree"
	"holdfast/lab"
)

// Options is what a machine has.
type Options struct {
	Name   string
	Link   string // the name of the tap on the lab's host
	Extra  tree.Tree
	Disks  []string // images, virtio disks in this order: vda, vdb, …
	Append string   // for the kernel
	Serial string   // of the machine, in SMBIOS
	Memory int      // MiB; 0 is 768
	More   []string // arguments of the emulator
	// Firmware is the architecture, amd64 or arm64, of a machine that boots the
	// disk Image as a box does, "amd64-secure" for one with Secure Boot, or "uboot"
	// for an ARM board with U-Boot; without, the kernel is started directly, with
	// the lab's root in memory.
	Firmware string
	Image    string // path; the machine has a copy
	// Direct is an image for amd64 whose kernel is started directly, so that more
	// can stand on its command line.
	Direct *Image
}

// Machine is one that has been started.
type Machine struct {
	*lab.Host // where its link ends
	Options
	base    string
	initrd  string
	console string // path
	qemu    *exec.Cmd
	done    chan struct{}
	qmp     *qmp
	seen    int // octets of the console that Wait has passed
}

// patience bounds the wait for what has to come: an emulator on a loaded host is
// slow, and only a failure takes that long.
const patience = 5 * time.Minute

// ticks has processors tick whether they have something to do or not: the emulator
// loses the one tick that would have woken a processor, once in some hundred
// boots, and the machine stands still.
const ticks = "nohz=off highres=off"

// Boot starts a machine whose link ends on h.
func Boot(h *lab.Host, o Options) *Machine {
	h.Helper()
	m := &Machine{Host: h, Options: o, base: filepath.Join(h.Dir, o.Name)}
	m.console = m.base + ".console"
	m.initrd = m.base + ".initrd"
	if m.Memory == 0 {
		m.Memory = 768
	}
	switch {
	case m.Direct != nil:
		m.Disks = append([]string{m.overlay(m.Direct.Disk)}, m.Disks...)
	case m.Firmware != "":
		m.Disks = append([]string{m.overlay(m.Image)}, m.Disks...)
	default:
		m.writeInitrd()
	}
	h.IP("tuntap add dev " + o.Link + " mode tap")
	h.IP("link set " + o.Link + " up")
	h.Cleanup(m.Kill)
	h.Cleanup(func() {
		if h.Failed() {
			h.Logf("the console of %s\n%s\nwhat the emulator refused: %q", o.Name, lab.Tail(m.console, 60), m.qmp.refused())
		}
	})
	m.Start()
	return m
}

// writeInitrd joins the root that all machines have and what this one has: the
// kernel unpacks one archive after the other.
func (m *Machine) writeInitrd() {
	m.Helper()
	root, err := os.ReadFile(Root(m.Lab))
	if err != nil {
		m.Fatalf("vm: %v", err)
	}
	var b bytes.Buffer
	b.Write(root)
	extra := tree.Tree{}
	for name, f := range m.Extra {
		extra[name] = f
	}
	program, err := os.ReadFile(lab.Binary(m.Host))
	if err != nil {
		m.Fatalf("vm: %v", err)
	}
	extra.File("usr/bin/holdfast", 0o755, program)
	if err := extra.WriteCPIO(&b); err != nil {
		m.Fatalf("vm: %v", err)
	}
	if err := os.WriteFile(m.initrd, b.Bytes(), 0o644); err != nil {
		m.Fatalf("vm: %v", err)
	}
}

// Start turns the machine on.
func (m *Machine) Start() {
	m.Helper()
	args := []string{"-accel", "tcg,thread=multi", "-smp", "2", "-m", fmt.Sprint(m.Memory), "-nodefaults", "-display", "none",
		"-chardev", "file,id=serial,append=on,path=" + m.console, "-serial", "chardev:serial",
		"-qmp", "unix:" + m.base + ".qmp,server=on,wait=off",
		"-device", "i6300esb", "-action", "watchdog=reset", "-device", "virtio-rng-pci",
		"-netdev", "tap,id=n,script=no,downscript=no,ifname=" + m.Link, "-device", "virtio-net-pci,netdev=n,mac=52:54:00:12:34:56"}
	switch {
	case m.Direct != nil:
		args = append(args, "-machine", "q35", "-cpu", "max", "-kernel", m.Direct.Kernel, "-initrd", m.Direct.Initrd, "-append", m.Direct.Line+" "+m.Append)
	case m.Firmware != "":
		args = append(args, m.firmware()...)
	default:
		args = append(args, "-machine", "q35", "-cpu", "max", "-kernel", Kernel(m.Lab), "-initrd", m.initrd,
			"-append", "console=ttyS0 rdinit=/sbin/init panic=5 quiet systemd.show_status=0 "+ticks+" "+m.Append)
	}
	if m.Serial != "" {
		args = append(args, "-smbios", "type=1,serial="+m.Serial)
	}
	for i, d := range m.Disks {
		args = append(args, "-drive", fmt.Sprintf("if=none,id=d%d,format=raw,cache=writeback,file=%s", i, d), "-device", fmt.Sprintf("virtio-blk-pci,drive=d%d", i))
	}
	argv := append([]string{"ip", "netns", "exec", m.NS, m.emulator()}, append(args, m.More...)...)
	os.Remove(m.base + ".qmp")
	m.qemu = exec.Command(argv[0], argv[1:]...)
	m.qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.OpenFile(m.base+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		m.Fatalf("vm: %v", err)
	}
	defer log.Close()
	m.qemu.Stdout, m.qemu.Stderr = log, log
	if err := m.qemu.Start(); err != nil {
		m.Fatalf("vm: %v", err)
	}
	m.done = make(chan struct{})
	go func(c *exec.Cmd, done chan struct{}) { c.Wait(); close(done) }(m.qemu, m.done)
	m.qmp = m.monitor()
}

func (m *Machine) emulator() string {
	if m.Firmware != "" {
		return boards[m.Firmware].qemu
	}
	return "qemu-system-x86_64"
}

// Kill is a power cut.
func (m *Machine) Kill() {
	if m.qmp != nil {
		m.qmp.close()
	}
	if m.qemu != nil && m.qemu.Process != nil {
		m.qemu.Process.Kill()
		<-m.done
	}
}

// Console is all that the machine has written to its serial line.
func (m *Machine) Console() string {
	b, _ := os.ReadFile(m.console)
	return string(b)
}

// Wait waits until the console says something that it has not said before the
// last Wait, and gives what stands behind it up to now.
func (m *Machine) Wait(text string) string {
	m.Helper()
	var rest string
	m.Until(patience, fmt.Sprintf("the console of %s says %q", m.Name, text), func() bool {
		all := m.Console()
		_, after, found := strings.Cut(all[min(m.seen, len(all)):], text)
		if found {
			rest, m.seen = after, len(all)-len(after)
		}
		return found
	})
	return rest
}

// SSH is the command that runs another on the machine, as root.
func (m *Machine) SSH(command string) []string {
	return []string{"ssh", "-q", "-i", Key(m.Lab), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=60",
		"-o", "ServerAliveInterval=5", "root@" + Address, command}
}

// Run runs a shell's command on the machine, which must succeed; it waits until
// somebody listens there.
func (m *Machine) Run(command string) string {
	m.Helper()
	var out []byte
	var err error
	lab.Poll(patience, func() bool {
		out, err = m.Try(m.SSH(command)...)
		return !unheard(err)
	})
	if err != nil {
		m.Fatalf("vm: %s: %v", command, err)
	}
	return strings.TrimSpace(string(out))
}

// unheard says whether it was ssh itself that failed.
func unheard(err error) bool {
	var e *exec.ExitError
	return errors.As(err, &e) && e.ExitCode() == 255
}

// Ask is Run for a command that may fail, "" then.
func (m *Machine) Ask(command string) string {
	out, err := m.Try(m.SSH(command)...)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// Reachable waits until the machine takes commands.
func (m *Machine) Reachable() {
	m.Helper()
	m.Until(patience, m.Name+" takes commands over ssh", func() bool { return m.Ask("echo here") == "here" })
}

// Put writes a file on the machine, at once: others see all of it or nothing.
func (m *Machine) Put(path, text string) {
	m.Helper()
	argv := m.SSH(fmt.Sprintf("cat >%s.part && mv %s.part %s", path, path, path))
	c := exec.Command("ip", append([]string{"netns", "exec", m.NS}, argv...)...)
	c.Stdin = strings.NewReader(text)
	if out, err := c.CombinedOutput(); err != nil {
		m.Fatalf("vm: put %s: %v %s", path, err, out)
	}
}

// Address is the machine's own on its link, Router what the lab's host has.
const (
	Address = "10.0.0.1"
	Router  = "10.0.0.2"
)

// once per process: a root takes ten seconds to make.
var made struct {
	sync.Mutex
	dir, root, kernel, key string
}

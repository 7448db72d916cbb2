package vm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"holdfast/image/rootfs"
	"holdfast/image/tree"
	"holdfast/lab"
)

// cache is where packages and what is made of them stay between runs.
const cache = "/var/cache/holdfast-lab"

// Root is the path of the root that all machines have, as an archive for the
// kernel, without our program.
func Root(l *lab.Lab) string { makeRoot(l); return made.root }

// Kernel is the path of the kernel.
func Kernel(l *lab.Lab) string { makeRoot(l); return made.kernel }

// Key is the path of the key with which root is reached.
func Key(l *lab.Lab) string { makeRoot(l); return made.key }

func makeRoot(l *lab.Lab) {
	l.Helper()
	made.Lock()
	defer made.Unlock()
	if made.root != "" {
		return
	}
	r, err := rootfs.Build(context.Background(), rootfs.Options{Arch: "amd64", Polkit: true, Cache: filepath.Join(cache, "amd64")})
	if err != nil {
		l.Fatalf("vm: %v", err)
	}
	dir, err := os.MkdirTemp("", "holdfast-vm-")
	if err != nil {
		l.Fatalf("vm: %v", err)
	}
	made.dir = dir
	key := filepath.Join(dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", key).CombinedOutput(); err != nil {
		l.Fatalf("vm: ssh-keygen: %v %s", err, out)
	}
	if err := dress(r.Tree, dir, key); err != nil {
		l.Fatalf("vm: %v", err)
	}
	var b bytes.Buffer
	if err := r.WriteCPIO(&b); err != nil {
		l.Fatalf("vm: %v", err)
	}
	root, kernel := filepath.Join(dir, "root"), filepath.Join(dir, "vmlinuz")
	if err := os.WriteFile(root, b.Bytes(), 0o644); err != nil {
		l.Fatalf("vm: %v", err)
	}
	if err := os.WriteFile(kernel, r.Kernel, 0o644); err != nil {
		l.Fatalf("vm: %v", err)
	}
	made.root, made.kernel, made.key = root, kernel, key
}

// Remove removes what was made for all machines: for the end of TestMain.
func Remove() { os.RemoveAll(made.dir) }

// dress gives a root what machines of the lab have: an address, a key for root, a
// disk for what survives, and two users: ops is a member of our group, guest not.
func dress(t tree.Tree, dir, key string) error {
	host := filepath.Join(dir, "hostkey")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host).CombinedOutput(); err != nil {
		return fmt.Errorf("ssh-keygen: %w %s", err, out)
	}
	for at, from := range map[string]string{"etc/ssh/ssh_host_ed25519_key": host, "etc/ssh/authorized_keys/root": key + ".pub"} {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		t.File(at, 0o600, data)
	}
	t["etc/passwd"].Data = append(t["etc/passwd"].Data, "ops:x:1000:1000::/:/bin/sh\nguest:x:1001:1001::/:/bin/sh\n"...)
	t["etc/group"].Data = append(bytes.Replace(t["etc/group"].Data, []byte("holdfast:x:105:\n"), []byte("holdfast:x:105:ops\n"), 1), "ops:x:1000:\nguest:x:1001:\n"...)
	t.File("etc/systemd/network/10-lab.network", 0o644, fmt.Appendf(nil, "[Match]\nName=en* eth*\n\n[Network]\nAddress=%s/24\nAddress=fd00::1/64\nIPv6AcceptRA=no\nLinkLocalAddressing=ipv6\n", Address))
	t.File("etc/fstab", 0o644, []byte("LABEL=holdfast-data /var/lib/holdfast ext4 nofail,x-systemd.device-timeout=60 0 0\n"))
	t.File("etc/systemd/journald.conf.d/lab.conf", 0o644, []byte("[Journal]\nForwardToConsole=yes\nMaxLevelConsole=info\n"))
	// What waits for the disk needs its folder's owner too.
	t.File("etc/systemd/system/holdfast.service.d/lab.conf", 0o644, []byte("[Unit]\nRequiresMountsFor=/var/lib/holdfast\n"))
	return nil
}

// Disk makes an ext4 image of that label in the lab's folder and gives its path.
func Disk(l *lab.Lab, name, label string, mib int) string {
	l.Helper()
	path := filepath.Join(l.Dir, name)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		l.Fatalf("vm: %v", err)
	}
	if err := os.Truncate(path, int64(mib)<<20); err != nil {
		l.Fatalf("vm: %v", err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-L", label, "-F", path).CombinedOutput(); err != nil {
		l.Fatalf("vm: mkfs.ext4: %v %s", err, out)
	}
	return path
}

// Stick makes a FAT image of that label with files in it, by their paths.
func Stick(l *lab.Lab, name, label string, files map[string]string) string {
	l.Helper()
	path := filepath.Join(l.Dir, name)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		l.Fatalf("vm: %v", err)
	}
	if err := os.Truncate(path, 32<<20); err != nil {
		l.Fatalf("vm: %v", err)
	}
	if out, err := exec.Command("mkfs.vfat", "-n", label, path).CombinedOutput(); err != nil {
		l.Fatalf("vm: mkfs.vfat: %v %s", err, out)
	}
	folders := map[string]bool{".": true}
	for at, text := range files {
		for dir := filepath.Dir(at); !folders[dir]; dir = filepath.Dir(dir) {
			folders[dir] = true
			exec.Command("mmd", "-i", path, "::"+dir).Run()
		}
		from := l.File("stick-file", text)
		if out, err := exec.Command("mcopy", "-i", path, "-o", from, "::"+at).CombinedOutput(); err != nil {
			l.Fatalf("vm: mcopy %s: %v %s", at, err, out)
		}
	}
	return path
}

// Read gives a file of a FAT image, "" if it is not there.
func Read(image, at string) string {
	out, err := exec.Command("mtype", "-i", image, "::"+at).Output()
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}

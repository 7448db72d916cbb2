package boot

import (
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// fwEnv says where the environment of U-Boot is, as for fw_setenv(1).
const fwEnv = "etc/fw_env.config"

// NewUBoot is U-Boot on the box whose files are below a folder. Its environment
// must have two copies, of which one is written while the other one is good.
func NewUBoot(root string) Backend { return &slotted{root, system{}, uboot{}} }

type uboot struct{}

func (uboot) name() string  { return "uboot" }
func (uboot) order() string { return "BOOT_ORDER" }
func (uboot) left(v variables, slot string) int {
	n, _ := strconv.Atoi(v["BOOT_"+slot+"_LEFT"])
	return n
}
func (uboot) setLeft(v variables, slot string, tries int) {
	v["BOOT_"+slot+"_LEFT"] = strconv.Itoa(tries)
}

// place is where one copy of the environment is.
type place struct {
	path string
	at   int64
	size int
}

// envHeader is a checksum and, since there are two copies, a number that grows
// with each that is written.
const envHeader = 5

// parseFwEnv reads fw_env.config: DEVICE OFFSET SIZE [SECTOR-SIZE [SECTORS]],
// where the sizes are hexadecimal.
func parseFwEnv(text, file string) (places []place, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		bad := func(want string) error {
			return fmt.Errorf("%s:%d: %s, got %q", file, n, want, strings.TrimSpace(line))
		}
		if len(f) < 3 {
			return nil, bad("want a device, an offset and a size")
		}
		at, err := strconv.ParseInt(f[1], 0, 63)
		size, err2 := strconv.ParseUint(strings.TrimPrefix(f[2], "0x"), 16, 24)
		if err != nil || err2 != nil || at < 0 || size <= envHeader {
			return nil, bad("want an offset from the beginning and a size below 16 MiB")
		}
		if strings.HasPrefix(f[0], "/dev/mtd") || strings.HasPrefix(f[0], "/dev/ubi") {
			return nil, bad("want a file or a block device: flash has to be erased, which Holdfast does not do")
		}
		places = append(places, place{f[0], at, int(size)})
	}
	if len(places) != 2 || places[0].size != places[1].size {
		return nil, fmt.Errorf("%s: want two copies of the environment of one size: with one, a power cut while it is written would leave none", file)
	}
	return places, nil
}

// envCopy is a copy of the environment as it is read.
type envCopy struct {
	place
	good bool
	flag byte
	vars variables
}

// copies are both, the newer one first.
func (uboot) copies(root string) (both []envCopy, err error) {
	text, err := os.ReadFile(filepath.Join(root, fwEnv))
	if err != nil {
		return nil, err
	}
	places, err := parseFwEnv(string(text), "/"+fwEnv)
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		p.path = filepath.Join(root, p.path)
		b, err := readAll(p.path, p.at, p.size)
		if err != nil {
			return nil, err
		}
		c := envCopy{place: p, flag: b[4]}
		c.vars, c.good = parseEnv(b)
		both = append(both, c)
	}
	if older(both[0], both[1]) {
		slices.Reverse(both)
	}
	if !both[0].good {
		return nil, errors.New("no copy of U-Boot's environment is good: run saveenv in U-Boot once, since what it has built in is not known here")
	}
	return both, nil
}

// older says whether a copy is not the one to be used. The number comes back to
// 0 behind 255.
func older(a, b envCopy) bool {
	if a.good != b.good {
		return b.good
	}
	return int8(b.flag-a.flag) > 0
}

// parseEnv reads a copy: CRC-32, flag, and NAME=VALUE with a zero behind each and
// one more behind the last.
func parseEnv(b []byte) (v variables, ok bool) {
	if len(b) <= envHeader || le.Uint32(b) != crc32.ChecksumIEEE(b[envHeader:]) {
		return nil, false
	}
	v = variables{}
	for _, s := range strings.Split(string(b[envHeader:]), "\x00") {
		if s == "" {
			break
		}
		if name, value, ok := strings.Cut(s, "="); ok && value != "" {
			v[name] = value
		}
	}
	return v, true
}

// appendEnv is what parseEnv reads.
func appendEnv(v variables, flag byte, size int) ([]byte, error) {
	b := make([]byte, envHeader, size)
	b[4] = flag
	for _, name := range slices.Sorted(maps.Keys(v)) {
		b = append(b, name+"="+v[name]+"\x00"...)
	}
	if b = append(b, 0); len(b) > size {
		return nil, fmt.Errorf("the environment has %d octets, and there is room for %d", len(b), size)
	}
	b = append(b, make([]byte, size-len(b))...)
	le.PutUint32(b, crc32.ChecksumIEEE(b[envHeader:]))
	return b, nil
}

func (u uboot) load(root string) (variables, error) {
	both, err := u.copies(root)
	if err != nil {
		return nil, err
	}
	return both[0].vars, nil
}

// save writes the copy that is not used, which then is the newer one.
func (u uboot) save(d disk, root string, v variables) error {
	both, err := u.copies(root)
	if err != nil {
		return err
	}
	b, err := appendEnv(v, both[0].flag+1, both[1].size)
	if err != nil {
		return err
	}
	to := both[1].place
	return steps(func() error { return d.Patch(to.path, to.at, b) }, func() error { return d.Sync(to.path) })
}

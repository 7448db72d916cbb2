package drain

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// name is that of the file in the state directory.
const name = "drain.json"

// Clock asks the kernel. The name of the boot may be given: /proc/sys is not to be
// seen behind ProcSubset=pid, for which a unit says HOLDFAST_BOOT_ID=%b. Without
// a name, each start is one after another boot.
func Clock(boot string) Now {
	if boot == "" {
		text, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
		boot = string(text)
	}
	var up unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) // every kernel that we run on has it
	return Now{Time: time.Now(), Boot: strings.ReplaceAll(strings.TrimSpace(boot), "-", ""), Uptime: time.Duration(up.Nano())}
}

// Load reads the book in a state directory; where there is none, or no
// directory, it is empty. A file that cannot be read is kept aside, and an error
// beside an empty book: what it said is lost, and the box serves.
func Load(folder string, now Now) (*Book, error) {
	if folder == "" {
		return &Book{}, nil
	}
	path := filepath.Join(folder, name)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Book{}, nil
	}
	if err != nil {
		return &Book{}, fmt.Errorf("drains: %w", err)
	}
	b, err := parse(text, now)
	if err != nil {
		return &Book{}, errors.Join(fmt.Errorf("drains: %s: %w; it is kept as %s.bad", path, err, path), os.Rename(path, path+".bad"))
	}
	return b, nil
}

func parse(text []byte, now Now) (*Book, error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	return read(f, now), nil
}

// Save writes the book into a state directory. It is there after a power cut: as
// it was before, or as it is now.
func (b *Book) Save(folder string, now Now) error {
	text, err := json.MarshalIndent(b.write(now), "", "  ")
	if err == nil {
		err = renameio.WriteFile(filepath.Join(folder, name), append(text, '\n'), 0o600)
	}
	if err == nil {
		err = syncFolder(folder) // renameio does not see to the name itself
	}
	if err != nil {
		return fmt.Errorf("drains: %w", err)
	}
	return nil
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

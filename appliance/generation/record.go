package generation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// State is how far a generation came.
type State string

// The states.
const (
	Trying   State = "trying"   // it is at work, and has not proven itself
	Good     State = "good"     // it has; the newest of them is the last good one
	Rejected State = "rejected" // it has not, and what was before came back
	Replaced State = "replaced" // another one came before it had
)

// Record is what is known of a generation besides its files.
type Record struct {
	Number  uint64    `json:"number"`
	Digest  string    `json:"digest"`            // of its files
	Source  string    `json:"source"`            // where it came from, for people
	Path    string    `json:"path,omitempty"`    // of the configuration, if it is a file of this machine
	Folder  string    `json:"folder,omitempty"`  // in which relative paths begin; "": its own
	Version uint64    `json:"version,omitempty"` // of its bundle
	Bundle  string    `json:"bundle,omitempty"`  // digest of its bundle, as its source knows it
	Beside  string    `json:"beside,omitempty"`  // digest of the file that the daemon is started with, when this one came
	State   State     `json:"state"`
	Why     string    `json:"why,omitempty"` // it was rejected
	At      time.Time `json:"at"`            // it came
	Ended   time.Time `json:"ended,omitzero"`
	Boot    string    `json:"boot,omitempty"` // the kernel's id of the boot in which it was last tried
	Tries   int       `json:"tries"`          // how often it was begun to be tried
	Files   []entry   `json:"files"`
	Damage  string    `json:"damage,omitempty"` // what is wrong with it on the disk: it can't be used
}

// entry is a file of a generation. Others that a helper has left in its folder
// are none of it.
type entry struct {
	Path string `json:"path"`
	Run  bool   `json:"run,omitempty"`
	Sum  string `json:"sha256"`
}

// Names on the disk, in the folder of a generation.
const (
	recordFile = "record"
	filesDir   = "files"
	keysDir    = "keys" // what lies outside of the configuration's folder
)

// place is where a file of a generation lies in its folder.
func place(path string) string {
	if filepath.IsLocal(path) {
		return filepath.Join(filesDir, path)
	}
	return filepath.Join(keysDir, url.PathEscape(path))
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// seal is data behind a line with its sum.
func seal(data []byte) []byte { return fmt.Appendf(nil, "%s\n%s", sum(data), data) }

var errDamaged = errors.New("it is damaged")

// unseal is the data of a file that was sealed.
func unseal(b []byte) ([]byte, error) {
	line, data, ok := bytes.Cut(b, []byte("\n"))
	if !ok || string(line) != sum(data) {
		return nil, errDamaged
	}
	return data, nil
}

func (r *Record) seal() ([]byte, error) {
	b, err := json.Marshal(r)
	return seal(b), err
}

// readRecord reads the record in a generation's folder.
func readRecord(folder string) (r Record, err error) {
	b, err := os.ReadFile(filepath.Join(folder, recordFile))
	if err == nil {
		b, err = unseal(b)
	}
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		err = fmt.Errorf("its record: %w", err)
	}
	return r, err
}

// read gives a generation's files, if they are what was kept.
func (r *Record) read(folder string) (Files, error) {
	files := Files{}
	for _, e := range r.Files {
		b, err := os.ReadFile(filepath.Join(folder, place(e.Path)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Path, err)
		}
		if sum(b) != e.Sum {
			return nil, fmt.Errorf("%s: %w", e.Path, errDamaged)
		}
		files[e.Path] = File{Data: b, Run: e.Run}
	}
	if files.Digest() != r.Digest {
		return nil, errDamaged
	}
	return files, nil
}

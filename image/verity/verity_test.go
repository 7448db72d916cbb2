package verity

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func random(blocks int) []byte {
	b := make([]byte, blocks*Block)
	chacha := rand.NewChaCha8([32]byte{1})
	chacha.Read(b)
	return b
}

// TestAsVeritysetup: the tool proves what we have hashed.
func TestAsVeritysetup(t *testing.T) {
	for _, blocks := range []int{2, 127, 128, 129, 128*128 + 1} {
		data := random(blocks)
		r, tree, err := Hash(bytes.NewReader(data), sha256.Sum256([]byte("salt")))
		if err != nil {
			t.Fatal(err)
		}
		if got := int64(len(data) + len(tree)); got != r.Size() {
			t.Errorf("%d blocks: %d octets, Size is %d", blocks, got, r.Size())
		}
		file := filepath.Join(t.TempDir(), "image")
		if err := os.WriteFile(file, append(data, tree...), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("veritysetup", "verify", file, file, fmt.Sprintf("%x", r.Hash), "--hash-offset", fmt.Sprint(len(data))).CombinedOutput()
		if err != nil {
			t.Errorf("%d blocks: %v %s", blocks, err, out)
		}
		again, err := Parse(r.String())
		if err != nil || again != r {
			t.Errorf("%v, %v, want %v", again, err, r)
		}
	}
}

func TestCheckFindsABit(t *testing.T) {
	data := random(300)
	r, tree, err := Hash(bytes.NewReader(data), [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	image := append(data, tree...)
	if behind, err := r.Rehash(bytes.NewReader(image)); err != nil || !bytes.Equal(behind, tree) {
		t.Errorf("what stands behind the data is not what stood there: %v", err)
	}
	if err := r.Check(bytes.NewReader(image)); err != nil || !r.Holds(bytes.NewReader(image)) {
		t.Fatal(err)
	}
	for at := 77; at < len(image); at += 3 * Block {
		if at/Block == 300 {
			continue // the superblock is nobody's business
		}
		image[at] ^= 1
		if err := r.Check(bytes.NewReader(image)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("block %d is not what it was made of", at/Block)) {
			t.Errorf("octet %d was changed: %v", at, err)
		}
		if _, err := r.Rehash(bytes.NewReader(image)); (err != nil) != (at/Block < 300) {
			t.Errorf("octet %d was changed, and what stands behind the data: %v", at, err)
		}
		image[at] ^= 1
	}
	if err := r.Check(bytes.NewReader(image[:len(image)-1])); err == nil {
		t.Error("an image that is too short is whole")
	}
}

func TestErrors(t *testing.T) {
	for _, s := range []string{"", "a:b:c", (Root{}).String()} {
		if _, err := Parse(s); err == nil {
			t.Errorf("%q is a root", s)
		}
	}
	for _, n := range []int{0, 1, Block, 2*Block + 1} {
		if _, _, err := Hash(bytes.NewReader(make([]byte, n)), [32]byte{}); err == nil {
			t.Errorf("%d octets are whole blocks", n)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add((Root{Blocks: 7}).String())
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := Parse(s); err == nil {
			if again, err := Parse(r.String()); err != nil || again != r {
				t.Error(s, err)
			}
		}
	})
}

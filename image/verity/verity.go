// Package verity is dm-verity's hash tree: what proves each block of a root when
// it is read (the kernel's admin-guide/device-mapper/verity.rst; format 1, SHA-256,
// blocks of 4096 octets, salt before the block).
package verity

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Block is the size of blocks, of data and of hashes, in octets.
const Block = 4096

// perBlock is how many hashes a block has.
const perBlock = Block / sha256.Size

// Root is all that is needed to prove a device that has its hashes behind its
// data. As text it stands on the kernel's command line.
type Root struct {
	Hash   [sha256.Size]byte // of the topmost block
	Salt   [sha256.Size]byte
	Blocks uint64 // of data
}

// String is HASH:SALT:BLOCKS.
func (r Root) String() string { return fmt.Sprintf("%x:%x:%d", r.Hash, r.Salt, r.Blocks) }

// Parse reads what String writes.
func Parse(s string) (r Root, err error) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return r, fmt.Errorf("want HASH:SALT:BLOCKS, got %q", s)
	}
	for i, to := range [][]byte{r.Hash[:], r.Salt[:]} {
		b, err := hex.DecodeString(parts[i])
		if err != nil || len(b) != len(to) {
			return r, fmt.Errorf("want %d octets in hexadecimal, got %q", len(to), parts[i])
		}
		copy(to, b)
	}
	r.Blocks, err = strconv.ParseUint(parts[2], 10, 40)
	if err != nil || r.Blocks < 2 {
		return r, fmt.Errorf("want a number of blocks from 2, got %q", parts[2])
	}
	return r, nil
}

// levels are the numbers of blocks of each level of hashes, the lowest first.
func (r Root) levels() (ns []uint64) {
	for n := r.Blocks; n > 1; {
		n = (n + perBlock - 1) / perBlock
		ns = append(ns, n)
	}
	return ns
}

// Size is how many octets the data and its hashes are.
func (r Root) Size() int64 {
	n := r.Blocks + 1
	for _, l := range r.levels() {
		n += l
	}
	return int64(n) * Block
}

// Table is what the device mapper is told of the device DEV, which has its
// hashes behind its data.
func (r Root) Table(dev string) string {
	return fmt.Sprintf("1 %s %s %d %d %d %d sha256 %x %x", dev, dev, Block, Block, r.Blocks, r.Blocks+1, r.Hash, r.Salt)
}

// Sectors is the size of the data, in the device mapper's 512 octets.
func (r Root) Sectors() uint64 { return r.Blocks * (Block / 512) }

// Hash reads data to its end, two blocks or more, and gives its root
// and what stands behind it: a superblock, and the hashes.
func Hash(data io.Reader, salt [sha256.Size]byte) (Root, []byte, error) {
	r := Root{Salt: salt}
	level, err := r.leaves(data)
	if err != nil {
		return r, nil, err
	}
	tree := [][]byte{level}
	for len(level) > Block {
		level = r.above(level)
		tree = append(tree, level)
	}
	r.Hash = r.sum(level)
	out := r.superblock()
	for i := len(tree) - 1; i >= 0; i-- { // the topmost first
		out = append(out, tree[i]...)
	}
	return r, out, nil
}

func (r *Root) leaves(data io.Reader) (level []byte, err error) {
	in, block := bufio.NewReaderSize(data, 1<<20), make([]byte, Block)
	for {
		_, err := io.ReadFull(in, block)
		if errors.Is(err, io.EOF) && r.Blocks > 1 { // of one block the tree would be empty
			return fill(level), nil
		}
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", r.Blocks, err)
		}
		h := r.sum(block)
		level = append(level, h[:]...)
		r.Blocks++
	}
}

// above is the level of hashes over another.
func (r *Root) above(level []byte) (up []byte) {
	for ; len(level) > 0; level = level[Block:] {
		h := r.sum(level[:Block])
		up = append(up, h[:]...)
	}
	return fill(up)
}

func (r *Root) sum(block []byte) (h [sha256.Size]byte) {
	s := sha256.New()
	s.Write(r.Salt[:])
	s.Write(block)
	s.Sum(h[:0])
	return h
}

// fill fills up to whole blocks.
func fill(b []byte) []byte { return append(b, make([]byte, (Block-len(b)%Block)%Block)...) }

// superblock is for tools; we and the kernel go by Root. It has no UUID: equal
// data give equal images.
func (r *Root) superblock() []byte {
	b := make([]byte, Block)
	copy(b, "verity\x00\x00")
	le := binary.LittleEndian
	le.PutUint32(b[8:], 1)
	le.PutUint32(b[12:], 1)
	copy(b[32:], "sha256")
	le.PutUint32(b[64:], Block)
	le.PutUint32(b[68:], Block)
	le.PutUint64(b[72:], r.Blocks)
	le.PutUint16(b[80:], uint16(len(r.Salt)))
	copy(b[88:], r.Salt[:])
	return b
}

// Rehash is what stands behind the data of a device, made anew of them: the
// hashes are lost to nobody who has the data. They have to be those whose root
// this is.
func (r Root) Rehash(dev io.ReaderAt) ([]byte, error) {
	got, behind, err := Hash(io.NewSectionReader(dev, 0, int64(r.Blocks)*Block), r.Salt)
	if err == nil && got != r {
		err = errors.New("its data are not what it was made of")
	}
	if err != nil {
		return nil, err
	}
	return behind, nil
}

// Holds says whether a device is the one whose root this is, by its topmost
// block of hashes: a look, and no proof of the rest.
func (r Root) Holds(dev io.ReaderAt) bool {
	block := make([]byte, Block)
	if _, err := dev.ReadAt(block, int64(r.Blocks+1)*Block); err != nil {
		return false
	}
	return r.sum(block) == r.Hash
}

// ErrHashes is that hashes are not what they were made: the data may be whole.
var ErrHashes = errors.New("hashes")

// Check reads all of a device, and is nil if it is the one whose root this is:
// each block of it is proven, the topmost of its hashes first.
func (r Root) Check(dev io.ReaderAt) error {
	want, at := r.Hash[:], r.Blocks+1
	for _, n := range slices.Backward(r.levels()) {
		level := make([]byte, 0, min(n*Block, chunk))
		err := r.prove(dev, at, n, want, func(b []byte) { level = append(level, b...) })
		if err != nil {
			return fmt.Errorf("%w: %w", ErrHashes, err)
		}
		want, at = level, at+n
	}
	return r.prove(dev, 0, r.Blocks, want, func([]byte) {})
}

// chunk is how much is read at once, in octets.
const chunk = 1 << 20

// prove compares blocks of a device with the hashes that they have to have, and
// gives them away.
func (r Root) prove(dev io.ReaderAt, at, blocks uint64, want []byte, give func([]byte)) error {
	in, buf := io.NewSectionReader(dev, int64(at)*Block, int64(blocks)*Block), make([]byte, min(blocks*Block, chunk))
	for left := blocks * Block; left > 0; {
		b := buf[:min(left, chunk)]
		if _, err := io.ReadFull(in, b); err != nil {
			return fmt.Errorf("block %d or behind it: %w", at, err)
		}
		give(b)
		left -= uint64(len(b))
		for ; len(b) > 0; b, at = b[Block:], at+1 {
			if h := r.sum(b[:Block]); string(h[:]) != string(want[:len(h)]) {
				return fmt.Errorf("block %d is not what it was made of: its hash is %x…, want %x…", at, h[:4], want[:4])
			}
			want = want[sha256.Size:]
		}
	}
	return nil
}

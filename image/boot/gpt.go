package boot

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// partition is what the firmware knows one by.
type partition struct {
	Number      uint32   // from 1
	Start, Size uint64   // in blocks of the disk
	GUID        [16]byte // as it is on the disk
}

// partition finds the one that the EFI system partition is.
func (b *SystemdBoot) partition() (p partition, err error) {
	var st unix.Stat_t
	at := b.path(esp + "/EFI")
	if err := unix.Stat(at, &st); err != nil {
		return p, fmt.Errorf("%s: %w", at, err)
	}
	dir, err := filepath.EvalSymlinks(b.path(fmt.Sprintf("sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))))
	if err != nil {
		return p, fmt.Errorf("%s is on no block device: %w", at, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "partition"))
	if err != nil {
		return p, fmt.Errorf("%s is on no partition: %w", at, err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 16)
	if err != nil {
		return p, fmt.Errorf("%s/partition: %w", dir, err)
	}
	disk, err := os.Open(b.path("dev/" + filepath.Base(filepath.Dir(dir))))
	if err != nil {
		return p, err
	}
	defer disk.Close()
	if p, err = readGPT(disk, uint32(n)); err != nil {
		err = fmt.Errorf("%s: %w", disk.Name(), err)
	}
	return p, err
}

// readGPT reads an entry of a partition table (UEFI 2.10, section 5.3), the first
// one or that at the end of the disk.
func readGPT(disk io.ReadSeeker, number uint32) (p partition, err error) {
	end, err := disk.Seek(0, io.SeekEnd)
	if err != nil {
		return p, err
	}
	err = errors.New("there is no GPT")
	for _, block := range []int64{512, 4096} {
		for _, at := range []int64{block, end - block} {
			header, e := octets(disk, at, 92)
			if e != nil || string(header[:8]) != "EFI PART" {
				continue
			}
			if p, err = readEntry(disk, header, block, number); err == nil {
				return p, nil
			}
		}
	}
	return p, err
}

func readEntry(disk io.ReadSeeker, header []byte, block int64, number uint32) (p partition, err error) {
	first, count, size := le.Uint64(header[72:]), le.Uint32(header[80:]), le.Uint32(header[84:])
	if !summed(header, header[16:20]) {
		return p, errors.New("the checksum of the GPT is wrong")
	}
	if number < 1 || number > count || first > 1<<48 || size < 128 || size > 4096 || count > 1024 {
		return p, fmt.Errorf("partition %d is not in the GPT, which has %d entries of %d octets", number, count, size)
	}
	table, err := octets(disk, int64(first)*block, int(count*size))
	if err != nil {
		return p, err
	}
	if crc32.ChecksumIEEE(table) != le.Uint32(header[88:]) {
		return p, errors.New("the checksum of the GPT's entries is wrong")
	}
	e := table[(number-1)*size:]
	p = partition{Number: number, Start: le.Uint64(e[32:]), GUID: [16]byte(e[16:32])}
	last := le.Uint64(e[40:])
	if p.GUID == [16]byte{} || p.Start == 0 || last < p.Start {
		return p, fmt.Errorf("partition %d is not in use", number)
	}
	p.Size = last - p.Start + 1
	return p, nil
}

// summed says whether octets have the checksum that is among them, and was zero
// when it was made.
func summed(b, sum []byte) bool {
	want := le.Uint32(sum)
	clear(sum)
	return crc32.ChecksumIEEE(b) == want
}

func octets(disk io.ReadSeeker, at int64, n int) ([]byte, error) {
	if _, err := disk.Seek(at, io.SeekStart); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, err := io.ReadFull(disk, b)
	return b, err
}

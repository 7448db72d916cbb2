package tree

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
)

// WriteCPIO writes the tree as the kernel unpacks it at boot ("newc": see the
// kernel's driver-api/early-userspace/buffer-format). Every time in it is 0.
func (t Tree) WriteCPIO(w io.Writer) error {
	out := bufio.NewWriter(w)
	record(out, uint32(len(t)+1), 0o040755, ".", nil) // else the root's own mode is the kernel's: for everybody to write
	for i, name := range t.Names() {
		f := t[name]
		data := f.Data
		if f.Mode&fs.ModeSymlink != 0 {
			data = []byte(f.Link)
		}
		record(out, uint32(i+1), unixMode(f.Mode), name, data)
	}
	record(out, 0, 0, "TRAILER!!!", nil)
	return out.Flush()
}

// record writes one file. Name and data are each filled up to four octets; an
// error comes out of Flush.
func record(w *bufio.Writer, inode, mode uint32, name string, data []byte) {
	links, none := 1, 0
	if inode == 0 {
		links = 0
	}
	fmt.Fprintf(w, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", inode, mode, none, none, links, none,
		len(data), none, none, none, none, len(name)+1, none)
	w.WriteString(name)
	w.WriteByte(0)
	fill(w, 110+len(name)+1)
	w.Write(data)
	fill(w, len(data))
}

func fill(w *bufio.Writer, n int) {
	for ; n%4 != 0; n++ {
		w.WriteByte(0)
	}
}

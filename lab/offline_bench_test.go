package lab_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"holdfast/lab"
)

// measured runs a command for each turn, and reports its greatest memory.
func measured(b *testing.B, argv ...string) {
	b.Helper()
	most := int64(0)
	for b.Loop() {
		c := exec.Command(argv[0], argv[1:]...)
		if out, err := c.CombinedOutput(); err != nil {
			b.Fatalf("%v: %.500s", err, out)
		}
		most = max(most, c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	}
	b.ReportMetric(float64(most)/1024, "MiB")
}

// BenchmarkConfiguration is a file with 150,000 routes, read by us and by
// Debian's ExaBGP, which takes the better part of a minute.
func BenchmarkConfiguration(b *testing.B) {
	l := lab.New(b)
	path := filepath.Join(l.Dir, "big.conf")
	write(b, path, func(w *bufio.Writer) {
		fmt.Fprint(w, "neighbor 127.0.0.1 {\n router-id 1.2.3.4; local-address 127.0.0.1; local-as 1; peer-as 1;\n family { ipv4 unicast; }\n static {\n")
		for i := range 150_000 {
			fmt.Fprintf(w, "  route 10.%d.%d.%d/32 next-hop 10.0.0.1 med %d community [ 65000:%d 65000:2 ];\n", i>>16, i>>8&255, i&255, i%100, i%50)
		}
		fmt.Fprint(w, " }\n}\n")
	})
	b.Run("holdfast", func(b *testing.B) { measured(b, lab.Binary(l), "validate", path) })
	b.Run("exabgp", func(b *testing.B) { measured(b, "/usr/sbin/exabgp", "--test", path) })
}

// BenchmarkTable is an MRT table of a million prefixes, as JSON by us and as
// lines by bgpdump.
func BenchmarkTable(b *testing.B) {
	l := lab.New(b)
	path := filepath.Join(l.Dir, "table.mrt")
	write(b, path, func(w *bufio.Writer) {
		mrt(w, 1, []byte("\xc0\x00\x02\x01\x00\x00\x00\x01\x02\x0a\x00\x00\x01\xc0\x00\x02\x02\x00\x00\xfd\xe9"))
		for i := range 1_000_000 {
			attrs := []byte{0x40, 1, 1, 0, 0x40, 2, 18, 2, 4, 0, 0, 0xfd, 0xe9, 0, 0, byte(i >> 12), 7, 0, 0, 13, byte(i >> 9), 0, 0, 0x1b, byte(i >> 6),
				0x40, 3, 4, 192, 0, 2, 2, 0x80, 4, 4, 0, 0, 0, byte(i >> 8), 0xc0, 8, 8, 0xfd, 0xe9, 0, 1, 0xfd, 0xe9, 0, byte(i >> 10)}
			body := binary.BigEndian.AppendUint32(nil, uint32(i))
			body = append(body, 24, byte(1+i>>16), byte(i>>8), byte(i), 0, 1, 0, 0, 0x65, 0, 0, 0, 0, byte(len(attrs)))
			mrt(w, 2, append(body, attrs...))
		}
	})
	for name, argv := range map[string]string{"holdfast": lab.Binary(l) + " decode", "bgpdump": "bgpdump -m"} {
		b.Run(name, func(b *testing.B) { measured(b, "sh", "-c", argv+" "+path+" > /dev/null") })
	}
}

// mrt writes a record of TABLE_DUMP_V2.
func mrt(w *bufio.Writer, subtype uint16, body []byte) {
	h := binary.BigEndian.AppendUint32(nil, 1_700_000_000)
	h = binary.BigEndian.AppendUint16(append(h, 0, 13), subtype)
	w.Write(binary.BigEndian.AppendUint32(h, uint32(len(body))))
	w.Write(body)
}

func write(b *testing.B, path string, what func(*bufio.Writer)) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	what(w)
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

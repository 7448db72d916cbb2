package helper

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"holdfast/bgp/api"
)

// readAll gives how many commands a pipe had, how many items of them are
// errors, and how many batches they came in.
func readAll(in io.Reader) (commands, errors, batches int) {
	var b api.Batch
	r := reader{in: in, parse: new(api.Parser).Line}
	r.next = func() *api.Batch { b.Reset(); return &b }
	r.give = func(b *api.Batch) {
		batches++
		commands += b.Commands
		for i := range b.Items {
			if b.Items[i].Err != nil {
				errors++
			}
		}
	}
	if err := r.run(); err != nil {
		errors++
	}
	return commands, errors, batches
}

func TestBatchesAreBounded(t *testing.T) {
	text := strings.Repeat("announce route 10.0.0.0/8 next-hop 10.0.0.1\n", 10000)
	commands, errors, batches := readAll(strings.NewReader(text))
	if commands != 10000 || errors != 0 || batches < len(text)/(batchText+100) {
		t.Errorf("%d commands, %d errors, %d batches", commands, errors, batches)
	}
}

func TestNobodyWantsMore(t *testing.T) {
	r := reader{in: strings.NewReader("# x\n# y\n"), parse: new(api.Parser).Line, next: func() *api.Batch { return nil }}
	if err := r.run(); err != nil {
		t.Error(err)
	}
}

// FuzzReader: how a pipe cuts what it carries changes nothing.
func FuzzReader(f *testing.F) {
	f.Add([]byte("# a\n# b\nhalf"), uint16(3))
	f.Add([]byte("\x00\n\n\nannounce route 10.0.0.0/8 next-hop 1.1.1.1\r\n"), uint16(1))
	f.Add([]byte("# long\n"), uint16(60000))
	f.Fuzz(func(t *testing.T, text []byte, repeat uint16) {
		all := bytes.Repeat(text, int(repeat)%200+1)
		c1, e1, _ := readAll(bytes.NewReader(all))
		c2, e2, _ := readAll(iotest.HalfReader(bytes.NewReader(all)))
		if len(all) < 1000 {
			c2, e2, _ = readAll(iotest.OneByteReader(bytes.NewReader(all)))
		}
		if c1 != c2 || e1 != e2 {
			t.Errorf("%d commands and %d errors at once, %d and %d in parts", c1, e1, c2, e2)
		}
	})
}

// BenchmarkPipe has a helper's lines come through a real pipe, in the writes of
// 64 KiB that fast helpers do.
func BenchmarkPipe(b *testing.B) {
	const lines = 100000
	var text []byte
	for i := range lines {
		text = fmt.Appendf(text, "announce route 10.%d.%d.%d/32 next-hop 10.99.0.1\n", byte(i>>16), byte(i>>8), byte(i))
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		in, out, err := os.Pipe()
		if err != nil {
			b.Fatal(err)
		}
		go func() {
			for rest := text; len(rest) > 0; {
				n, _ := out.Write(rest[:min(len(rest), 64<<10)])
				rest = rest[n:]
			}
			out.Close()
		}()
		if n, errors, _ := readAll(in); n != lines || errors != 0 {
			b.Fatalf("%d commands, %d errors", n, errors)
		}
		in.Close()
	}
	b.ReportMetric(float64(b.N)*lines/b.Elapsed().Seconds()/1e6, "Mlines/s")
}

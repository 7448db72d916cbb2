package api

import (
	"fmt"
	"testing"
)

// lines is n commands about different prefixes.
func lines(n int, format string) [][]byte {
	ls := make([][]byte, n)
	for i := range ls {
		ls[i] = fmt.Appendf(nil, format, byte(i>>16), byte(i>>8), byte(i))
	}
	return ls
}

func parseAll(p *Parser, b *Batch, ls [][]byte) {
	b.Reset()
	for _, l := range ls {
		p.Line(b, l)
	}
}

func benchmark(b *testing.B, format string) {
	ls := lines(1024, format)
	var p Parser
	var batch Batch
	parseAll(&p, &batch, ls)
	b.ReportAllocs()
	for b.Loop() {
		parseAll(&p, &batch, ls)
	}
	b.ReportMetric(float64(b.N)*1024/b.Elapsed().Seconds()/1e6, "Mlines/s")
}

func BenchmarkAnnounce(b *testing.B) {
	benchmark(b, "announce route 10.%d.%d.%d/32 next-hop 10.99.0.1")
}

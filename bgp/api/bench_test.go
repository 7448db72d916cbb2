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

func BenchmarkWithdraw(b *testing.B) {
	benchmark(b, "withdraw route 10.%d.%d.%d/32 next-hop 10.99.0.1")
}

func BenchmarkAnnounceIPv6(b *testing.B) {
	benchmark(b, "announce route 2001:db8:%x:%x:%x::/80 next-hop 2001:db8::1")
}

func BenchmarkNeighbor(b *testing.B) {
	benchmark(b, "neighbor 10.99.0.2 announce route 10.%d.%d.%d/32 next-hop 10.99.0.1 med 100 community [ 65000:1 ]")
}

// BenchmarkAttributes has three prefixes a line.
func BenchmarkAttributes(b *testing.B) {
	benchmark(b, "announce attributes next-hop 10.99.0.1 nlri 10.%d.%d.%d/32 10.0.0.0/8 10.1.0.0/16")
}

// BenchmarkGrammar is the long way: attributes that were never said before.
func BenchmarkGrammar(b *testing.B) {
	benchmark(b, "announce route 10.1.2.0/24 next-hop 10.99.0.1 community [ %d:%d ] split /24 med %d")
}

package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/bgp"
	"holdfast/bgp/wire"
)

// record appends one of MRT.
func record(b []byte, kind, subtype uint16, body []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, 1_700_000_000)
	b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, kind), subtype)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(body))), body...)
}

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	keepalive = "ffffffffffffffffffffffffffffffff001304"
	peerIndex = "c0000201 0000 0002 02 0a000001 c0000202 0000fde9 01 0a000002 20010db8000000000000000000000002 fde8"
	attrs4    = "40010100 400206 0201 0000fde9 400304 c0000209"
)

// said is what is compared of a message.
func said(m Message) string {
	return fmt.Sprintf("%d %s AS%d %t %t %X", m.Time.Unix(), m.Peer.Addr(), m.PeerAS, m.ASN4, m.AddPath, m.Raw[18:])
}

func read(b []byte) (out []string) {
	for m, err := range Messages(bytes.NewReader(b)) {
		if err != nil {
			out = append(out, "error "+err.Error())
			continue
		}
		out = append(out, said(m))
	}
	return out
}

func TestMRT(t *testing.T) {
	index := record(nil, 13, 1, octets(t, peerIndex))
	for name, c := range map[string]struct {
		file []byte
		want []string
	}{
		"nothing": {nil, nil},
		"message": {record(nil, 16, 1, octets(t, "fde9 fde8 0001 0001 c0000202 c0000201"+keepalive)),
			[]string{"1700000000 192.0.2.2 AS65001 false false 04"}},
		"message with four octets, microseconds": {record(nil, 17, 4, octets(t, "00000001 0000fde9 0000fde8 0001 0002 20010db8000000000000000000000002 20010db8000000000000000000000001"+keepalive)),
			[]string{"1700000000 2001:db8::2 AS65001 true false 04"}},
		"message with paths": {record(nil, 16, 9, octets(t, "0000fde9 0000fde8 0001 0001 c0000202 c0000201"+keepalive)),
			[]string{"1700000000 192.0.2.2 AS65001 true true 04"}},
		"change of state":  {record(nil, 16, 0, octets(t, "fde9 fde8 0001 0001 c0000202 c0000201 0001 0002")), nil},
		"another protocol": {record(nil, 11, 0, []byte{1, 2, 3}), nil},
		"table": {append(bytes.Clone(index), record(nil, 13, 2, octets(t, "00000000 08 0a 0001 0000 65000000 0014"+attrs4))...),
			[]string{"1694498816 192.0.2.2 AS65001 true false 02000000144001010040020602010000FDE9400304C0000209080A"}},
		"table of IPv6, next hop alone": {append(bytes.Clone(index), record(nil, 13, 4, octets(t, "00000000 20 20010db8 0001 0001 65000000 0018 40010100 800e11 10 20010db8000000000000000000000009"))...),
			[]string{"1694498816 2001:db8::2 AS65000 true false 020000002240010100900E001A0002011020010DB8000000000000000000000009002020010DB8"}},
		"table of IPv6, whole attribute": {append(bytes.Clone(index), record(nil, 13, 4, octets(t, "00000000 20 20010db8 0001 0001 65000000 0021 40010100 800e1a 000201 10 20010db8000000000000000000000009 00 20 20010db8"))...),
			[]string{"1694498816 2001:db8::2 AS65000 true false 020000002240010100900E001A0002011020010DB8000000000000000000000009002020010DB8"}},
		"table with paths": {append(bytes.Clone(index), record(nil, 13, 8, octets(t, "00000000 08 0a 0001 0000 65000000 00000007 0014"+attrs4))...),
			[]string{"1694498816 192.0.2.2 AS65001 true true 02000000144001010040020602010000FDE9400304C000020900000007080A"}},
		"generic table": {append(bytes.Clone(index), record(nil, 13, 6, octets(t, "00000000 0001 80 70 000641 0000fde800000001 0a0000 0001 0000 65000000 0014 40010100 800e0d 0c 0000000000000000 c0000209"))...),
			[]string{"1694498816 192.0.2.2 AS65001 true false 020000002840010100900E00200001800C0000000000000000C0000209007000064 10000FDE8000000010A0000"}},
		"old table": {record(nil, 12, 1, octets(t, "0000 0001 0a000000 08 01 65000000 c0000202 fde9 0004 40010100")),
			[]string{"1694498816 192.0.2.2 AS65001 false false 020000000440010100080A"}},
		"cut header":        {index[:5], []string{"error record at octet 0: cut: 7 octets are missing"}},
		"cut":               {index[:20], []string{fmt.Sprintf("error record at octet 0: cut: %d octets are missing", len(index)-20)}},
		"no capture":        {[]byte("what is this file?"), []string{"error record at octet 0: want a capture (pcap, pcapng or MRT), got type 8297, subtype 29472"}},
		"no such peer":      {append(bytes.Clone(index), record(nil, 13, 2, octets(t, "00000000 08 0a 0001 0009 65000000 0000"))...), []string{fmt.Sprintf("error record at octet %d: peer 9, the index table has 2", len(index))}},
		"lying length":      {append(binary.BigEndian.AppendUint32(record(nil, 13, 1, nil)[:8], 0xffffffff), 1), []string{"error record at octet 0: a record of 16777217 octets, want at most 16777216"}},
		"half a message":    {record(nil, 16, 1, octets(t, "fde9 fde8 0001 0001 c0000202 c0000201"+keepalive[:20])), []string{"error record at octet 0: no whole BGP message in it"}},
		"attributes beyond": {append(bytes.Clone(index), record(nil, 13, 2, octets(t, "00000000 08 0a 0001 0000 65000000 0003 400109"))...), []string{fmt.Sprintf("error record at octet %d: entry of 3 octets that are no attributes of a message", len(index))}},
		"a bad record, then a good one": {append(record(nil, 13, 1, []byte{1}), record(record(nil, 99, 200, []byte{1}), 16, 6, octets(t, "fde9 fde8 0001 0001 c0000202 c0000201"+keepalive))...),
			[]string{"error record at octet 0: peer index table: at octet 12: want 4 octets, 1 left", "1700000000 192.0.2.2 AS65001 false false 04"}},
		"more than a message holds": {append(bytes.Clone(index), record(nil, 13, 2, octets(t, "00000000 08 0a 0001 0000 65000000 fffc d063 fff8"+strings.Repeat("00", 0xfff8)))...),
			[]string{fmt.Sprintf("error record at octet %d: entry of 65532 octets that are no attributes of a message", len(index))}},
	} {
		for i := range c.want {
			c.want[i] = strings.ReplaceAll(c.want[i], "64 1", "641")
		}
		if diff := cmp.Diff(c.want, read(c.file)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// TestCompressed reads the same through gzip.
func TestCompressed(t *testing.T) {
	file := record(nil, 16, 1, octets(t, "fde9 fde8 0001 0001 c0000202 c0000201"+keepalive))
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(file)
	w.Close()
	if diff := cmp.Diff(read(file), read(z.Bytes())); diff != "" {
		t.Error(diff)
	}
}

// segmentOf is a packet of TCP from 192.0.2.1 with a number and flags.
func segmentOf(seq uint32, flags byte, data []byte) []byte {
	b := []byte{0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x80, 0, 0, 179}
	b = binary.BigEndian.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0)
	b = append(b, data...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

// pcapOf is a file of packets with raw IP.
func pcapOf(order binary.AppendByteOrder, magic uint32, link uint32, packets ...[]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = append(b, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0)
	b = order.AppendUint32(order.AppendUint32(b, 65535), link)
	for i, p := range packets {
		b = order.AppendUint32(order.AppendUint32(b, uint32(i+1)), 0)
		b = order.AppendUint32(order.AppendUint32(b, uint32(len(p))), uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

func TestPackets(t *testing.T) {
	keep, refresh := octets(t, keepalive), octets(t, "ffffffffffffffffffffffffffffffff00170500010001")
	both := append(bytes.Clone(keep), refresh...)
	got := func(times ...int) (out []string) {
		for i, at := range times {
			out = append(out, fmt.Sprintf("%d 192.0.2.1 AS0 true false %s", at, []string{"04", "0500010001"}[i%2]))
		}
		return out
	}
	le := binary.LittleEndian
	for name, c := range map[string]struct {
		file []byte
		want []string
	}{
		"in order":         {pcapOf(le, 0xa1b2c3d4, 101, segmentOf(99, 2, nil), segmentOf(100, 16, both[:30]), segmentOf(130, 16, both[30:])), got(2, 3)},
		"big end first":    {pcapOf(binary.BigEndian, 0xa1b23c4d, 101, segmentOf(100, 16, both)), got(1, 1)},
		"out of order":     {pcapOf(le, 0xa1b2c3d4, 101, segmentOf(99, 2, nil), segmentOf(130, 16, both[30:]), segmentOf(100, 16, both[:30])), got(3, 3)},
		"sent again":       {pcapOf(le, 0xa1b2c3d4, 101, segmentOf(100, 16, both[:30]), segmentOf(100, 16, both[:25]), segmentOf(120, 16, both[20:])), got(1, 3)},
		"from the middle":  {pcapOf(le, 0xa1b2c3d4, 101, segmentOf(100, 16, both[5:])), []string{"1 192.0.2.1 AS0 true false 0500010001"}},
		"ethernet, tagged": {pcapOf(le, 0xa1b2c3d4, 1, append(octets(t, "000000000001 000000000002 8100 0005 0800"), segmentOf(100, 16, both)...)), got(1, 1)},
		"cooked":           {pcapOf(le, 0xa1b2c3d4, 113, append(octets(t, "0000 0001 0006 0000000000000000 0800"), segmentOf(100, 16, both)...)), got(1, 1)},
		"another link":     {pcapOf(le, 0xa1b2c3d4, 105, segmentOf(100, 16, both)), []string{"error record at octet 0: packets of link type 105, which is not known"}},
		"another port":     {pcapOf(le, 0xa1b2c3d4, 101, append(segmentOf(1, 16, both)[:20], append([]byte{1, 2, 3, 4}, segmentOf(1, 16, both)[24:]...)...)), nil},
		"cut":              {pcapOf(le, 0xa1b2c3d4, 101, segmentOf(100, 16, both))[:60], []string{"error record at octet 24: cut: 62 octets are missing"}},
		"pcapng":           {ng(segmentOf(100, 16, both)), []string{"1700000000 192.0.2.1 AS0 true false 04", "1700000000 192.0.2.1 AS0 true false 0500010001"}},
	} {
		if diff := cmp.Diff(c.want, read(c.file)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// ng is a file of pcapng with one packet of raw IP, ticks of a millisecond.
func ng(p []byte) []byte {
	le := binary.LittleEndian
	block := func(b []byte, kind uint32, body []byte) []byte {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		b = le.AppendUint32(le.AppendUint32(b, kind), uint32(len(body)+12))
		return le.AppendUint32(append(b, body...), uint32(len(body)+12))
	}
	b := block(nil, blockSection, append(le.AppendUint32(nil, 0x1a2b3c4d), 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	b = block(b, blockInterface, []byte{101, 0, 0, 0, 0, 0, 1, 0, 9, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0})
	ticks := uint64(1_700_000_000_000)
	body := le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, 0), uint32(ticks>>32)), uint32(ticks))
	body = le.AppendUint32(le.AppendUint32(body, uint32(len(p))), uint32(len(p)))
	return block(b, blockEnhanced, append(body, p...))
}

// TestAGapIsGivenUp: what never comes must not stop what comes later.
func TestAGapIsGivenUp(t *testing.T) {
	keep := octets(t, keepalive)
	packets := [][]byte{segmentOf(99, 2, nil)}
	for i := range uint32(maxAhead + 2) {
		packets = append(packets, segmentOf(1000+19*i, 16, keep))
	}
	if n := len(read(pcapOf(binary.LittleEndian, 0xa1b2c3d4, 101, packets...))); n != 2 {
		t.Errorf("%d messages behind the gap", n)
	}
}

// TestAnotherConnection has the same ports again with lower numbers, and no SYN.
func TestAnotherConnection(t *testing.T) {
	keep := octets(t, keepalive)
	packets := [][]byte{segmentOf(1<<30, 16, keep), segmentOf(5, 16, keep), segmentOf(24, 16, keep)}
	if n := len(read(pcapOf(binary.LittleEndian, 0xa1b2c3d4, 101, packets...))); n != 3 {
		t.Errorf("%d messages", n)
	}
}

// TestStreamsAreBounded: flows that wait for what never comes are forgotten.
func TestStreamsAreBounded(t *testing.T) {
	s := newStreams(func(Message) bool { return true }, linkRaw)
	most := 0
	for i := range 3 * maxHeld / 60000 {
		p := segmentOf(uint32(1000*(1+i%maxAhead)), 16, make([]byte, 60000))
		p[15] = byte(i / maxAhead)
		s.packet(p, time.Time{}, 0)
		most = max(most, s.held)
		sum := 0
		for _, st := range s.of {
			sum += st.size()
		}
		if sum != s.held {
			t.Fatalf("%d octets held, %d counted", sum, s.held)
		}
	}
	if most > maxHeld+1<<20 {
		t.Errorf("%d octets held", most)
	}
}

// TestTicks has a time that a float can't hold.
func TestTicks(t *testing.T) {
	le := binary.LittleEndian
	for resolution, want := range map[byte]string{6: "1700000000.123456000", 9: "1700000.000123456", 0x8a: "1660156250120.562500000", 99: "0.000170000"} {
		i := ifc{rate: ticks([]byte{9, 0, 1, 0, resolution, 0, 0, 0}, le)}
		if at := i.time(1_700_000_000_123_456); fmt.Sprintf("%d.%09d", at.Unix(), at.Nanosecond()) != want {
			t.Errorf("%d: got %d.%09d, want %s", resolution, at.Unix(), at.Nanosecond(), want)
		}
	}
}

// Table is an MRT file of n prefixes, each with one path.
func tableOf(n int) []byte {
	b := record(nil, 13, 1, []byte("\xc0\x00\x02\x01\x00\x00\x00\x01\x02\x0a\x00\x00\x01\xc0\x00\x02\x02\x00\x00\xfd\xe9"))
	var body []byte
	for i := range n {
		path := []byte{0x40, 1, 1, 0, 0x40, 2, 18, 2, 4, 0, 0, 0xfd, 0xe9, 0, 0, byte(i >> 12), 7, 0, 0, 13, byte(i >> 9), 0, 0, 0x1b, byte(i >> 6),
			0x40, 3, 4, 192, 0, 2, 2, 0x80, 4, 4, 0, 0, 0, byte(i >> 8), 0xc0, 8, 8, 0xfd, 0xe9, 0, 1, 0xfd, 0xe9, 0, byte(i >> 10)}
		body = binary.BigEndian.AppendUint32(body[:0], uint32(i))
		body = append(body, 24, byte(1+i>>16), byte(i>>8), byte(i), 0, 1, 0, 0, 0x65, 0, 0, 0, 0, byte(len(path)))
		b = record(b, 13, 2, append(body, path...))
	}
	return b
}

// TestTable reads a big table as updates that the codec reads.
func TestTable(t *testing.T) {
	n := bgp.Negotiated{Families: []bgp.Family{bgp.IPv4Unicast}, ASN4: true, LocalAS: 1, PeerAS: 2}
	var u wire.Update
	count, before := 0, netip.Prefix{}
	for m, err := range Messages(bytes.NewReader(tableOf(5000))) {
		if err != nil {
			t.Fatal(err)
		}
		if bad := wire.ParseUpdate(m.Raw, &n, &u); bad != nil || u.Disposition != wire.None || u.NLRI.Empty() {
			t.Fatalf("%d: %v %v", count, bad, u.Attrs.Problems)
		}
		count++
	}
	if count != 5000 {
		t.Errorf("%d messages %v", count, before)
	}
}

func FuzzMessages(f *testing.F) {
	f.Add(tableOf(3))
	f.Add(record(nil, 16, 4, octets(f, "0000fde9 0000fde8 0001 0001 c0000202 c0000201"+keepalive)))
	f.Add(pcapOf(binary.LittleEndian, 0xa1b2c3d4, 101, segmentOf(99, 2, nil), segmentOf(100, 16, octets(f, keepalive))))
	f.Add(ng(segmentOf(100, 16, octets(f, keepalive))))
	f.Fuzz(func(t *testing.T, b []byte) {
		for m, err := range Messages(bytes.NewReader(b)) {
			if err == nil && !whole(m.Raw) {
				t.Fatalf("a message of %d octets", len(m.Raw))
			}
		}
	})
}

// BenchmarkTable is the mere reading. HOLDFAST_MRT=FILE also writes a table of a
// million prefixes there, for comparisons.
func BenchmarkTable(b *testing.B) {
	file := tableOf(1_000_000)
	if path := os.Getenv("HOLDFAST_MRT"); path != "" {
		if err := os.WriteFile(path, file, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		count := 0
		for _, err := range Messages(bytes.NewReader(file)) {
			if err != nil {
				b.Fatal(err)
			}
			count++
		}
		b.ReportMetric(float64(count), "messages")
	}
}

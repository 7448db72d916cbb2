package appliance

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

func TestMapped(t *testing.T) {
	const program = "/usr/bin/holdfast"
	for line, want := range map[string][2]uintptr{
		"00400000-00b61000 r-xp 00000000 fd:00 42                         /usr/bin/holdfast":           {0x400000, 0x761000},
		"012ed000-0135c000 rw-p 00eed000 fd:00 42                         /usr/bin/holdfast":           {0x12ed000, 0x6f000},
		"00400000-00b61000 r-xp 00000000 fd:00 42                         /usr/bin/holdfast (deleted)": {},
		"c000000000-c000400000 rw-p 00000000 00:00 0 ":                                                 {},
		"7ffd0000-7ffd2000 r-xp 00000000 00:00 0                          [vdso]":                      {},
		"b-a r-xp 00000000 fd:00 42 /usr/bin/holdfast":                                                 {},
		"x-a r-xp 00000000 fd:00 42 /usr/bin/holdfast":                                                 {},
		"": {},
	} {
		from, size, ok := mapped(line, program)
		if !ok {
			from, size = 0, 0
		}
		if got := [2]uintptr{from, size}; got != want {
			t.Errorf("%s: %x, want %x", line, got, want)
		}
	}
}

// TestResident: what is mapped of the program is locked, which is some megabytes.
func TestResident(t *testing.T) {
	if err := resident(); err != nil {
		t.Fatal("this test needs root: ", err)
	}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	locked := regexp.MustCompile(`VmLck:\s+(\d+) kB`).FindSubmatch(text)
	if kB, err := strconv.Atoi(string(locked[1])); err != nil || kB < 4096 {
		t.Errorf("locked are %s kB: %v", locked[1], err)
	}
}

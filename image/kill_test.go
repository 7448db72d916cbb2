package image_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"holdfast/image"
	"holdfast/image/imagetest"
)

// childFolder names the folder of the box in which a child installs what its
// standard input brings.
const childFolder = "IMAGE_TEST_CHILD"

func TestMain(m *testing.M) {
	dir := os.Getenv(childFolder)
	if dir == "" {
		os.Exit(m.Run())
	}
	i := installer(dir, &imagetest.Boot{Dir: dir, Running: "1.2", Primary: "1.2"})
	i.Tell = func(p image.Progress) { fmt.Println(p.Step, p.Written) }
	if _, err := i.Install(context.Background(), os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// kill installs in a child, which is killed when it has been given so many octets
// of the bundle, or when it has told of so many things.
func kill(t *testing.T, dir string, bundle []byte, octets, told int) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childFolder+"="+dir)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	given := make(chan struct{})
	go func() {
		defer close(given)
		io.Copy(in, bytes.NewReader(bundle[:octets])) // it may be killed before
		if octets == len(bundle) {
			in.Close()
		}
	}()
	if octets < len(bundle) {
		<-given
	} else {
		for lines := bufio.NewScanner(out); told > 0 && lines.Scan(); told-- {
		}
	}
	c.Process.Kill()
	io.Copy(io.Discard, out)
	c.Wait()
	<-given
}

// TestKilled: wherever an installation is killed, what runs is untouched, the other
// slot holds a whole root or none, and only a whole one can be booted. Another try
// goes through.
func TestKilled(t *testing.T) {
	bundle := imagetest.Bundle(t, "1.3", ours)
	tries := 200
	if testing.Short() {
		tries = 20
	}
	chance := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	b := newBox(t)
	before := b.read("b")
	for n := range tries {
		if n%2 == 0 {
			kill(t, b.dir, bundle, chance.IntN(len(bundle)), 0)
		} else {
			kill(t, b.dir, bundle, len(bundle), chance.IntN(9))
		}
		state := b.state()
		seen[state]++
		switch state {
		case untouched, "1.1 in the slot; bootable: 1.2", erased, "1.3 in the slot; bootable: 1.2", installed:
		default:
			t.Fatalf("%d: %s", n, state)
		}
		if n%10 == 0 {
			if _, err := b.Install(t.Context(), bytes.NewReader(bundle)); err != nil || b.state() != installed {
				t.Fatal(n, err, b.state())
			}
		}
		b.reset(before)
	}
	t.Log(seen)
	if len(seen) < 2 { // where it is, is chance, and the machine's speed
		t.Errorf("it was killed in too few places: %v", seen)
	}
}

// reset has the old version be in the other slot again.
func (b *box) reset(slot []byte) {
	b.Helper()
	if err := os.WriteFile(b.path("b"), slot, 0o600); err != nil {
		b.Fatal(err)
	}
	os.Remove(b.path("1.3.efi"))
	os.Remove(b.path("1.3.efi.new"))
	r, _ := imagetest.Root(b, "1.1", imagetest.Blocks)
	if err := os.WriteFile(b.path("1.1.efi"), imagetest.Kernel(b, "1.1", r), 0o600); err != nil {
		b.Fatal(err)
	}
}

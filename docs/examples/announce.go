//go:build ignore

// This program announces a prefix for as long as it runs.
//
//	go build announce.go
//	process announce { run announce 192.0.2.53/32; encoder json; }
//
// A helper says commands on its standard output, and reads answers and events
// on its standard input. It has to read them: what it does not, is lost.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// event is what we want to know of one: an object a line.
type event struct {
	Type     string
	Neighbor struct {
		Address struct{ Peer string }
		State   string
	}
}

func heard(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) == nil && e.Type == "state" {
		log.Printf("neighbor %s is %s", e.Neighbor.Address.Peer, e.Neighbor.State)
	}
}

// read gives the lines of standard input. When there are no more, the daemon is
// gone, and so are our routes.
func read(lines chan<- string) {
	in := bufio.NewReader(os.Stdin) // a line may be long
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			os.Exit(0)
		}
		lines <- strings.TrimSpace(line)
	}
}

// say says a command and waits for its answer. Events may come before it.
func say(lines <-chan string, command string) {
	fmt.Println(command)
	for line := range lines {
		switch {
		case line == "done":
			return
		case line == "error":
			log.Fatalf("refused: %s", command)
		case strings.HasPrefix(line, "error: "): // why, before "error"
			log.Print(line)
		default:
			heard(line)
		}
	}
}

func main() {
	prefix := os.Args[1]
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	lines := make(chan string)
	go read(lines)
	say(lines, "announce route "+prefix+" next-hop self")
	for {
		select {
		case line := <-lines:
			heard(line)
		case <-stop:
			say(lines, "withdraw route "+prefix+" next-hop self")
			return
		}
	}
}

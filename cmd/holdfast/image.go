package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"holdfast/appliance"
	"holdfast/appliance/console"
	"holdfast/appliance/control"
	"holdfast/appliance/generation"
	"holdfast/appliance/provision"
	"holdfast/appliance/update"
	"holdfast/image/data"
	"holdfast/netio/link"
	"holdfast/watchdog"
)

// Where an image has things.
const (
	stateFolder = "/var/lib/holdfast"
	keptFile    = "/efi/holdfast/state.tar" // outside the data partition
	keptTrial   = "/efi/holdfast/trial.json"
	espDrop     = "/efi/holdfast/drop" // for bundles, when the disk is flashed
	hostKey     = "/etc/ssh/ssh_host_ed25519_key.pub"
)

// imageDataVerb is what an image runs before anything else wants /var.
var imageDataVerb = &verb{word: "image-data", hidden: true, help: "make, check and mount the data partition of a box",
	run: func(c *call) error {
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		say := func(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }
		ctx, cancel := context.WithTimeout(context.Background(), mendFor)
		defer cancel()
		fed := watchdog.Meanwhile(feedAfter, armed)
		err := data.Prepare(ctx, data.Options{Say: say})
		fed()
		if err != nil {
			return err
		}
		if err := data.LinkESP(); err != nil {
			say("data: the ESP: %v", err)
		}
		// A check that has mended the file system may have lost it as well.
		if _, _, err := generation.Look(stateFolder, generation.Good, generation.Trying); err == nil {
			return nil
		}
		if err := restore(); err == nil {
			say("data: the last good configuration comes from the ESP")
		} else if !os.IsNotExist(err) {
			say("data: the last good configuration: %v", err)
		}
		return nil
	}}

// How long the data partition may take to be mended, before the box goes on without
// it, and from when on the hardware is fed meanwhile: it was armed for a minute.
const (
	mendFor   = 4 * time.Minute
	feedAfter = 20 * time.Second
)

// armed opens what the first program has armed.
func armed() (watchdog.Device, error) {
	path, err := os.ReadFile(armedBefore)
	if err != nil {
		return nil, err
	}
	return watchdog.Open(strings.TrimSpace(string(path)))
}

// restore brings back what was kept outside the data partition. The ESP is not
// mounted yet.
func restore() error {
	file, done, err := data.ESP(keptFile)
	if err != nil {
		return err
	}
	defer done()
	u, err := user.Lookup("holdfast")
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.MkdirAll(stateFolder, 0o700); err != nil {
		return err
	}
	return data.Restore(file, stateFolder, uid, gid)
}

// imageKeepVerb runs when a configuration has come or gone.
var imageKeepVerb = &verb{word: "image-keep", hidden: true, help: "keep a copy of the last good configuration outside the data partition",
	run: func(c *call) error {
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		return data.Keep(stateFolder, keptFile)
	}}

// keysFile is the file of a bundle with the ssh keys of those who manage the box.
const keysFile = "authorized_keys"

// imageKeysVerb is asked by sshd. Keys come and go with the configuration.
var imageKeysVerb = &verb{word: "image-keys", args: "USER", hidden: true, help: "print the ssh keys that the configuration brought for a user",
	run: func(c *call) error {
		args, err := c.parse(1, 1)
		if err != nil || args[0] != "root" {
			return err
		}
		for _, state := range []generation.State{generation.Good, generation.Trying} {
			if _, files, err := generation.Look(stateFolder, state); err == nil {
				c.out.Write(files[keysFile].Data)
			}
		}
		return nil
	}}

// imageConsoleVerb says what the box is, whenever that has changed.
var imageConsoleVerb = &verb{word: "image-console", hidden: true, help: "say on the console what this box is",
	run: func(c *call) error {
		if _, err := c.parse(0, 0); err != nil {
			return err
		}
		for last := ""; ; time.Sleep(2 * time.Second) {
			f := console.Facts{Version: version, ID: provision.Machine("/").String(), Key: fingerprint(hostKey), Status: "the service does not answer"}
			f.Links, _ = link.List()
			var s appliance.Status
			if err := control.Ask(control.DefaultSocket, control.Request{Do: "status"}, &s); err == nil {
				f.Status = s.Summary
			}
			var u update.Status
			if err := control.Ask(control.DefaultSocket, control.Request{Do: "update"}, &u); err == nil {
				f.Update = u.Brief()
			}
			if text := f.Text(); text != last {
				fmt.Fprint(c.out, text)
				last = text
			}
		}
	}}

// fingerprint is that of an ssh key, as ssh-keygen prints it.
func fingerprint(path string) string {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return ""
	}
	key, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(key)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

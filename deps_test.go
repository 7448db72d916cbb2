// Package holdfast_test holds the house to its plan: which room may look into
// which other.
package holdfast_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// room is what one package may use.
type room struct {
	may   string // packages of this module, without "holdfast/"; "x/..." is x and all below it
	pure  bool   // no sockets, files, environment, goroutines or clock
	never string // packages of Go's library, besides those that a pure room never imports
	why   string
}

// rooms is the plan: each package has a row, and arrows point down only.
// Imports of tests are free.
var rooms = map[string]room{
	"bgp":                 {pure: true, why: "the vocabulary knows nobody"},
	"bgp/octet":           {pure: true, why: "bounded reading knows no BGP"},
	"bgp/grammar":         {pure: true, why: "a grammar is data, and knows no words of its own"},
	"bgp/nlri/nlritest":   {may: "bgp/nlri bgp/attr bgp/grammar", why: "the cases and properties of their owner"},
	"bgp/nlri":            {may: "bgp bgp/octet bgp/grammar bgp/attr", pure: true, why: "what all families share must not know one of them"},
	"bgp/attr":            {may: "bgp bgp/octet bgp/grammar", pure: true, why: "attributes are the same for every family, and the RIB's keys"},
	"bgp/family/inet":     {may: "bgp bgp/octet bgp/grammar bgp/nlri bgp/attr", pure: true, why: "a family is one folder that knows no other"},
	"bgp/family/label":    {may: "bgp bgp/octet bgp/grammar bgp/nlri bgp/attr bgp/family/inet", pure: true, why: "a labelled prefix is a prefix"},
	"bgp/family/ls":       {may: "bgp bgp/grammar bgp/nlri bgp/attr", pure: true, why: "one family, one room"},
	"bgp/family/vpn":      {may: "bgp bgp/octet bgp/grammar bgp/nlri bgp/attr bgp/family/inet bgp/family/label", pure: true, why: "a prefix of a VPN is a labelled prefix"},
	"bgp/family/evpn":     {may: "bgp bgp/octet bgp/grammar bgp/nlri bgp/attr bgp/family/inet", pure: true, why: "a family is one folder; an IP prefix is a prefix"},
	"bgp/family/flow":     {may: "bgp bgp/octet bgp/grammar bgp/nlri bgp/attr bgp/family/inet", pure: true, why: "a family is one folder; it matches prefixes, and its actions are attributes"},
	"bgp/family/mup":      {may: "bgp bgp/octet bgp/grammar bgp/nlri bgp/attr bgp/family/inet", pure: true, why: "a family is one folder; a session has a prefix"},
	"bgp/family/mvpn":     {may: "bgp bgp/octet bgp/grammar bgp/nlri bgp/attr ", pure: true, why: "a family is one folder that knows no other"},
	"bgp/family/rtc":      {may: "bgp bgp/octet bgp/grammar bgp/nlri bgp/attr ", pure: true, why: "a family is one folder that knows no other"},
	"bgp/family/srpolicy": {may: "bgp bgp/octet bgp/grammar bgp/nlri bgp/attr ", pure: true, why: "a family is one folder that knows no other"},
	"bgp/family/vpls":     {may: "bgp bgp/octet bgp/grammar bgp/nlri bgp/attr ", pure: true, why: "a family is one folder that knows no other"},
	"bgp/family":          {may: "bgp bgp/nlri bgp/family/...", pure: true, why: "the table of all families is all that it is"},
	"bgp/operational":     {may: "bgp bgp/octet bgp/grammar", pure: true, why: "messages beside routing need nothing of it"},
	"bgp/capability":      {may: "bgp bgp/octet bgp/grammar", pure: true, why: "what an OPEN offers does not depend on how messages are framed"},
	"bgp/wire":            {may: "bgp bgp/octet bgp/nlri bgp/attr bgp/family bgp/capability bgp/operational", pure: true, why: "messages are bytes: no session, no RIB, no sockets"},
	"bgp/route":           {may: "bgp bgp/octet bgp/grammar bgp/nlri bgp/attr bgp/family bgp/family/...", pure: true, why: "a route as it is said, whoever wants it"},
	"bgp/event":           {may: "bgp bgp/attr bgp/capability bgp/nlri bgp/operational bgp/family/inet bgp/wire", pure: true, why: "what is told of messages"},
	"appliance/environ":   {pure: true, why: "ExaBGP's settings are text"},
	"bgp/rib":             {may: "bgp bgp/nlri bgp/attr bgp/family bgp/route bgp/wire", pure: true, why: "what a peer is told must work before a session exists"},
	"bgp/fsm":             {may: "bgp bgp/octet bgp/capability bgp/wire", pure: true, why: "a session is a function of events and time"},
	"bgp/config":          {may: "bgp bgp/grammar bgp/attr bgp/nlri bgp/family bgp/capability bgp/operational bgp/route", pure: true, why: "a configuration is text until somebody applies it"},
	"bgp/offline":         {may: "bgp/...", pure: true, why: "messages without a session"},
	"bgp/capture":         {may: "bgp bgp/octet bgp/attr bgp/family bgp/wire", pure: true, why: "messages out of files that others wrote"},
	"bgp/api":             {may: "bgp bgp/grammar bgp/attr bgp/nlri bgp/family bgp/family/... bgp/route bgp/operational", pure: true, why: "commands are values; who carries them out is not their business"},
	"bgp/speaker":         {may: "bgp/... netio", never: "os os/exec", why: "the one room where bgp meets netio"},

	"netio":      {why: "bytes, fairness and the kernel, but not BGP"},
	"netio/link": {why: "links and addresses, for whatever use"},

	"watchdog":              {why: "feeds a device on proof of progress, of whatever kind"},
	"watchdog/sim":          {may: "watchdog", why: "a device like another"},
	"watchdog/watchdogtest": {may: "watchdog", why: "the fake device of its owner"},
	"systemd":               {why: "tells a service manager what it is given"},
	"systemd/systemdtest":   {may: "systemd", why: "the bus and the managers of its owner, for tests"},
	"systemd/units":         {why: "files that we ship"},

	"image/tree":           {why: "files in memory, whatever they are of"},
	"image/debian":         {may: "image/tree", why: "packages become files; which ones is not its business"},
	"image/data":           {may: "image/slot", why: "a partition and what lies on it"},
	"image/verity":         {pure: true, why: "hashes of blocks"},
	"image/uki":            {pure: true, why: "octets of a program"},
	"image/early":          {may: "image/boot image/slot image/verity", why: "the first program has nothing but the kernel; what it can't start it marks bad"},
	"image/build":          {may: "image/tree image/debian image/rootfs image/slot image/uki image/verity", why: "an image is its parts"},
	"appliance/console":    {may: "netio/link", pure: true, why: "a screen is a text"},
	"cmd/initrd":           {may: "image/early", why: "flags only"},
	"cmd/mkimage":          {may: "image image/build image/signature", why: "flags only"},
	"image/versions":       {pure: true, why: "an order of texts"},
	"image/boot":           {may: "image/uki image/versions", why: "which version is started; where it comes from and whether it is well is decided elsewhere"},
	"image/rootfs":         {may: "image image/tree image/debian systemd/units", why: "what a box has"},
	"image":                {may: "image/signature image/slot image/uki image/verity image/versions", why: "bundles and what is written of them; how a box starts comes from outside"},
	"image/imagetest":      {may: "image image/signature image/uki image/verity", why: "the small images of their owner"},
	"image/source":         {why: "octets from wherever; what they are is not its business"},
	"image/slot":           {may: "image/verity", why: "where a root lies; what it is an image of is not its business"},
	"image/signature":      {pure: true, why: "keys and what they signed, whatever it says"},
	"appliance/health":     {pure: true, why: "a state is a function of verdicts, and what is told one of the state"},
	"appliance/checker":    {may: "appliance/health netio/link", why: "runs checks and tells whoever reads its lines, in this process or another's"},
	"appliance/settings":   {may: "appliance/health bgp bgp/attr bgp/grammar", pure: true, why: "settings are text until somebody applies them"},
	"appliance/desired":    {may: "appliance/health appliance/settings bgp/attr netio/link", pure: true, why: "the only place that says on or off is a pure function"},
	"appliance/verdict":    {pure: true, why: "before and after are values, of a configuration or of an image"},
	"appliance/update":     {may: "appliance/drain appliance/verdict", why: "an update and its verdict; who installs, what boots and who is asked comes from outside"},
	"appliance/helper":     {may: "appliance/host bgp/api", why: "helpers talk to whoever takes their commands, not to the speaker"},
	"appliance/client":     {may: "appliance/remote", why: "whoever speaks the text API needs nothing of the daemon"},
	"appliance/chronicle":  {why: "a ring of what happened; who tells it is not its business"},
	"appliance/control":    {may: "appliance/remote", why: "a socket and its questions; the answers come from outside"},
	"appliance":            {may: "appliance/... bgp/... image/signature netio netio/link watchdog watchdog/sim systemd", why: "composition and life; the only room that looks into all others"},
	"cmd/holdfast":         {may: "image/data netio/link appliance appliance/... bgp bgp/config bgp/api bgp/grammar bgp/wire bgp/event bgp/offline bgp/capture watchdog watchdog/sim systemd systemd/units image/signature image image/source image/boot image/slot", why: "flags, output and exit codes only"},
	"appliance/generation": {why: "files on a disk, whatever they configure"},
	"appliance/drain":      {may: "appliance/desired appliance/settings", why: "who is out of service, over restarts; what that means is decided elsewhere"},
	"appliance/box":        {may: "systemd", why: "an object on the bus; what its methods do comes from outside"},
	"appliance/remote":     {why: "a way to a socket, whatever is said over it"},
	"appliance/metrics":    {why: "tells of a snapshot, whoever took it"},
	"appliance/logqueue":   {why: "a queue of lines, whoever logs"},

	"appliance/host":      {why: "runs a program in one place or another, whatever it is for"},
	"appliance/provision": {may: "bgp/grammar image/signature", why: "bundles and where they come from; what is in a configuration is not its business"},

	"lab/golden": {why: "examples for tests of whatever room"},
	"lab":        {why: "uses the product as anybody does, from outside"},
	"lab/sink":   {why: "a peer that shares no code with what it tests"},
	"lab/guest":  {may: "watchdog", why: "the one process of an emulated machine, which has the hardware that we do not"},
	"lab/vm":     {may: "lab image image/build image/signature image/tree image/rootfs", why: "machines of the lab, with the root of a box"},
	"lab/demo":   {may: "lab", why: "a program of the lab"},
}

// impure is what a pure room never imports, and why not.
var impure = map[string]string{
	"net": "sockets", "net/http": "sockets", "os": "files and environment", "os/exec": "processes", "os/signal": "signals",
	"syscall": "system calls", "golang.org/x/sys/unix": "system calls", "log": "libraries do not log",
	"log/slog": "libraries do not log", "sync": "one owner for each thing", "math/rand": "chance is an argument",
	"math/rand/v2": "chance is an argument",
}

// clocks are the functions of package time that ask or wait for the real time.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// pkg is what "go list -json" says of a package.
type pkg struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports         []string
}

const module = "holdfast"

func TestRooms(t *testing.T) {
	packages := list(t)
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if p.ImportPath == module {
			continue // this test
		}
		r, ok := rooms[name]
		if !ok {
			t.Errorf("%s has no row in deps_test.go: say what it may import, and why", name)
			continue
		}
		r.checkImports(t, name, p.Imports)
		if r.pure {
			checkSource(t, name, p)
		}
	}
}

// list is every package of the module, whatever the system that it is for.
func list(t *testing.T) (packages []pkg) {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func (r room) checkImports(t *testing.T, name string, imports []string) {
	for _, path := range imports {
		if inner, ours := strings.CutPrefix(path, module+"/"); ours {
			if !r.allows(inner) {
				t.Errorf("%s imports %s: it may not, for %s", name, inner, r.why)
			}
			continue
		}
		if what, bad := impure[path]; bad && r.pure {
			t.Errorf("%s imports %s (%s): %s", name, path, what, r.why)
		}
		if slices.Contains(strings.Fields(r.never), path) {
			t.Errorf("%s imports %s: never, for %s", name, path, r.why)
		}
	}
}

func (r room) allows(path string) bool {
	return slices.ContainsFunc(strings.Fields(r.may), func(may string) bool {
		below, tree := strings.CutSuffix(may, "/...")
		return path == may || tree && (path == below || strings.HasPrefix(path, below+"/"))
	})
}

// checkSource looks for what imports do not show: goroutines and clocks.
func checkSource(t *testing.T, name string, p pkg) {
	t.Helper()
	files := token.NewFileSet()
	for _, file := range p.GoFiles {
		tree, err := parser.ParseFile(files, filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if what := impurity(n); what != "" {
				at := files.Position(n.Pos())
				t.Errorf("%s/%s:%d: %s in a pure room", name, file, at.Line, what)
			}
			return true
		})
	}
}

func impurity(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a goroutine"
	case *ast.SelectorExpr:
		if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
			return "time." + n.Sel.Name
		}
	}
	return ""
}

// TestProductNeedsNoLab: what we ship contains no test code.
func TestProductNeedsNoLab(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./cmd/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		name := strings.TrimPrefix(path, module+"/")
		if name == path {
			continue
		}
		if strings.HasPrefix(name, "lab") || strings.HasSuffix(name, "test") {
			t.Errorf("cmd needs %s, which is for tests", name)
		}
	}
}

// TestTable: each row has a reason and is about a package that exists, and
// nobody but the lab may look into the lab.
func TestTable(t *testing.T) {
	known := map[string]bool{}
	for _, p := range list(t) {
		known[strings.TrimPrefix(p.ImportPath, module+"/")] = true
	}
	for _, name := range slices.Sorted(maps.Keys(rooms)) {
		r := rooms[name]
		if r.why == "" {
			t.Errorf("%s: no reason", name)
		}
		if !known[name] {
			t.Errorf("%s: a row for a package that does not exist", name)
		}
		if !strings.HasPrefix(name, "lab") && r.allows("lab") {
			t.Errorf("%s may import the lab", name)
		}
	}
}

package api

import (
	"strings"

	"holdfast/bgp"
	"holdfast/bgp/family"
	"holdfast/bgp/route"
)

// commands are all commands.
var commands []command

// just makes a command of one item that says nothing more.
func just(k Kind) func(*call) error {
	return func(c *call) error {
		c.add(k)
		return nil
	}
}

// lone makes one that the daemon does, alone; Question.Text says how it tells
// of it.
func lone(k Kind) func(*call) error {
	return func(c *call) error {
		c.endings()
		c.alone = true
		c.add(k).More = &More{Query: Question{Text: c.text()}}
		return nil
	}
}

// said is the two commands about routes that begin with the same words.
func said(words string, f bgp.Family, args, taken, help string, do func(*call, Kind) error) []command {
	return []command{
		{words: "announce " + words, args: args, help: "announce " + help, who: wanted, routes: true, family: f, do: func(c *call) error { return do(c, Announce) }},
		{words: "withdraw " + words, args: taken, help: "withdraw " + help, who: wanted, routes: true, family: f, do: func(c *call) error { return do(c, Withdraw) }},
	}
}

// saidOf is the same for routes of a family.
func saidOf(words string, f bgp.Family, args, taken, help string) []command {
	return said(words, f, args, taken, help, func(c *call, k Kind) error { return c.family(k, f) })
}

func routeCommands() (out []command) {
	const attributes, flow = "[ATTRIBUTES] nlri PREFIX…", "route { match { … } then { … } scope { … } }|WORDS"
	for _, pair := range [][]command{
		saidOf("route", 0, "PREFIX next-hop ADDRESS|self [ATTRIBUTES]", "PREFIX [ATTRIBUTES]", "a route"),
		said("attributes", 0, attributes, attributes, "routes that share attributes", (*call).attributes),
		said("attribute", 0, attributes, attributes, "routes that share attributes, an older word", (*call).attributes),
		said("flow", bgp.MakeFamily(0, bgp.SAFIFlow), flow, "route { match { … } }|WORDS", "a flow specification", (*call).flow),
		saidOf("vpls", bgp.L2VPNVPLS, "endpoint N base N offset N size N rd RD next-hop ADDRESS|self [ATTRIBUTES]", "endpoint N base N offset N size N rd RD", "a VPLS label block"),
		saidOf("evpn", bgp.L2VPNEVPN, "TYPE WORDS next-hop ADDRESS|self [ATTRIBUTES]", "TYPE WORDS", "an EVPN route"),
		saidOf("vpn ipv4", bgp.IPv4VPN, "PREFIX rd RD label LABEL next-hop ADDRESS|self [ATTRIBUTES]", "PREFIX rd RD", "an IPv4 VPN route"),
		saidOf("vpn ipv6", bgp.IPv6VPN, "PREFIX rd RD label LABEL next-hop ADDRESS|self [ATTRIBUTES]", "PREFIX rd RD", "an IPv6 VPN route"),
	} {
		out = append(out, pair...)
	}
	return out
}

// familyCommands are those of each family: "announce ipv4 mup …".
func familyCommands() (out []command) {
	for _, row := range family.Table {
		for _, name := range bgp.FamilyNames(row.Family) {
			what := "WORDS"
			if route.ByPrefix(row.Family) {
				what = "PREFIX"
			}
			out = append(out, saidOf(name.AFI+" "+name.SAFI, row.Family, what+" next-hop ADDRESS|self [ATTRIBUTES]", what+" [ATTRIBUTES]", "a route of "+row.Family.String())...)
		}
	}
	return out
}

func otherCommands() []command {
	return []command{
		{words: "announce eor", args: "[AFI SAFI]", help: "send the End-of-RIB of a family, ipv4 unicast if none is named (RFC 4724)", who: wanted, do: (*call).eor},
		{words: "announce route-refresh", args: "AFI SAFI", help: "ask the peer to tell a family again (RFC 2918)", who: wanted, do: (*call).refresh},
		{words: "announce operational", args: operationalArgs(), help: "send an OPERATIONAL message", who: wanted, do: (*call).operational},
		{words: "announce watchdog", args: "[NAME]", help: "switch the routes of a group on; without a name, of the group that is called as the process is", who: wanted, do: func(c *call) error { return c.watchdog(GroupOn) }},
		{words: "withdraw watchdog", args: "[NAME]", help: "switch them off", who: wanted, do: func(c *call) error { return c.watchdog(GroupOff) }},

		{words: "group start", help: "keep announce and withdraw commands until group end", answer: "group started", do: (*call).groupStart},
		{words: "group end", help: "do them all at once", answer: processed(1, 0), do: (*call).groupEnd},
		{words: "group", old: "-", args: "COMMAND ; COMMAND …", help: "do several announce and withdraw commands at once; if the first is `attributes …` without nlri, the others have these too", answer: processed(1, 0), who: wanted, do: (*call).groupInline},
		{words: "routes", old: "-", args: "[AFI [SAFI]] list|add ROUTE|remove ROUTE|remove index HEX", help: "list, announce and withdraw routes; an index is the one that list tells", answer: "list: an object for each route", who: wanted, do: (*call).index},

		{words: "peer list", old: "-", help: "the peers and their states", answer: "JSON", do: (*call).peerList},
		{words: "show", old: "show neighbor", args: "[summary|extensive|configuration] [json|text]", help: "what is known of peers", answer: "JSON, in version 4 text", who: wanted, do: (*call).showPeers},
		{words: "teardown", args: "SUBCODE", help: "end the session with Cease and this subcode (RFC 4486)", who: wanted, do: (*call).teardown},
		{words: "peer create", old: "create neighbor", args: "ADDRESS local-address ADDRESS local-as ASN peer-as ASN [router-id ID] [family-allowed AFI-SAFI/…|in-open] [graceful-restart SECONDS] [group-updates true|false] [api PROCESS…]", help: "speak with one more peer, until the configuration is read again; its process is who says so, unless api names others", do: (*call).create},
		{words: "peer delete", old: "delete neighbor", args: "SELECTOR", help: "speak with a peer no more, until the configuration is read again", do: (*call).remove},

		{words: "rib show", old: "show adj-rib", args: "in|out [extensive] [inet|flow|l2vpn] [ADDRESS|PREFIX] [json|text]", help: "what was received, or is announced", answer: "a line for each route", who: some, do: (*call).showRIB},
		{words: "rib flush out", old: "flush adj-rib out", help: "tell everything again, and what auto-flush holds back", who: some, do: just(Flush)},
		{words: "rib clear out", old: "clear adj-rib out", help: "withdraw everything", who: some, do: just(ClearOut)},
		{words: "rib clear in", old: "clear adj-rib in", help: "forget what was received", who: some, do: just(ClearIn)},

		{words: "session ack enable", old: "enable-ack", help: "answer each command with done or error", do: just(AckOn)},
		{words: "session ack disable", old: "disable-ack", help: "answer this command and none after it", do: just(AckOff)},
		{words: "session ack silence", old: "silence-ack", help: "answer no more commands, not even this one", do: just(AckSilent)},
		{words: "session sync enable", old: "enable-sync", help: "answer when the peers have been told", do: just(SyncOn)},
		{words: "session sync disable", old: "disable-sync", help: "answer when the command has been carried out", do: just(SyncOff)},
		{words: "session reset", old: "reset", help: "forget what was said and is not done yet, and an open group", do: (*call).reset},
		{words: "session ping", old: "ping", args: "[UUID [TIME]] [text]", help: "say that the daemon lives", answer: `{ "pong": UUID, "active": true }`, do: (*call).ping},
		{words: "session bye", old: "bye", args: "[UUID]", help: "end the session, where it is a connection", do: (*call).bye},

		{words: "system help", old: "help", help: "all commands", answer: `{ "description", "peer_filters", "commands" }, in version 4 text`, do: (*call).help},
		{words: "system version", old: "version", help: "which version this is", answer: `{ "version", "application" }, in version 4 text`, do: (*call).version},
		{words: "system api version", old: "api version", args: "[4|6]", help: "which version's words are understood, or have this session understand only 6's, or also 4's", answer: `{ "api_version", "description" }`, do: (*call).apiVersion},
		{words: "system queue-status", old: "queue-status", help: "what waits for each process to read it", answer: `{ PROCESS: { "items", "bytes" } }`, do: (*call).queues},
		{words: "system crash", old: "crash", help: "nothing", do: lone(Crash)},

		{words: "daemon status", old: "status", help: "version, process, uptime and peers", answer: "JSON, in version 4 text", do: (*call).status},
		{words: "daemon shutdown", old: "shutdown", help: "stop the daemon, in order", answer: `{ "status" }, in version 4 "shutdown in progress"`, do: lone(Shutdown)},
		{words: "daemon reload", old: "reload", help: "read the configuration again", answer: `{ "status" }, in version 4 "reload in progress"`, do: lone(Reload)},
		{words: "daemon restart", old: "restart", help: "end all sessions, read the configuration, and begin anew", answer: `{ "status" }, in version 4 "restart in progress"`, do: lone(Restart)},
	}
}

// usage is how a command is said in a version of the API, "" where it has none.
func (c *command) usage(version int) string {
	words, peers := c.words, map[audience]string{wanted: "peer SELECTOR "}[c.who]
	if c.words == "show" {
		peers = "peer [SELECTOR] "
	}
	if version == 4 {
		if peers = ""; c.who != nobody && c.words != "show" {
			peers = "[neighbor SELECTOR] "
		}
		switch c.old {
		case "":
		case "-":
			return ""
		default:
			words = c.old
		}
		if c.old == "show neighbor" || c.words == "teardown" {
			words += " [ADDRESS]"
		}
	}
	return strings.TrimSpace(peers + words + " " + c.args)
}

package api

import (
	"fmt"
	"testing"

	"holdfast/bgp/config"
)

// TestCreateIsConfiguration: what a new peer is made of is what a configuration
// says of one.
func TestCreateIsConfiguration(t *testing.T) {
	const least = "peer create 127.0.0.9 local-address 127.0.0.1 local-as 65000 peer-as 65001"
	for more, want := range map[string]string{
		"": "[ipv4 unicast]", " family-allowed ipv6-nlri-mpls/l2vpn-evpn": "[ipv6 nlri-mpls l2vpn evpn]",
		" family-allowed in-open graceful-restart 120 router-id 1.2.3.4 group-updates false": "",
	} {
		var p Parser
		b := say(t, &p, least+more+" api a b")
		if b.Items[0].Err != nil {
			t.Fatal(b.Items[0].Err)
		}
		c, err := config.Parse("x", []byte("process a { run /bin/true; } process b { run /bin/true; } "+b.Items[0].More.Neighbor), config.Options{})
		if err != nil || len(c.Neighbors) != 1 {
			t.Errorf("%s: %v", b.Items[0].More.Neighbor, err)
			continue
		}
		n := c.Neighbors[0]
		if got := fmt.Sprint(n.Families); more != "" && want != "" && got != want || fmt.Sprint(n.Processes) != "[a b]" || n.PeerAS != 65001 {
			t.Errorf("%s: %s, %v, %v", b.Items[0].More.Neighbor, got, n.Processes, n.PeerAS)
		}
	}
}

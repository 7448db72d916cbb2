package appliance

import (
	"holdfast/bgp/config"
)

// Exported is what a configuration means, for tools. It has no keys.
type Exported struct {
	File      string             `json:"file"`
	Neighbors []ExportedNeighbor `json:"neighbors"`
	Processes []config.Process   `json:"processes"`
}

// ExportedNeighbor is a neighbor with its routes in words.
type ExportedNeighbor struct {
	config.Neighbor
	Routes []string
}

// Export is the configuration without its keys.
func (l *Loaded) Export() Exported {
	x := Exported{File: l.Path, Processes: l.Config.Processes}
	for _, n := range l.Config.Neighbors {
		e := ExportedNeighbor{Neighbor: n}
		for _, r := range n.Routes {
			e.Routes = append(e.Routes, string(r.AppendText(nil)))
		}
		if e.MD5Password != "" {
			e.MD5Password = "(secret)"
		}
		if n.TCPAO != nil {
			ao := *n.TCPAO
			ao.Password = "(secret)"
			e.TCPAO = &ao
		}
		x.Neighbors = append(x.Neighbors, e)
	}
	return x
}

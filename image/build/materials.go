package build

import (
	"encoding/json"
	"fmt"
	"strings"
)

// bom is a bill of materials as CycloneDX 1.5 has it, with what we know: names,
// versions and package URLs.
type bom struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
	URL     string `json:"purl,omitempty"`
}

// Materials is the bill of materials of an image, as JSON.
func (p *Parts) Materials() []byte {
	b := bom{Format: "CycloneDX", Spec: "1.5", Version: 1,
		Metadata: metadata{component{Type: "operating-system", Name: "holdfast-" + p.Arch, Version: p.Version}}}
	for _, file := range p.Packages {
		parts := strings.Split(file, "_") // NAME_VERSION_ARCH, with %3a for a colon
		if len(parts) != 3 {
			continue
		}
		version := strings.ReplaceAll(parts[1], "%3a", ":")
		b.Components = append(b.Components, component{Type: "library", Name: parts[0], Version: version,
			URL: fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s", parts[0], strings.ReplaceAll(version, "+", "%2B"), parts[2])})
	}
	for _, m := range p.Modules {
		b.Components = append(b.Components, component{Type: "library", Name: m.Path, Version: m.Version, URL: "pkg:golang/" + m.Path + "@" + m.Version})
	}
	text, err := json.MarshalIndent(b, "", "\t")
	if err != nil {
		panic(err) // strings only
	}
	return append(text, '\n')
}

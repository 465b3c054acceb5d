package config

import yaml "go.yaml.in/yaml/v4"

// maxText is how many bytes of text a file may come to once its aliases are followed: 64 MiB. A short file of aliases
// to a long text, or to lists of aliases, comes to more than any memory holds.
const maxText = 64 << 20

// extent is what a node with an anchor comes to with everything below it.
type extent struct {
	nodes, text int
	open        bool // it is being counted: an alias to it stands within it
}

// isBounded says whether a file stays within maxVisits nodes and maxText once its aliases are followed, which is done
// once for each of them. If not, that has been noted.
func (d *decoder) isBounded(n *yaml.Node) bool {
	_, good := d.extent(n, map[*yaml.Node]extent{})
	return good
}

func (d *decoder) extent(n *yaml.Node, known map[*yaml.Node]extent) (extent, bool) {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	if e, counted := known[n]; counted {
		if e.open {
			d.fail(n, n.Anchor, "the anchor &%s has an alias to itself in it; write the value out", n.Anchor)
		}
		return e, !e.open
	}
	if n.Anchor != "" {
		known[n] = extent{open: true}
	}
	e := extent{nodes: 1, text: len(n.Value)}
	for _, inner := range n.Content {
		more, good := d.extent(inner, known)
		if !good {
			return e, false
		}
		e.nodes += more.nodes
		e.text += more.text
		if e.nodes > maxVisits || e.text > maxText {
			d.fail(inner, "", "the file is too large once its aliases (*name) are followed; use fewer of them")
			return e, false
		}
	}
	if n.Anchor != "" {
		known[n] = e
	}
	return e, true
}

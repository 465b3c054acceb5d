package config

import (
	"regexp"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// reference is ${NAME} or ${NAME:-default}. Anything else with a dollar sign is left as it is.
var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// expand replaces references to environment variables in the string values of the tree, not in its keys. As in a shell
// an empty variable counts as unset. What comes out stays a string, whatever it looks like.
func (d *decoder) expand(n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			d.expand(n.Content[i])
		}
	case yaml.DocumentNode, yaml.SequenceNode:
		for _, c := range n.Content {
			d.expand(c)
		}
	case yaml.ScalarNode:
		if n.ShortTag() == "!!str" && strings.Contains(n.Value, "${") {
			d.expandScalar(n)
		}
	}
}

func (d *decoder) expandScalar(n *yaml.Node) {
	n.Value = reference.ReplaceAllStringFunc(n.Value, func(match string) string {
		groups := reference.FindStringSubmatch(match)
		name, hasDefault, fallback := groups[1], groups[2] != "", groups[3]
		if value := d.getenv(name); value != "" {
			d.secret(value)
			return value
		}
		if !hasDefault {
			d.warn(n, name, "environment variable %s is not set; set it, or write ${%s:-default}", name, name)
		}
		return fallback
	})
	n.Tag = "!!str" // the value could look like a number now
	d.expanded = append(d.expanded, n.Value)
}

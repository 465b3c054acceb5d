package config

import (
	yaml "go.yaml.in/yaml/v4"

	"uniapi/codec/capability"
)

// capabilities reads what a user knows better of hosts and models than the gateway: a list of rules, or one.
func capabilities(d *decoder, n *yaml.Node) ([]capability.Rule, bool) {
	rules, problems := capability.Read(n, d.file)
	for _, p := range problems {
		d.fail(p.Node, p.Node.Value, "%s", p.Text)
	}
	return rules, len(problems) == 0
}

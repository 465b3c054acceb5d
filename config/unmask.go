package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// maskOf is what JSON shows of a text; secret is whether it stands below one of secretKeys.
func maskOf(text string, secret bool) string {
	switch {
	case isVariable(text), strings.EqualFold(text, Direct):
		return text // the name of a variable is no secret, and the word for no proxy neither
	case secret:
		return Mask(text)
	case strings.HasPrefix(text, "sk-"): // a client's key also stands in the rules of others
		return maskRule(text)
	case strings.Contains(text, "://"):
		return maskURL(text)
	}
	return text
}

// isMasked says of a text that it may be what maskOf has made of a secret.
func isMasked(text string, secret bool) bool {
	return strings.Contains(text, "…") && (secret || strings.HasPrefix(text, "sk-") || strings.Contains(text, "://"))
}

// masks are the texts of a part of the file by what is shown of them: who reads the configuration without its secrets,
// and sends it back, means those that are there.
type masks map[string][]maskedText

type maskedText struct{ path, text string }

// masksOf collects them. Places go by the names of providers, so that one that has moved keeps its keys.
func masksOf(n *yaml.Node) masks {
	m := masks{}
	m.collect(n, "", false, 0)
	return m
}

func (m masks) collect(n *yaml.Node, path string, secret bool, depth int) {
	if n = resolve(n); depth > maxDepth {
		return
	}
	if n.Kind == yaml.ScalarNode {
		if shown := maskOf(n.Value, secret); shown != n.Value {
			m[shown] = append(m[shown], maskedText{path, n.Value})
		}
		return
	}
	eachChild(n, path, secret, func(child *yaml.Node, path string, secret bool) { m.collect(child, path, secret, depth+1) })
}

// eachChild gives the children of a list or a mapping, names included, with their places and whether they are secret.
func eachChild(n *yaml.Node, path string, secret bool, each func(child *yaml.Node, path string, secret bool)) {
	for i, child := range n.Content {
		switch {
		case n.Kind == yaml.MappingNode && i%2 == 0:
			each(child, path+"/:"+strconv.Itoa(i), false)
		case n.Kind == yaml.MappingNode:
			name := resolve(n.Content[i-1]).Value
			each(child, path+"/"+name, secret || slices.Contains(secretKeys, strings.ToLower(name)))
		default:
			each(child, path+"/"+itemName(child, i), secret)
		}
	}
}

// itemName is how an item of a list is told: a provider by its name, all else by its number.
func itemName(n *yaml.Node, number int) string {
	if n = resolve(n); n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "provider" {
				return "provider " + resolve(n.Content[i+1]).Value
			}
		}
	}
	return strconv.Itoa(number)
}

// unmask puts the secrets of the file in the place of what is shown of them. The error is of one that nobody knows.
func (m masks) unmask(n *yaml.Node, path string, secret bool) error {
	if n.Kind == yaml.ScalarNode {
		if !isMasked(n.Value, secret) {
			return nil
		}
		text, err := m.find(n.Value, path)
		if err != nil {
			return err
		}
		n.Value, n.Tag, n.Style = text, "!!str", yaml.DoubleQuotedStyle
		return nil
	}
	var failed error
	eachChild(n, path, secret, func(child *yaml.Node, path string, secret bool) {
		if failed == nil {
			failed = m.unmask(child, path, secret)
		}
	})
	return failed
}

func (m masks) find(shown, path string) (text string, err error) {
	var here []maskedText
	all := m[shown]
	for _, t := range all {
		if t.path == path {
			here = append(here, t)
		}
	}
	if len(here) > 0 {
		all = here
	}
	for i := range all {
		if all[i].text != all[0].text {
			return "", fmt.Errorf("holds the masked secret %s, which may be any of several; read the configuration with reveal=true to change it", clipped(shown))
		}
	}
	if len(all) == 0 {
		return "", fmt.Errorf("holds the masked secret %s, which is that of none in the file and would take the place of a real one; read the configuration with reveal=true to change it", clipped(shown))
	}
	return all[0].text, nil
}

// What uni-api's page of 2025 (uni-api-web) shows of a provider and sends back. What it does not show it knows nothing
// of.
var (
	pageKeys   = []string{"provider", "base_url", "tools", "api", "model", "notes"}
	pageMaySay = append(slices.Clone(pageKeys), "preferences")
)

// keepUnshown gives the providers that come from that page what it does not show: credentials, an engine, regions.
// Others mean what they leave out.
func keepUnshown(next, now *yaml.Node) {
	if next.Kind != yaml.SequenceNode || now.Kind != yaml.SequenceNode {
		return
	}
	known := map[string]*yaml.Node{}
	for i, item := range now.Content {
		known[itemName(item, i)] = resolve(item)
	}
	for i, item := range next.Content {
		old := known[itemName(item, i)]
		if old == nil || old.Kind != yaml.MappingNode || !isOfThePage(item) {
			continue
		}
		for j := 0; j+1 < len(old.Content); j += 2 {
			if name := old.Content[j].Value; !slices.Contains(pageMaySay, name) {
				item.Content = append(item.Content, old.Content[j], old.Content[j+1])
			}
		}
	}
}

func isOfThePage(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	found := 0
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch name := n.Content[i].Value; {
		case slices.Contains(pageKeys, name):
			found++
		case name != "preferences":
			return false
		}
	}
	return found == len(pageKeys)
}

// withDefaults fills in what that page would else take for something else: a box that is not ticked, and an address
// that is empty.
func withDefaults(tree any) {
	top, _ := tree.(map[string]any)
	list, _ := top["providers"].([]any)
	for _, item := range list {
		p, is := item.(map[string]any)
		if !is {
			continue
		}
		if p["tools"] == nil {
			p["tools"] = true
		}
		if p["base_url"] != nil {
			continue
		}
		switch {
		case p["project_id"] != nil:
			p["base_url"] = vertexURL
		case p["engine"] == "cohere":
			p["base_url"] = cohereURL
		case p["cf_account_id"] != nil:
			p["base_url"] = cloudflareURL
		}
	}
}

package config

import (
	"encoding/json"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// maxJSON is how large one value of post_body_parameter_overrides may get: 1 MiB. It stops aliases to aliases.
const maxJSON = 1 << 20

// removeKey is the override that takes fields out of a request.
const removeKey = "__remove__"

// jsonValue turns a node into JSON, members in the order of the file and numbers spelled as in it where JSON allows.
func jsonValue(d *decoder, n *yaml.Node) (json.RawMessage, bool) {
	out, ok := d.appendJSON(nil, n, 0)
	return json.RawMessage(out), ok
}

// jsonObject is jsonValue for a mapping.
func jsonObject(d *decoder, n *yaml.Node) (json.RawMessage, bool) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "", "%s must be a mapping (key: value), not %s", d.key, kindOf(n))
		return nil, false
	}
	return jsonValue(d, n)
}

func (d *decoder) appendJSON(out []byte, n *yaml.Node, depth int) ([]byte, bool) {
	n = resolve(n)
	if depth > maxDepth || len(out) > maxJSON {
		d.fail(n, "", "%s is too deep or too large", d.key)
		return out, false
	}
	switch n.Kind {
	case yaml.MappingNode:
		out = append(out, '{')
		for i, p := range d.pairs(n) {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendJSONString(out, p.key), ':')
			var ok bool
			if out, ok = d.appendJSON(out, p.value, depth+1); !ok {
				return out, false
			}
		}
		return append(out, '}'), true
	case yaml.SequenceNode:
		out = append(out, '[')
		for i, c := range n.Content {
			if i > 0 {
				out = append(out, ',')
			}
			if !d.visit(c) {
				return out, false
			}
			var ok bool
			if out, ok = d.appendJSON(out, c, depth+1); !ok {
				return out, false
			}
		}
		return append(out, ']'), true
	}
	return d.appendJSONScalar(out, n)
}

func (d *decoder) appendJSONScalar(out []byte, n *yaml.Node) ([]byte, bool) {
	switch n.ShortTag() {
	case "!!null":
		return append(out, "null"...), true
	case "!!bool":
		return strconv.AppendBool(out, strings.EqualFold(n.Value, "true")), true
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return append(out, n.Value...), true
		}
		digits := strings.ReplaceAll(n.Value, "_", "")
		if i, err := strconv.ParseInt(digits, 0, 64); err == nil {
			return strconv.AppendInt(out, i, 10), true
		}
		f, err := strconv.ParseFloat(digits, 64)
		if err == nil {
			if text, err := json.Marshal(f); err == nil {
				return append(out, text...), true
			}
		}
		d.fail(n, n.Value, "%s: JSON has no number %s; put it in quotes if it is a text", d.key, shown(n.Value))
		return out, false
	}
	return appendJSONString(out, n.Value), true
}

// appendJSONString does not escape <, > and &: providers get what the user wrote.
func appendJSONString(out []byte, s string) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil { // a string always encodes
		return append(out, `""`...)
	}
	return append(out, strings.TrimSuffix(b.String(), "\n")...)
}

// overrides reads post_body_parameter_overrides.
func overrides(d *decoder, n *yaml.Node) ([]Override, bool) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "", "%s must be a mapping (field: value), not %s", d.key, kindOf(n))
		return nil, false
	}
	var out []Override
	for _, p := range d.pairs(n) {
		if p.key == removeKey {
			d.checkRemove(p.value)
		} else if p.value.Kind == yaml.MappingNode {
			// A mapping can be a model's block, which may have a __remove__ of its own.
			for _, inner := range d.pairs(p.value) {
				if inner.key == removeKey {
					d.checkRemove(inner.value)
				}
			}
		}
		if v, ok := jsonValue(d, p.value); ok {
			out = append(out, Override{p.key, v})
		}
	}
	return out, true
}

// removal is checked here and applied from its JSON.
type removal struct {
	path string
}

var removalFields = []field[removal]{
	take("path", text, func(r *removal) *string { return &r.path }),
	ignore[removal]("where"),
	ignore[removal]("where_any"),
	{"drop_empty", func(d *decoder, n *yaml.Node, _ *removal) { flag(d, n) }},
}

// checkRemove checks the form of __remove__: field names, and mappings with a path.
func (d *decoder) checkRemove(n *yaml.Node) {
	for _, item := range d.items(n) {
		if item.Kind == yaml.ScalarNode {
			continue
		}
		var r removal
		if level(d, item, "an item of "+removeKey, removalFields, &r) && r.path == "" {
			d.fail(item, "", "an item of %s has no path; add path: with the dotted name of the field to remove", removeKey)
		}
	}
}

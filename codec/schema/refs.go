package schema

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"uniapi/codec/rawjson"
)

// resolve returns the target of a local reference, nil if there is none: a JSON pointer behind a '#'.
func (c *cleaner) resolve(ref string) *node {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	n := c.root
	if path == "" {
		return n
	}
	for step := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		if n.kind == rawjson.Array {
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(n.items) {
				return nil
			}
			n = n.items[i]
		} else if n = n.get(step); n == nil {
			return nil
		}
	}
	return n
}

// inline follows the $ref of members until there is none, and lays the members beside it over its target. What it has entered is on
// c.refs, for the caller to leave.
func (c *cleaner) inline(members []member) []member {
	for {
		ref := find(members, "$ref")
		if ref == nil {
			return members
		}
		rest := remove(slices.Clone(members), "$ref")
		target := c.resolve(ref.text())
		switch {
		case target == nil || target.kind != rawjson.Object:
			return rest
		case slices.Contains(c.refs, target) || len(c.refs) >= MaxRefDepth || c.nodes > maxNodes:
			cut := []member{{"type", str("object")}}
			if d := target.get("description"); d != nil {
				cut = append(cut, member{"description", d})
			}
			return overlay(cut, rest)
		}
		c.refs = append(c.refs, target)
		members = overlay(target.members, rest)
	}
}

// overlay is a copy of below with the members of above set in it.
func overlay(below, above []member) []member {
	out := slices.Clone(below)
	for _, m := range above {
		out = set(out, m.name, m.value)
	}
	return out
}

// mergeBranch adds what a branch of allOf demands: its properties and required names to those that are there, the rest if it is not.
func mergeBranch(members, branch []member) []member {
	out := slices.Clone(members)
	for _, m := range branch {
		have := find(out, m.name)
		switch {
		case have == nil:
			out = append(out, m)
		case m.name == "properties" && have.kind == rawjson.Object:
			out = set(out, m.name, object(mergeBranch(have.members, m.value.members)...))
		case m.name == "required" && have.kind == rawjson.Array:
			list := slices.Clone(have.items)
			for _, name := range m.value.items {
				if !slices.ContainsFunc(list, func(n *node) bool { return n.text() == name.text() }) {
					list = append(list, name)
				}
			}
			out = set(out, m.name, array(list...))
		}
	}
	return out
}

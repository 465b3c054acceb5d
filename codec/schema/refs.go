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

// inline follows the $ref of members until there is none, and lays the members beside it over its target. What it has
// entered is on c.refs, for the caller to leave.
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
		case slices.Contains(c.refs, target) || len(c.refs) >= MaxRefDepth || !c.takes(target):
			cut := []member{{"type", str("object")}}
			if d := target.get("description"); d != nil && c.takes(d) {
				cut = append(cut, member{"description", d})
			}
			return overlay(cut, rest)
		}
		c.refs = append(c.refs, target)
		members = overlay(target.members, rest)
	}
}

// takes takes what a node adds out of what references may add, and says whether there was room for it.
func (c *cleaner) takes(n *node) bool {
	if c.room < n.size || c.values < n.values {
		return false
	}
	c.room -= n.size
	c.values -= n.values
	return true
}

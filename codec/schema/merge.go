package schema

import (
	"slices"

	"uniapi/codec/rawjson"
)

// layers are members that others are laid over. Names are found by a map, as there may be thousands.
type layers struct {
	members []member
	places  map[string]int
}

func layered(members []member) *layers {
	l := &layers{members: slices.Clone(members), places: make(map[string]int, len(members))}
	for i, m := range members {
		l.places[m.name] = i
	}
	return l
}

func (l *layers) get(name string) *node {
	if i, has := l.places[name]; has {
		return l.members[i].value
	}
	return nil
}

// set gives the member of that name a value, in the place that it has.
func (l *layers) set(name string, value *node) {
	if i, has := l.places[name]; has {
		l.members[i].value = value
		return
	}
	l.places[name] = len(l.members)
	l.members = append(l.members, member{name, value})
}

// fewMembers are laid over others without a map.
const fewMembers = 8

// overlay is a copy of below with the members of above set in it.
func overlay(below, above []member) []member {
	if len(above) <= fewMembers {
		out := slices.Clone(below)
		for _, m := range above {
			out = set(out, m.name, m.value)
		}
		return out
	}
	l := layered(below)
	for _, m := range above {
		l.set(m.name, m.value)
	}
	return l.members
}

// merger adds up what the branches of an allOf demand.
type merger struct {
	*layers
	properties *layers         // nil as long as only one branch has any
	required   map[string]bool // the same
}

func merging(members []member) *merger { return &merger{layers: layered(members)} }

// branch adds the properties and required names of a branch to those that are there, and the rest if it is not.
func (g *merger) branch(members []member) {
	for _, m := range members {
		have := g.get(m.name)
		switch {
		case have == nil:
			g.set(m.name, m.value)
		case m.name == "properties" && have.kind == rawjson.Object:
			g.addProperties(have, m.value.members)
		case m.name == "required" && have.kind == rawjson.Array:
			g.addRequired(have, m.value.items)
		}
	}
}

func (g *merger) addProperties(have *node, more []member) {
	if g.properties == nil {
		g.properties = layered(have.members)
	}
	for _, m := range more {
		if g.properties.get(m.name) == nil {
			g.properties.set(m.name, m.value)
		}
	}
	g.set("properties", object(g.properties.members...))
}

func (g *merger) addRequired(have *node, more []*node) {
	list := have
	if g.required == nil {
		g.required = make(map[string]bool, len(have.items))
		for _, n := range have.items {
			g.required[n.text()] = true
		}
		list = array(slices.Clone(have.items)...)
	}
	for _, n := range more {
		if name := n.text(); !g.required[name] {
			g.required[name] = true
			list.items = append(list.items, n)
		}
	}
	g.set("required", list)
}

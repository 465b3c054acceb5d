package codec

import (
	"slices"
	"strings"

	"uniapi/codec/rawjson"
)

// Beyond is how a request says that the provider is to read more than stands in it as text: what it has kept of earlier
// turns, pages that it searches for, files, of which a few bytes may be an hour of silence or a thousand empty pages.
// Nobody can tell from the request how much that is.
type Beyond struct {
	Members []string // of the request, each by its path, whatever its value is but for null and false
	Within  []string // words that stand somewhere in it as strings, names or values: "a b" is both, "a*" what begins and "*a" what ends so
	Client  []string // the tools that a client runs, by how their type begins. All others the provider runs
	Named   bool     // a tool says what it is by the names of its members, instead of a type
}

// Says tells whether a member of a request does.
func (b *Beyond) Says(body []byte, it *rawjson.Members) bool {
	name := it.Name()
	if name == toolsMember && b.ranElsewhere(body, it.Value) {
		return true
	}
	for _, path := range b.Members {
		if !strings.HasPrefix(path, name) { // most
			continue
		}
		first, rest, deeper := strings.Cut(path, ".")
		if name != first {
			continue
		}
		v := it.Value
		if deeper {
			v = v.Get(body, rest)
		}
		if said := v.Raw(body); v.Present() && string(said) != "null" && string(said) != "false" {
			return true
		}
	}
	return false
}

// ranElsewhere says whether the provider runs one of the tools.
func (b *Beyond) ranElsewhere(body []byte, tools rawjson.Value) bool {
	for list := tools.Elements(body); list.Next(); {
		if b.Named {
			for it := list.Value.Members(body); it.Next(); {
				if !b.runs(it.Name()) {
					return true
				}
			}
		} else if kind, is := rawjson.Text(body, list.Value.Get(body, "type")); is && !b.runs(kind) {
			return true
		}
	}
	return false
}

// runs says whether clients run a tool.
func (b *Beyond) runs(tool string) bool {
	return slices.ContainsFunc(b.Client, func(begins string) bool { return strings.HasPrefix(tool, begins) })
}

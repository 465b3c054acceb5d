package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/rawjson"
)

// maxMarkers is how many cache markers a request may have. Of more the first go: the last ones cover the longest
// prefixes.
const maxMarkers = 4

func countMarkers(own bool, tools []codec.Tool, system []codec.Part, list []alternation.Turn) (n int) {
	for i := range tools {
		if tools[i].Cache != nil && tools[i].Kind != codec.ToolHosted && (tools[i].Raw == nil || !own) {
			n++
		}
	}
	n += countParts(system)
	for i := range list {
		n += countParts(list[i].Parts)
	}
	return n
}

func countParts(parts []codec.Part) (n int) {
	for i := range parts {
		p := &parts[i]
		if p.Cache != nil && p.Kind != codec.PartReasoning && p.Kind != codec.PartOpaque {
			n++
		}
		if p.Kind == codec.PartToolResult {
			n += countParts(p.Result.Parts)
		}
	}
	return n
}

// appendMark writes a cache marker, unless it is one of those that are too many.
func (w *writer) appendMark(dst []byte, c *codec.Cache) []byte {
	if c != nil && w.skip > 0 {
		w.skip--
		return dst
	}
	return appendCache(dst, c)
}

func appendCache(dst []byte, c *codec.Cache) []byte {
	if c == nil {
		return dst
	}
	dst = append(rawjson.Key(dst, "cache_control"), `{"type":"ephemeral"`...)
	return append(rawjson.StrIf(dst, "ttl", c.TTL), '}')
}

// Package formats lists the wire formats, a line for each. What one is like, it says itself: codec.Format, and its Traits.
package formats

import (
	"uniapi/codec"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/bedrock"
	"uniapi/codec/formats/cohere"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
	"uniapi/codec/formats/responses"
)

// All are the formats by the names that channels know them by. One that two kinds of hosts speak differently is there for each.
var All = map[string]codec.Format{
	"openai":    openai.Format{},
	"anthropic": anthropic.Format{},
	"gemini":    gemini.Format{},
	"responses": responses.Format{},
	"cohere":    cohere.Format{},

	"gemini-vertex":    gemini.Format{Vertex: true},
	"anthropic-vertex": anthropic.Vertex,
	"bedrock-invoke":   bedrock.Invoke,
	"bedrock-converse": bedrock.Format{},
}

// Chat is what a client speaks of whom nothing else is known, and most upstreams.
var Chat codec.Format = openai.Format{}

// Clients are the names of those that clients speak.
var Clients = []string{"openai", "responses", "anthropic", "gemini"}

// Traits are those of a format by its name; none of a format that is not there.
func Traits(name string) codec.Traits {
	if f := All[name]; f != nil {
		return f.Traits()
	}
	return codec.Traits{}
}

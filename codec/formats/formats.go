// Package formats lists the wire formats, a line for each. What one is like, it says itself: codec.Format, its
// Properties, and its front.Routes if clients speak it.
package formats

import (
	"uniapi/codec"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/bedrock"
	"uniapi/codec/formats/cohere"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
	"uniapi/codec/formats/responses"
	"uniapi/codec/front"
)

// list are the formats by the names that channels know them by, with where clients ask in them. One that two kinds of
// hosts speak differently is there for each. The first is what a client speaks of whom nothing else is known, and most
// upstreams.
var list = []entry{
	{"openai", openai.Format{}, openai.Routes(responses.InChat{})},
	{"responses", responses.Format{}, responses.Routes()},
	{"anthropic", anthropic.Format{}, anthropic.Routes()},
	{"anthropic-vertex", anthropic.Vertex, nil},
	{"gemini", gemini.Format{}, gemini.Routes()},
	{"gemini-vertex", gemini.Format{Vertex: true}, nil},
	{"bedrock-invoke", bedrock.Invoke, nil},
	{"bedrock-converse", bedrock.Format{}, nil},
	{"cohere", cohere.Format{}, nil},
}

type entry struct {
	name   string
	format codec.Format
	routes []front.Route
}

var (
	// All are the formats by their names.
	All = map[string]codec.Format{}
	// Chat is the first.
	Chat = list[0].format
	// Clients are the names of those that clients speak.
	Clients []string
	// Routes are where they do.
	Routes []front.Route
)

func init() {
	for _, e := range list {
		e.add()
	}
}

func (e entry) add() {
	All[e.name] = e.format
	if Routes = append(Routes, e.routes...); e.routes != nil {
		Clients = append(Clients, e.name)
	}
}

// Of is what the client speaks that has sent a request, of which no more is known than what stands beside its body.
func Of(asked front.Asked) codec.Format {
	for _, e := range list {
		if r, tells := e.format.(front.Recognizer); tells && e.routes != nil && r.Recognizes(asked) {
			return e.format
		}
	}
	return Chat
}

// Properties are those of a format by its name; none of a format that is not there.
func Properties(name string) *codec.Properties {
	if f := All[name]; f != nil {
		return f.Properties()
	}
	return &codec.Properties{}
}

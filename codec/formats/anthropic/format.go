// Package anthropic is the Messages format, as Anthropic, Bedrock's InvokeModel and Vertex speak it, and clients like
// Claude Code.
package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/capability"
)

// Format is the Messages format. The zero value is Anthropic's own API; other hosts of Claude differ in the body.
type Format struct {
	// Version is the anthropic_version in the body of hosts that have the model's name in the path. "" is Anthropic's
	// API, which has it in a header.
	Version string
	// OmitStream is for hosts that say by the path whether to stream.
	OmitStream bool
	// Betas are put into the body as anthropic_beta.
	Betas []string
}

var _ codec.Format = Format{}

// Vertex is Claude on Google's Vertex AI.
var Vertex = Format{Version: "vertex-2023-10-16"}

const (
	formatName = "anthropic"
	// providerName is whose signatures ours are, in codec.Signature.
	providerName = "anthropic"
)

// Name implements codec.Format.
func (Format) Name() string { return formatName }

// Properties implements codec.Format. Other hosts than Anthropic fetch nothing.
func (f Format) Properties() *codec.Properties {
	if f.hosted() {
		return &elsewhere
	}
	return &described
}

var elsewhere = func(p codec.Properties) codec.Properties {
	p.Place, p.Fetches = "vertex", nil
	return p
}(described)

var described = codec.Properties{
	Rules: capability.Messages, Fetches: []codec.PartKind{codec.PartImage, codec.PartFile},
	Heartbeat: []byte("event: ping\ndata: {\"type\": \"ping\"}\n\n"), Pinged: true, Count: "input_tokens",
	Tiers: []string{codec.ServiceTier, codec.Speed, codec.Place},
	Bounds: &codec.Bounds{Answer: []string{"max_tokens"}, Thinking: []string{"thinking.budget_tokens"}, Searches: codec.Searches{Web: []string{"web_search"}, Uses: "max_uses"}, Beyond: codec.Beyond{
		Members: []string{"mcp_servers", "container"}, Within: []string{"file_id", "document url", "document base64"}, Client: []string{"custom", "bash_", "text_editor_", "computer_", "memory_"},
	}},
	Thoughtless: true, Passed: []string{versionLine}, Flags: flagsLine,
}

// hosted says whether another than Anthropic runs the model: without its files, URLs, containers and hosted caching.
func (f Format) hosted() bool { return f.Version != "" }

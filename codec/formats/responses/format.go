// Package responses is OpenAI's Responses format, which Codex speaks, in both directions.
package responses

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/fields"
)

// Format is the Responses format.
type Format struct{}

var _ codec.Format = Format{}

const (
	formatName = "responses"
	// reasoningFormat is what OpenRouter calls OpenAI's thinking, and so what brings it back through chat clients.
	reasoningFormat = "openai-responses-v1"
	// maxCallID is the longest call_id that OpenAI takes.
	maxCallID = 64
)

// Name implements codec.Format.
func (Format) Name() string { return formatName }

// Properties implements codec.Format.
func (Format) Properties() *codec.Properties { return &described }

var described = codec.Properties{
	Rules: capability.Responses, Added: []string{"include", "store", "reasoning"}, Fetches: []codec.PartKind{codec.PartImage, codec.PartFile},
	Heartbeat: codec.Comment, Repeats: true, Later: "background", LeastTokens: 16, Count: "input_tokens", CountObject: "response.input_tokens",
	Bounds: &codec.Bounds{Answer: []string{"max_output_tokens"}, Others: codec.OtherAnswer, Thinking: []string{"reasoning.max_tokens"}, Beyond: codec.Beyond{
		Members: []string{"previous_response_id", "conversation", "prompt.id"}, Within: []string{"file_id", "file_url", "file_data", "input_audio", "item_reference", "file_ids"},
		Client: []string{"function", "custom", "namespace", "local_shell", "apply_patch", "computer"},
	}, Searches: codec.Searches{Web: []string{"web_search", "x_search"}, Preview: []string{"web_search_preview"}, Files: []string{"file_search"}, Code: []string{"code_interpreter", "code_execution"}, Calls: "max_tool_calls"}},
}

// reader reads a request of this format.
type reader struct {
	fields.Reader
	carried []codec.Tool      // by items of the input
	called  map[string]string // calls of typed tools, by their ids and those of their items
}

// Thinking that another provider signed goes to clients as encrypted_content in an envelope of ours, since the next
// turn may come to another gateway and nothing else of an item is kept by every client.
const envelope = "uniapi1"

// unproven is the envelope of thinking that nobody signed: by it an item is told from OpenAI's own in the next turn.
const unproven = envelope + ".s.."

// seal puts a proof into an envelope. kind is s for the signature of thinking that can be read, e for thinking that
// cannot.
func seal(kind, provider, value string) string {
	return strings.Join([]string{envelope, kind, provider, value}, ".")
}

// unseal opens an envelope; ok is false for the encrypted_content of OpenAI itself.
func unseal(sealed string) (kind, provider, value string, ok bool) {
	rest, ok := strings.CutPrefix(sealed, envelope+".")
	if !ok {
		return "", "", "", false
	}
	kind, rest, _ = strings.Cut(rest, ".")
	provider, value, ok = strings.Cut(rest, ".")
	return kind, provider, value, ok
}

// reasoningPart is the neutral form of a reasoning item. One without a proof is text like that of providers that sign
// nothing.
func reasoningPart(id, text, encrypted string) codec.Part {
	p := codec.Part{Kind: codec.PartReasoning, Text: text}
	switch kind, provider, value, ours := unseal(encrypted); {
	case encrypted == "":
	case ours && kind == "e":
		p.Reasoning = &codec.ReasoningInfo{Encrypted: value}
	case ours:
		p.Signature = codec.Signature{Provider: provider, Value: value}
	default:
		p.Reasoning = &codec.ReasoningInfo{ID: id, Encrypted: encrypted, Format: reasoningFormat, Summary: true}
	}
	return p
}

// sealed is the encrypted_content that shows a part to a client, "" if there is nothing to keep.
func sealed(s codec.Signature, info *codec.ReasoningInfo) string {
	switch {
	case info != nil && info.Encrypted != "" && isOpenAI(s, info):
		return info.Encrypted
	case info != nil && info.Encrypted != "":
		provider := s.Provider
		if provider == "" {
			provider = "anthropic" // the only one whose thinking cannot be read and which does not sign it
		}
		return seal("e", provider, info.Encrypted)
	case s.Value != "":
		return seal("s", s.Provider, s.Value)
	}
	return ""
}

func isOpenAI(s codec.Signature, info *codec.ReasoningInfo) bool {
	return s.Provider == "openai" || info != nil && strings.HasPrefix(info.Format, "openai")
}

// itemMark begins the ids of reasoning items at OpenAI.
const itemMark = "rs_"

// named is sealed thinking behind the id of its item, without which OpenAI does not take it back. Nothing that OpenAI
// seals has a dot in it.
func named(id, sealed string) string {
	if !strings.HasPrefix(id, itemMark) || strings.Contains(id, ".") {
		return strings.Clone(sealed) // the bytes it came in do not last
	}
	return id + "." + sealed
}

// unnamed undoes named.
func unnamed(value string) (id, sealed string) {
	if id, sealed, found := strings.Cut(value, "."); found && strings.HasPrefix(id, itemMark) {
		return id, sealed
	}
	return "", value
}

// namespaced is the one name of a tool in a namespace. A tool that is only loaded late is in one of its own name, and
// keeps that.
func namespaced(namespace, name string) string {
	if namespace == "" || namespace == name {
		return name
	}
	return namespace + "__" + name
}

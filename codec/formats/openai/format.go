package openai

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/capability"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
	"uniapi/codec/words"
)

// Format is the chat completions format in full, for clients and upstreams whose other side speaks another.
type Format struct{}

var _ codec.Format = Format{}

const formatName = "openai"

func (Format) Name() string { return formatName }

// Properties implements codec.Format.
func (Format) Properties() *codec.Properties { return &described }

var described = codec.Properties{
	Rules: capability.Chat, Added: []string{"reasoning_effort", "thinking", "enable_thinking", "temperature"},
	Fetches: []codec.PartKind{codec.PartImage, codec.PartVideo}, Heartbeat: codec.Comment, Count: "input_tokens", Functions: true,
	Bounds: &codec.Bounds{
		Answer: []string{"max_tokens", "max_completion_tokens"}, Others: codec.OtherAnswer, Answers: append([]string{"n", "best_of"}, codec.OtherAnswers...),
		Thinking: []string{"thinking.budget_tokens", "thinking.token_budget", "reasoning.max_tokens", "thinking_budget"}, Each: "prompt",
		// Some clients put other formats' tools among those of chat, as they are there.
		Searches: codec.Searches{
			Members: []string{"web_search_options"}, Size: "search_context_size", Web: []string{"web_search"}, Preview: []string{"web_search_preview"}, Files: []string{"file_search"},
			Named: []string{"googleSearch", "google_search", "googleSearchRetrieval", "google_search_retrieval"}, Maps: []string{"googleMaps", "google_maps"},
		},
		// xAI's search_parameters, OpenRouter's plugins, Azure's data_sources
		// (learn.microsoft.com/azure/ai-services/openai/references/on-your-data), DashScope's enable_search and Groq's
		// search_settings; document_url is Mistral's, video_url and audio_url are vLLM's and DashScope's, and so are
		// texts that name files.
		Beyond: codec.Beyond{
			Members: []string{"web_search_options", "search_parameters", "plugins", "data_sources", "dataSources", "enable_search", "search_settings"},
			Within:  []string{"file_id", "file_url", "file_data", "input_audio", "document_url", "video_url", "audio_url", "fileid:*"}, Client: []string{"function", "custom"},
		},
	},
}

func (Format) DecodeError(status int, contentType string, body []byte) *codec.Error {
	return codec.ReadError(status, contentType, body)
}

func (Format) EncodeError(dst []byte, e *codec.Error) []byte { return AppendError(dst, e) }

// reader reads a request of this format.
type reader struct{ fields.Reader }

// texts takes one string for a list of one.
func (r *reader) texts(v rawjson.Value, path string) []string {
	if v.Kind == rawjson.String {
		return []string{r.Text(v, path)}
	}
	return r.Texts(v, path)
}

func (r *reader) cache(v rawjson.Value) *codec.Cache {
	if v.Kind != rawjson.Object {
		return nil
	}
	ttl, _ := rawjson.Text(r.Data, v.Get(r.Data, "ttl"))
	return &codec.Cache{TTL: ttl}
}

func appendCache(dst []byte, c *codec.Cache) []byte {
	if c == nil {
		return dst
	}
	dst = append(rawjson.Key(dst, "cache_control"), `{"type":"ephemeral"`...)
	return append(rawjson.StrIf(dst, "ttl", c.TTL), '}')
}

// appendExtra writes the members that this format alone knows. own is whether they are its.
func appendExtra(dst []byte, extra codec.Fields, own bool) []byte {
	if !own {
		return dst
	}
	for _, f := range extra {
		dst = rawjson.Field(dst, f.Name, f.Raw)
	}
	return dst
}

// finishOf reads a finish_reason, with the words of compatible providers.
func finishOf(word string) codec.Finish {
	f := codec.Finish{Native: word, Reason: codec.FinishStop}
	switch strings.ToLower(word) {
	case "":
		f.Reason = codec.FinishNone
	case "length", "model_length", "max_tokens":
		f.Reason = codec.FinishLength
	case "tool_calls", "function_call", "tool_use":
		f.Reason = codec.FinishToolCalls
	case "content_filter", "sensitive", "prohibited_content":
		f.Reason = codec.FinishFilter
	case "error", "network_error", "insufficient_system_resource":
		f.Reason = codec.FinishError
	}
	return f
}

// settle makes a finish fit what the answer holds: upstreams say stop behind tool calls, and tool_calls with none.
func settle(f codec.Finish, calls bool) codec.Finish {
	switch {
	case f.Reason == codec.FinishStop && calls, f.Reason == codec.FinishNone && calls:
		f.Reason = codec.FinishToolCalls
	case f.Reason == codec.FinishToolCalls && !calls, f.Reason == codec.FinishNone:
		f.Reason = codec.FinishStop
	}
	return f
}

// finishWord is the finish_reason that clients know. An answer given up has none of its own.
func finishWord(f codec.Finish, legacy bool) string {
	switch f.Reason {
	case codec.FinishLength:
		return "length"
	case codec.FinishToolCalls:
		if legacy {
			return "function_call"
		}
		return "tool_calls"
	case codec.FinishFilter:
		return "content_filter"
	}
	return "stop"
}

// Target is what can be told in a chat request: OpenAI's own schema. Files are PDF (developers.openai.com,
// guides/file-inputs), and what an assistant says is text.
func (Format) Target() alternation.Target {
	return alternation.Target{Format: formatName, Files: "openai", Unended: true,
		Takes: []codec.PartKind{codec.PartImage, codec.PartAudio, codec.PartVideo, codec.PartFile}}
}

// Readable says in words what a part of a type that is not known holds.
func (Format) Readable(opaque []byte) []codec.Part {
	v, err := rawjson.One(opaque)
	if err != nil {
		return nil
	}
	kind, _ := rawjson.Text(opaque, v.Get(opaque, "type"))
	text, _ := rawjson.Text(opaque, v.Get(opaque, "text"))
	if text == "" {
		text = words.Of(kind, opaque, v)
	}
	return []codec.Part{{Kind: codec.PartText, Text: text}}
}

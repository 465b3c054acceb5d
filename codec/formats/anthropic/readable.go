package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
	"uniapi/codec/words"
)

// Target is what can be told in a Messages request. Other hosts know none of Anthropic's files.
func (f Format) Target() alternation.Target {
	t := alternation.Target{Format: formatName, Files: providerName, ImageIDs: true, TextFiles: true, Objects: true, PlainErrors: true, Takes: []codec.PartKind{codec.PartImage, codec.PartFile}}
	if f.hosted() {
		t.Files = ""
	}
	return t
}

// threads is the flag of conversations that Anthropic keeps. Claude Code reads it in the text of a refusal, and sends
// the whole conversation then; thread_unsupported_request is the SDK's word for it (anthropic 2.14.0,
// types/thread_unsupported_request_error_details.py).
const (
	threads   = "message-threads-2026-08-12"
	noThreads = "thread_unsupported_request"
)

// Bound refuses to go on with a conversation that only Anthropic has. To begin one asks for nothing that the answer
// would not have.
func (Format) Bound(q *codec.Request) *codec.Error {
	raw := q.Extra.Get("thread")
	if raw == nil {
		return nil
	}
	v, err := rawjson.One(raw)
	if kind, _ := rawjson.Text(raw, v.Get(raw, "type")); err != nil || kind != "continue" {
		return nil
	}
	e := codec.BadRequest("thread", "capability_rejected: beta_header:"+threads+"; the provider that serves this model keeps no conversation to continue: "+
		"send the whole of it, without 'thread'")
	e.Code = noThreads
	return e
}

// Readable says in the words of all what a block of Anthropic's holds: sources as text, what its tools did as a note.
func (Format) Readable(opaque []byte) []codec.Part {
	v, err := rawjson.One(opaque)
	if err != nil {
		return nil
	}
	r := &reader{Reader: fields.Reader{Data: opaque}}
	get := func(name string) rawjson.Value { return v.Get(opaque, name) }
	text := func(name string) string {
		s, _ := rawjson.Text(opaque, get(name))
		return s
	}
	switch kind := text("type"); kind {
	case "search_result":
		return headed(words.Joined(text("title"), text("source")), r.content(get("content"), "content"))
	case "document":
		source := get("source")
		return headed(words.Joined(text("title"), text("context")), r.content(source.Get(opaque, "content"), "content"))
	case "tool_reference":
		return said("The tool " + text("tool_name") + " is there.")
	case "container_upload":
		return []codec.Part{{Kind: codec.PartFile, Media: &codec.Media{FileID: text("file_id")}}}
	case "compaction", "mid_conv_system":
		return r.content(get("content"), "content")
	case "server_tool_use", "mcp_tool_use":
		return said(words.Of(text("name"), opaque, get("input")))
	case "fallback", "tool_addition", "tool_removal":
		return nil
	default:
		return said(words.Of(kind, opaque, v))
	}
}

func said(text string) []codec.Part { return []codec.Part{{Kind: codec.PartText, Text: text}} }

// headed are parts under a heading, which becomes the beginning of the first text.
func headed(heading string, parts []codec.Part) []codec.Part {
	if len(parts) > 0 && parts[0].Kind == codec.PartText {
		parts[0].Text = words.Named(heading, parts[0].Text)
		return parts
	}
	return append(said(heading), parts...)
}

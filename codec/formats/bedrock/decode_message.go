package bedrock

import (
	"encoding/base64"
	"strings"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// content reads the blocks of a message or of the system's words. A cache point belongs to the block before it.
func (r *reader) content(v rawjson.Value) (parts []codec.Part) {
	for it := v.Elements(r.data); it.Next(); {
		block := it.Value.Members(r.data) // a union: it has one member
		switch {
		case !block.Next():
		case block.Name() != "cachePoint":
			parts = codec.Add(parts, r.block(block.Name(), block.Value, it.Value))
		case len(parts) > 0:
			parts[len(parts)-1].Cache = &codec.Cache{TTL: r.text(block.Value, "ttl")}
		}
	}
	return parts
}

func (r *reader) block(name string, v, whole rawjson.Value) codec.Part {
	p := codec.Part{}
	switch name {
	case "text":
		p.Text, _ = rawjson.Text(r.data, v)
		return p
	case "reasoningContent":
		p.Kind = codec.PartReasoning
		text := v.Get(r.data, "reasoningText")
		p.Text = r.text(text, "text")
		p.Signature = signature(r.text(text, "signature"))
		if data := r.text(v, "redactedContent"); data != "" {
			p.Reasoning = &codec.ReasoningInfo{Encrypted: redacted(data)}
		}
		return p
	case "toolUse":
		if r.text(v, "type") == "server_tool_use" {
			break
		}
		p.Kind = codec.PartToolCall
		p.Call = &codec.ToolCall{ID: r.text(v, "toolUseId"), Name: r.text(v, "name"), Arguments: string(v.Get(r.data, "input").Raw(r.data))}
		return p
	case "toolResult":
		if kind := r.text(v, "type"); kind != "" && kind != "tool_result" {
			break
		}
		p.Kind = codec.PartToolResult
		if r.depth == fields.MaxNested {
			r.fail("toolResult", "is nested deeper than 4 levels")
			return p
		}
		r.depth++
		p.Result = &codec.ToolResult{CallID: r.text(v, "toolUseId"), Error: r.text(v, "status") == "error", Parts: r.content(v.Get(r.data, "content"))}
		r.depth--
		return p
	case "json":
		p.Text = string(v.Raw(r.data))
		return p
	case "image", "video", "document":
		if m := r.media(name, v); m.Media.Data != "" || m.Media.URL != "" {
			return m
		}
	case "citationsContent":
		return r.cited(v)
	}
	return codec.Part{Kind: codec.PartOpaque, Raw: whole.Raw(r.data)}
}

func signature(value string) codec.Signature {
	if value == "" {
		return codec.Signature{}
	}
	return codec.Signature{Provider: signer, Value: value}
}

// redacted is Anthropic's text in a redactedContent, which is base64 of it.
func redacted(data string) string {
	inner, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return data
	}
	return string(inner)
}

func (r *reader) media(kind string, v rawjson.Value) codec.Part {
	m := &codec.Media{Name: r.text(v, "name")}
	p := codec.Part{Kind: codec.PartFile, Media: m}
	format := r.text(v, "format")
	switch kind {
	case "image":
		p.Kind, m.MIME = codec.PartImage, "image/"+format
	case "video":
		p.Kind, m.MIME = codec.PartVideo, "video/"+format
	default:
		m.MIME = "application/octet-stream"
		for mime, known := range documentFormats {
			if known == format {
				m.MIME = mime
			}
		}
	}
	source := v.Get(r.data, "source")
	m.Data = r.text(source, "bytes")
	m.URL = r.text(source.Get(r.data, "s3Location"), "uri")
	for it := v.Members(r.data); it.Next(); {
		if name := it.Name(); name != "name" && name != "format" && name != "source" {
			r.field(&p.Extra, name, it.Value)
		}
	}
	return p
}

// cited reads a text with its sources.
func (r *reader) cited(v rawjson.Value) codec.Part {
	p := codec.Part{Text: r.texts(v.Get(r.data, "content"))}
	for it := v.Get(r.data, "citations").Elements(r.data); it.Next(); {
		p.Citations = codec.Add(p.Citations, r.citation(it.Value))
	}
	return p
}

func (r *reader) citation(v rawjson.Value) codec.Citation {
	c := codec.Citation{Title: r.text(v, "title"), Raw: v.Raw(r.data)}
	c.URL = r.text(v.Get(r.data, "location").Get(r.data, "web"), "url")
	c.Text = r.texts(v.Get(r.data, "sourceContent"))
	return c
}

// texts joins the texts of a list.
func (r *reader) texts(list rawjson.Value) string {
	var all strings.Builder
	for it := list.Elements(r.data); it.Next(); {
		all.WriteString(r.text(it.Value, "text"))
	}
	return all.String()
}

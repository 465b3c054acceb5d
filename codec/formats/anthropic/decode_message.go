package anthropic

import (
	"encoding/base64"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// messages reads the conversation. The results of tools in a user's message become a message of their own before it.
func (r *reader) messages(v rawjson.Value, list []codec.Message) []codec.Message {
	if !r.Want(v, rawjson.Array, "messages") {
		return list
	}
	n := 0
	for it := v.Elements(r.Data); it.Next() && r.More("messages"); n++ {
		path := "messages[" + strconv.Itoa(n) + "]"
		if !r.Want(it.Value, rawjson.Object, path) {
			return list
		}
		m := codec.Message{}
		var content rawjson.Value
		for it := it.Value.Members(r.Data); it.Next(); {
			switch name := it.Name(); name {
			case "role":
				switch word := r.Text(it.Value, path+".role"); word {
				case "user":
				case "assistant":
					m.Role = codec.RoleAssistant
				case "system":
					m.Role = codec.RoleSystem
				default:
					r.Fail(path+".role", "must be user or assistant, not '"+word+"'")
				}
			case "content":
				content = it.Value
			default:
				r.Field(&m.Extra, name, it.Value)
			}
		}
		results := codec.Message{Role: codec.RoleTool}
		for _, p := range r.content(content, path+".content") {
			if p.Kind == codec.PartToolResult && m.Role == codec.RoleUser {
				results.Parts = codec.Add(results.Parts, p)
			} else {
				m.Parts = codec.Add(m.Parts, p)
			}
		}
		if len(results.Parts) > 0 {
			list = codec.Add(list, results)
		}
		if len(m.Parts) > 0 || len(results.Parts) == 0 {
			list = codec.Add(list, m)
		}
	}
	return list
}

// content reads a text, a list of blocks, or nothing.
func (r *reader) content(v rawjson.Value, path string) []codec.Part {
	if v.Kind == rawjson.String {
		return []codec.Part{{Kind: codec.PartText, Text: r.Text(v, path)}}
	}
	if !r.Want(v, rawjson.Array, path) {
		return nil
	}
	var parts []codec.Part
	for it := v.Elements(r.Data); it.Next() && r.More(path); {
		at := path + "[" + strconv.Itoa(len(parts)) + "]"
		if it.Value.Kind == rawjson.String {
			parts = codec.Add(parts, codec.Part{Kind: codec.PartText, Text: r.Text(it.Value, at)})
		} else if r.Want(it.Value, rawjson.Object, at) {
			if p := r.block(it.Value, at); p.IsTextProof() {
				codec.SignText(parts, p.Signature)
			} else {
				parts = codec.Add(parts, p)
			}
		}
	}
	return parts
}

// block reads a content block of a request or an answer. A type that is not known is kept whole.
func (r *reader) block(v rawjson.Value, path string) codec.Part {
	var p codec.Part
	get := func(name string) rawjson.Value { return v.Get(r.Data, name) }
	text := func(name string) string { return r.Text(get(name), path+"."+name) }
	p.Cache = r.cache(get("cache_control"))
	switch text("type") {
	case "text":
		p.Text = text("text")
		for it := get("citations").Elements(r.Data); it.Next(); {
			p.Citations = codec.Add(p.Citations, r.citation(it.Value))
		}
	case "thinking":
		p.Kind, p.Text, p.Signature = codec.PartReasoning, text("thinking"), unsealed(text("signature"))
	case "redacted_thinking":
		p.Kind, p.Reasoning = codec.PartReasoning, unsealedData(text("data"))
	case "image", "document":
		r.media(&p, v, path)
	case "tool_use":
		p.Kind, p.Call = codec.PartToolCall, r.call(v, path)
	case "tool_result":
		p.Kind = codec.PartToolResult
		p.Result = &codec.ToolResult{CallID: text("tool_use_id"), Error: get("is_error").Kind == rawjson.True}
		r.Nested(path, func() { p.Result.Parts = r.content(get("content"), path+".content") })
	default:
		p.Kind, p.Raw = codec.PartOpaque, v.Raw(r.Data)
		r.toolChange(v, text("type"), path)
	}
	return p
}

func (r *reader) call(v rawjson.Value, path string) *codec.ToolCall {
	c := &codec.ToolCall{}
	for it := v.Members(r.Data); it.Next(); {
		switch name := it.Name(); name {
		case "type", "cache_control":
		case "id":
			c.ID = r.Text(it.Value, path+".id")
		case "name":
			c.Name = r.Text(it.Value, path+".name")
		case "input":
			if it.Value.Kind == rawjson.String {
				c.Arguments = r.Text(it.Value, path+".input")
			} else {
				c.Arguments = string(r.Raw(it.Value))
			}
		default:
			r.Field(&c.Extra, name, it.Value)
		}
	}
	return c
}

// media reads an image or a document. One whose content is a list of blocks is kept whole.
func (r *reader) media(p *codec.Part, v rawjson.Value, path string) {
	m := &codec.Media{}
	p.Kind, p.Media = codec.PartFile, m
	var source rawjson.Value
	for it := v.Members(r.Data); it.Next(); {
		switch name := it.Name(); name {
		case "type":
			if word, _ := rawjson.Text(r.Data, it.Value); word == "image" {
				p.Kind = codec.PartImage
			}
		case "source":
			source = it.Value
		case "title":
			m.Name = r.Text(it.Value, path+".title")
		case "cache_control":
		default:
			r.Field(&p.Extra, name, it.Value)
		}
	}
	text := func(name string) string { return r.Text(source.Get(r.Data, name), path+".source."+name) }
	m.MIME = text("media_type")
	switch text("type") {
	case "base64":
		m.Data = text("data")
	case "text":
		m.MIME, m.Data = "text/plain", base64.StdEncoding.EncodeToString([]byte(text("data")))
	case "url":
		m.URL = text("url")
	case "file":
		m.FileID = text("file_id")
	default:
		p.Kind, p.Media, p.Extra, p.Raw = codec.PartOpaque, nil, nil, v.Raw(r.Data)
	}
}

// citation reads a citation of any type; only some have an address.
func (r *reader) citation(v rawjson.Value) codec.Citation {
	c := codec.Citation{Raw: v.Raw(r.Data)}
	for it := v.Members(r.Data); it.Next(); {
		s, _ := rawjson.Text(r.Data, it.Value)
		switch it.Name() {
		case "url":
			c.URL = s
		case "source":
			if strings.HasPrefix(s, "http") {
				c.URL = s
			}
		case "title", "document_title":
			c.Title = s
		case "cited_text":
			c.Text = s
		}
	}
	return c
}

// appendCitations writes the citations of a text: this format's as they came, those of others that have an address as
// search results.
func appendCitations(dst []byte, list []codec.Citation, own bool) []byte {
	before := len(dst)
	dst = append(rawjson.Key(dst, "citations"), '[')
	empty := len(dst)
	for i := range list {
		if c := &list[i]; own && c.Raw != nil {
			dst = append(rawjson.Comma(dst), c.Raw...)
		} else if c.URL != "" {
			dst = appendCitation(rawjson.Comma(dst), c)
		}
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return append(dst, ']')
}

func appendCitation(dst []byte, c *codec.Citation) []byte {
	dst = append(dst, `{"type":"web_search_result_location"`...)
	dst = rawjson.Str(dst, "url", c.URL)
	dst = rawjson.Str(dst, "title", c.Title)
	dst = rawjson.Str(dst, "encrypted_index", "")
	return append(rawjson.Str(dst, "cited_text", c.Text), '}')
}

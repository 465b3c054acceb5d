package openai

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

var roleWords = [...]string{codec.RoleUser: "user", codec.RoleAssistant: "assistant", codec.RoleSystem: "system",
	codec.RoleDeveloper: "developer", codec.RoleTool: "tool"}

// appendMessages writes the messages. A tool message takes only text here, so images in results follow in a user
// message behind all results of the turn.
func appendMessages(dst []byte, messages []codec.Message, own bool) []byte {
	var media []codec.Part
	for i := range messages {
		m := &messages[i]
		if m.Role != codec.RoleTool {
			dst = appendResultMedia(dst, media, own)
			media = nil
			if m.Phase != "" && !own { // OpenAI's Responses alone have it
				other := *m
				other.Phase, m = "", &other
			}
			dst = appendMessage(append(rawjson.Comma(dst), '{'), m, own)
			dst = append(dst, '}')
			continue
		}
		for j := range m.Parts {
			if p := &m.Parts[j]; p.Kind == codec.PartToolResult {
				dst = append(rawjson.Comma(dst), `{"role":"tool"`...)
				dst, media = appendResult(dst, p, media, own)
				dst = append(appendExtra(dst, m.Extra, own), '}')
			}
		}
	}
	return appendResultMedia(dst, media, own)
}

func appendResult(dst []byte, p *codec.Part, media []codec.Part, own bool) ([]byte, []codec.Part) {
	dst = rawjson.Str(dst, "tool_call_id", p.Result.CallID)
	if own { // OpenAI's schema has no name here
		dst = rawjson.StrIf(dst, "name", p.Result.Name)
	}
	dst = rawjson.Key(dst, "content")
	var texts []codec.Part
	for _, inner := range p.Result.Parts {
		if inner.Kind == codec.PartText || own {
			texts = append(texts, inner)
		} else if inner.Media != nil {
			media = append(media, inner)
		}
	}
	if p.Result.Error {
		texts = append([]codec.Part{{Kind: codec.PartText, Text: "Error: "}}, texts...)
		texts = []codec.Part{{Kind: codec.PartText, Text: joinTexts(texts)}}
	}
	if len(texts) == 0 && len(media) > 0 {
		texts = []codec.Part{{Kind: codec.PartText, Text: "(see the next message)"}}
	}
	dst = appendContent(dst, texts, own, `""`)
	return appendCache(dst, p.Cache), media
}

func joinTexts(parts []codec.Part) string {
	var all strings.Builder
	for _, p := range parts {
		all.WriteString(p.Text)
	}
	return all.String()
}

func appendResultMedia(dst []byte, media []codec.Part, own bool) []byte {
	if len(media) == 0 {
		return dst
	}
	dst = append(rawjson.Comma(dst), `{"role":"user","content":`...)
	return append(appendContent(dst, media, own, `""`), '}')
}

// appendMessage writes the members of a message that is no tool's, in a request or in an answer.
func appendMessage(dst []byte, m *codec.Message, own bool) []byte {
	dst = rawjson.Str(dst, "role", roleWords[m.Role])
	dst = rawjson.StrIf(dst, "name", m.Name)
	var content []codec.Part
	calls := false
	for _, p := range m.Parts {
		switch p.Kind {
		case codec.PartText, codec.PartFile, codec.PartVideo:
			content = append(content, p)
		case codec.PartImage, codec.PartAudio:
			if m.Role != codec.RoleAssistant {
				content = append(content, p)
			}
		case codec.PartOpaque:
			if own {
				content = append(content, p)
			}
		case codec.PartToolCall:
			calls = true
		}
	}
	if m.Role == codec.RoleAssistant && !own && isPlainText(content) {
		// Providers cut an answer into pieces at citations and tools of their own; clients want one text.
		content = []codec.Part{{Kind: codec.PartText, Text: joinTexts(content)}}
	}
	dst = appendContent(rawjson.Key(dst, "content"), content, own, "null")
	if m.Role == codec.RoleAssistant {
		dst = appendSpoken(dst, m, calls, own)
	}
	dst = rawjson.StrIf(dst, "phase", m.Phase)
	return appendExtra(dst, m.Extra, own)
}

// isPlainText says whether there are several texts and nothing else, not even a cache marker.
func isPlainText(parts []codec.Part) bool {
	for _, p := range parts {
		if p.Kind != codec.PartText || p.Cache != nil {
			return false
		}
	}
	return len(parts) > 1
}

// appendSpoken writes what only an assistant's message has beside its content.
func appendSpoken(dst []byte, m *codec.Message, calls, own bool) []byte {
	dst = appendThinking(dst, m.Parts)
	for _, p := range m.Parts {
		switch p.Kind {
		case codec.PartRefusal:
			dst = rawjson.Str(dst, "refusal", p.Text)
		case codec.PartAudio:
			dst = append(rawjson.Key(dst, "audio"), '{')
			dst = rawjson.StrIf(dst, "id", p.Media.FileID)
			dst = rawjson.StrIf(dst, "data", p.Media.Data)
			dst = rawjson.StrIf(dst, "transcript", p.Media.Transcript)
			dst = append(appendExtra(dst, p.Extra, own), '}')
		}
	}
	dst = appendList(dst, "images", m.Parts, func(dst []byte, p *codec.Part) []byte {
		if p.Kind != codec.PartImage {
			return dst
		}
		return appendPart(rawjson.Comma(dst), p)
	})
	dst = appendList(dst, "annotations", m.Parts, func(dst []byte, p *codec.Part) []byte {
		for i := range p.Citations {
			dst = appendCitation(dst, &p.Citations[i], own)
		}
		return dst
	})
	if !calls {
		return dst
	}
	return appendList(dst, "tool_calls", m.Parts, func(dst []byte, p *codec.Part) []byte {
		if p.Kind != codec.PartToolCall {
			return dst
		}
		return appendToolCall(rawjson.Comma(dst), p, own)
	})
}

// appendList writes a member with a list that item fills, or nothing if it stays empty.
func appendList(dst []byte, name string, parts []codec.Part, item func([]byte, *codec.Part) []byte) []byte {
	before := len(dst)
	dst = append(rawjson.Key(dst, name), '[')
	empty := len(dst)
	for i := range parts {
		dst = item(dst, &parts[i])
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return append(dst, ']')
}

func appendToolCall(dst []byte, p *codec.Part, own bool) []byte {
	dst = append(dst, '{')
	dst = rawjson.Str(dst, "id", p.Call.ID)
	if p.Call.Custom {
		dst = append(dst, `,"type":"custom","custom":{`...)
		dst = rawjson.Str(dst, "name", p.Call.Name)
		dst = rawjson.Str(dst, "input", p.Call.Arguments)
	} else {
		dst = append(dst, `,"type":"function","function":{`...)
		dst = rawjson.Str(dst, "name", p.Call.Name)
		dst = rawjson.Str(dst, "arguments", argumentsOf(p.Call))
	}
	dst = append(dst, '}')
	dst = appendThoughtSignature(dst, p.Signature)
	dst = appendCache(dst, p.Cache)
	return append(appendExtra(dst, p.Call.Extra, own), '}')
}

// argumentsOf is {} for a call without arguments: clients parse what they get.
func argumentsOf(c *codec.ToolCall) string {
	if strings.TrimSpace(c.Arguments) == "" {
		return "{}"
	}
	return c.Arguments
}

func appendThoughtSignature(dst []byte, s codec.Signature) []byte {
	if s.Provider != "google" {
		return dst
	}
	dst = append(rawjson.Key(dst, "extra_content"), `{"google":{`...)
	return append(rawjson.Str(dst, "thought_signature", s.Value), "}}"...)
}

// appendContent writes a single plain text as a string, which every server takes, and everything else as a list.
// Without parts it is none.
func appendContent(dst []byte, parts []codec.Part, own bool, none string) []byte {
	if len(parts) == 0 {
		return append(dst, none...)
	}
	if p := &parts[0]; len(parts) == 1 && p.Kind == codec.PartText && p.Cache == nil {
		return rawjson.AppendString(dst, p.Text)
	}
	dst = append(dst, '[')
	for i := range parts {
		if p := &parts[i]; p.Kind == codec.PartOpaque {
			if own {
				dst = append(rawjson.Comma(dst), p.Raw...)
			}
		} else {
			dst = appendPart(rawjson.Comma(dst), p)
		}
	}
	return append(dst, ']')
}

// appendPart writes a text or media part.
func appendPart(dst []byte, p *codec.Part) []byte {
	dst = append(dst, '{')
	m := p.Media
	switch p.Kind {
	case codec.PartText:
		dst = rawjson.Str(dst, "type", "text")
		dst = rawjson.Str(dst, "text", p.Text)
	case codec.PartAudio:
		dst = append(rawjson.Str(dst, "type", "input_audio"), `,"input_audio":{`...)
		dst = rawjson.Str(dst, "data", m.Data)
		_, format, _ := strings.Cut(m.MIME, "/")
		dst = append(rawjson.StrIf(dst, "format", format), '}')
	case codec.PartFile:
		dst = append(rawjson.Str(dst, "type", "file"), `,"file":{`...)
		dst = rawjson.StrIf(dst, "filename", m.Name)
		dst = rawjson.StrIf(dst, "file_id", m.FileID)
		dst = append(rawjson.StrIf(dst, "file_data", urlOf(m)), '}')
	default:
		kind := "image_url"
		if p.Kind == codec.PartVideo {
			kind = "video_url"
		}
		dst = append(rawjson.Key(rawjson.Str(dst, "type", kind), kind), '{')
		dst = rawjson.Str(dst, "url", urlOf(m))
		dst = append(rawjson.StrIf(dst, "detail", m.Detail), '}')
	}
	return append(appendCache(dst, p.Cache), '}')
}

// urlOf is the address of media, a data URL if its bytes are here.
func urlOf(m *codec.Media) string {
	if m.Data == "" || m.MIME == "" {
		return m.Data + m.URL
	}
	return "data:" + m.MIME + ";base64," + m.Data
}

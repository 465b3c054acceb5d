package bedrock

import (
	"encoding/base64"
	"path"
	"slices"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/mediatype"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// idLimit is the longest toolUseId.
const idLimit = 64

// prepare leaves out what this format, or the model, cannot be told.
func (w *writer) prepare(m *codec.Message) []codec.Part {
	unfit := func(p codec.Part) bool {
		return p.Kind == codec.PartOpaque && !w.own || p.Kind == codec.PartReasoning && !w.own && !(w.can.signed && signed(&p))
	}
	if !slices.ContainsFunc(m.Parts, unfit) {
		return m.Parts
	}
	return slices.DeleteFunc(slices.Clone(m.Parts), unfit)
}

// signed says whether reasoning is Claude's own.
func signed(p *codec.Part) bool {
	if info := p.Reasoning; info != nil && info.Encrypted != "" {
		return info.ID == "" && (info.Format == "" || strings.HasPrefix(info.Format, signer))
	}
	return p.Signature.Provider == signer && p.Signature.Value != ""
}

func (w *writer) appendTurns(dst []byte, list []alternation.Turn) []byte {
	dst = append(rawjson.Key(dst, "messages"), '[')
	for i := range list {
		role := "user"
		if list[i].Role == codec.RoleAssistant {
			role = "assistant"
		}
		dst = append(rawjson.Comma(dst), '{')
		dst = rawjson.Str(dst, "role", role)
		dst = append(rawjson.Key(dst, "content"), '[')
		text, document := false, false
		for j := range list[i].Parts {
			p := &list[i].Parts[j]
			text = text || p.Kind == codec.PartText
			document = document || p.Kind == codec.PartFile
			dst = w.appendPart(dst, p)
		}
		if document && !text { // which is refused
			dst = append(rawjson.Comma(dst), `{"text":"."}`...)
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, ']')
}

// appendPart writes a block, and the cache point behind it.
func (w *writer) appendPart(dst []byte, p *codec.Part) []byte {
	dst = rawjson.Comma(dst)
	switch p.Kind {
	case codec.PartText:
		dst = append(dst, '{')
		dst = append(rawjson.Str(dst, "text", p.Text), '}')
	case codec.PartReasoning:
		dst = appendReasoning(dst, p)
	case codec.PartToolCall:
		dst = append(dst, `{"toolUse":{`...)
		dst = rawjson.Str(dst, "toolUseId", toolid.Clean(p.Call.ID, idLimit))
		dst = rawjson.Str(dst, "name", p.Call.Name)
		dst, _ = p.Call.AppendObject(rawjson.Key(dst, "input"))
		dst = append(dst, "}}"...)
	case codec.PartToolResult:
		dst = w.appendResult(dst, p.Result)
	case codec.PartOpaque:
		dst = append(dst, p.Raw...)
	default:
		dst = w.appendMedia(dst, p)
	}
	return w.appendPoint(dst, p.Cache)
}

// appendReasoning writes thinking unchanged. What only the provider can read is base64 of Anthropic's text here.
func appendReasoning(dst []byte, p *codec.Part) []byte {
	dst = append(dst, `{"reasoningContent":{`...)
	if p.Reasoning != nil && p.Reasoning.Encrypted != "" {
		dst = rawjson.Str(dst, "redactedContent", base64.StdEncoding.EncodeToString([]byte(p.Reasoning.Encrypted)))
		return append(dst, "}}"...)
	}
	dst = append(rawjson.Key(dst, "reasoningText"), '{')
	dst = rawjson.Str(dst, "text", p.Text)
	return append(rawjson.StrIf(dst, "signature", p.Signature.Value), "}}}"...)
}

func (w *writer) appendResult(dst []byte, r *codec.ToolResult) []byte {
	dst = append(dst, `{"toolResult":{`...)
	dst = rawjson.Str(dst, "toolUseId", toolid.Clean(r.CallID, idLimit))
	dst = append(rawjson.Key(dst, "content"), '[')
	empty := len(dst)
	for i := range r.Parts {
		p := &r.Parts[i]
		if p.Kind == codec.PartText && alternation.Blank(p.Text) || p.Kind == codec.PartOpaque && !w.own {
			continue
		}
		inner := *p
		inner.Cache = nil // a point may not stand in here
		dst = w.appendPart(dst, &inner)
	}
	if len(dst) == empty {
		dst = append(dst, `{"text":"(empty)"}`...)
	}
	dst = append(dst, ']')
	if r.Error {
		dst = rawjson.Str(dst, "status", "error")
	}
	return append(dst, "}}"...)
}

// documentFormats are the formats of documents by their types; videos and images are named like theirs.
var documentFormats = map[string]string{
	"application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt", "text/markdown": "md",
	"application/msword": "doc", "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
	"application/vnd.ms-excel": "xls", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}

func (w *writer) appendMedia(dst []byte, p *codec.Part) []byte {
	m := p.Media
	mime := anthropic.MediaType(m)
	kind, format := "image", ""
	switch {
	case m.Data == "" && !strings.HasPrefix(m.URL, "s3://"):
		w.fail("messages", "this provider cannot fetch '"+m.URL[:min(len(m.URL), 80)]+"': send the content itself")
	case p.Kind == codec.PartAudio:
		w.fail("messages", "this provider takes no audio")
	case p.Kind == codec.PartVideo:
		kind = "video"
		_, format, _ = strings.Cut(mime, "/")
	case strings.HasPrefix(mime, "image/"):
		_, format, _ = strings.Cut(mime, "/")
	case documentFormats[mime] != "":
		kind, format = "document", documentFormats[mime]
	default:
		kind, format = "document", strings.ToLower(strings.TrimPrefix(path.Ext(m.Name), "."))
	}
	if format == "" {
		w.fail("messages", "a file or image needs a type that this provider takes, not '"+mime+"'")
	}
	dst = append(append(append(dst, `{"`...), kind...), `":{`...)
	dst = rawjson.Str(dst, "format", format)
	if kind == "document" {
		dst = rawjson.Str(dst, "name", w.documentName(m.Name))
	}
	dst = append(rawjson.Key(dst, "source"), '{')
	if m.Data == "" {
		dst = append(rawjson.Key(dst, "s3Location"), '{')
		dst = append(rawjson.Str(dst, "uri", m.URL), '}')
	} else {
		dst = append(append(rawjson.Key(dst, "bytes"), '"'), mediatype.Clean(m.Data)...)
		dst = append(dst, '"')
	}
	dst = append(dst, '}')
	for _, f := range p.Extra {
		if w.own {
			dst = rawjson.Field(dst, f.Name, f.Raw)
		}
	}
	return append(dst, "}}"...)
}

// documentName makes a name of letters, digits, single spaces and a few signs, as it is wanted, and different from
// those before it.
func (w *writer) documentName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-()[]", r) {
			return r
		}
		return ' '
	}, strings.TrimSuffix(name, path.Ext(name)))
	if name = strings.Join(strings.Fields(name), " "); name == "" {
		name = "document"
	}
	if w.names == nil {
		w.names = map[string]int{}
	}
	if w.names[name]++; w.names[name] > 1 {
		name += " " + strconv.Itoa(w.names[name])
	}
	return name
}

package responses

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// inputWriter writes a conversation as items.
type inputWriter struct {
	own    bool            // the request was in this format
	custom map[string]bool // ids of calls to custom tools, whose results are items of another type
	made   int             // messages that got an id
	err    error
}

var roleWords = map[codec.Role]string{codec.RoleUser: "user", codec.RoleAssistant: "assistant", codec.RoleSystem: "system", codec.RoleDeveloper: "developer"}

func (w *inputWriter) append(dst []byte, messages []codec.Message) []byte {
	for i := range messages {
		m := &messages[i]
		switch m.Role {
		case codec.RoleAssistant:
			dst = w.assistant(dst, m)
		case codec.RoleTool:
			dst = w.results(dst, m.Parts)
		default:
			dst = w.results(dst, m.Parts) // a user's message may bring results too
			dst = w.items(dst, m.Parts)
			dst = w.message(dst, m, "input_text")
		}
	}
	return dst
}

// said writes what the assistant said. Words alone are a text, as anybody may write it; a refusal has a place only in a
// message with an id, as OpenAI makes them.
func (w *inputWriter) said(dst []byte, m *codec.Message) []byte {
	if len(m.Parts) == 0 {
		return dst
	}
	dst = append(rawjson.Comma(dst), `{"type":"message","role":"assistant"`...)
	if !slices.ContainsFunc(m.Parts, func(p codec.Part) bool { return p.Kind == codec.PartRefusal }) {
		var all strings.Builder
		for i := range m.Parts {
			all.WriteString(m.Parts[i].Text)
		}
		dst = rawjson.Str(dst, "content", all.String())
		return append(rawjson.StrIf(dst, "phase", m.Phase), '}')
	}
	w.made++
	dst = append(rawjson.Str(dst, "id", "msg_"+strconv.Itoa(w.made)), `,"status":"completed"`...)
	dst = append(rawjson.Key(rawjson.StrIf(dst, "phase", m.Phase), "content"), '[')
	for i := range m.Parts {
		dst = w.part(dst, &m.Parts[i], "output_text")
	}
	return append(dst, "]}"...)
}

// message writes what a message says itself, if it says anything.
func (w *inputWriter) message(dst []byte, m *codec.Message, textType string) []byte {
	mark := len(dst)
	dst = rawjson.Str(append(rawjson.Comma(dst), `{"type":"message"`...), "role", roleWords[m.Role])
	dst = rawjson.StrIf(dst, "phase", m.Phase)
	dst = append(rawjson.Key(dst, "content"), '[')
	empty := len(dst)
	for i := range m.Parts {
		dst = w.part(dst, &m.Parts[i], textType)
	}
	if len(dst) == empty {
		return dst[:mark]
	}
	return append(dst, "]}"...)
}

// part writes a part of a message; parts that are items of their own are not.
func (w *inputWriter) part(dst []byte, p *codec.Part, textType string) []byte {
	switch p.Kind {
	case codec.PartText:
		dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "type", textType)
		dst = rawjson.Str(dst, "text", p.Text)
		if textType == "output_text" {
			dst = append(rawjson.Key(dst, "annotations"), "[]"...)
		}
	case codec.PartRefusal:
		dst = rawjson.Str(append(rawjson.Comma(dst), `{"type":"refusal"`...), "refusal", p.Text)
	case codec.PartImage:
		dst = append(rawjson.Comma(dst), `{"type":"input_image"`...)
		dst = rawjson.StrIf(dst, "image_url", dataURL(p.Media))
		dst = rawjson.StrIf(dst, "file_id", p.Media.FileID)
		dst = rawjson.Str(dst, "detail", cmp.Or(p.Media.Detail, "auto"))
	case codec.PartFile:
		dst = append(rawjson.Comma(dst), `{"type":"input_file"`...)
		dst = rawjson.StrIf(dst, "filename", p.Media.Name)
		dst = rawjson.StrIf(dst, "file_id", p.Media.FileID)
		dst = rawjson.StrIf(dst, "file_url", p.Media.URL)
		if p.Media.Data != "" {
			dst = rawjson.Str(dst, "file_data", dataURL(p.Media))
		}
	case codec.PartAudio, codec.PartVideo: // OpenAI's SDKs know no form for them in the input
		if w.err == nil {
			kind := map[codec.PartKind]string{codec.PartAudio: "audio", codec.PartVideo: "video"}[p.Kind]
			w.err = codec.BadRequest("messages", "the provider that serves this model takes no "+kind)
		}
		return dst
	default:
		return dst
	}
	return append(dst, '}')
}

// assistant writes a turn of the model in the order in which it came: what it thought stands right before what came of
// it.
func (w *inputWriter) assistant(dst []byte, m *codec.Message) []byte {
	said := codec.Message{Role: m.Role, Phase: m.Phase}
	sent := "" // the sealed thinking that was written last
	flush := func() {
		dst = w.said(dst, &said)
		said.Parts = nil
	}
	for i := 0; i < len(m.Parts); i++ {
		p := &m.Parts[i]
		switch p.Kind {
		case codec.PartReasoning:
			flush()
			n := sameThought(m.Parts[i:])
			sealed := thoughtOf(m.Parts[i : i+n])
			dst = sealed.append(dst)
			sent = sealed.sealed
			i += n - 1
		case codec.PartToolCall:
			flush()
			// A client that keeps no thinking brings it back with the first call that it led to.
			if s := toolid.Of(p); s.Provider == "openai" {
				if id, sealed := unnamed(s.Value); sealed != sent {
					dst = (&thought{sealed: sealed, id: id}).append(dst)
					sent = sealed
				}
			}
			if p.Raw != nil && w.own { // an item of its own type
				dst = append(rawjson.Comma(dst), p.Raw...)
				continue
			}
			dst = w.call(dst, p.Call)
		case codec.PartText, codec.PartRefusal:
			said.Parts = append(said.Parts, *p)
		case codec.PartOpaque:
			flush()
			dst = w.items(dst, m.Parts[i:i+1])
		}
	}
	flush()
	return dst
}

// items writes the items of this format among parts, as they came.
func (w *inputWriter) items(dst []byte, parts []codec.Part) []byte {
	for i := range parts {
		if parts[i].Kind == codec.PartOpaque && w.own {
			dst = append(rawjson.Comma(dst), parts[i].Raw...)
		}
	}
	return dst
}

// sameThought is how many parts are pieces of one reasoning item: chat clients bring its summary and its sealed content
// apart.
func sameThought(parts []codec.Part) int {
	n := 1
	first := parts[0].Reasoning
	for n < len(parts) && first != nil && first.ID != "" && parts[n].Kind == codec.PartReasoning &&
		parts[n].Reasoning != nil && parts[n].Reasoning.ID == first.ID {
		n++
	}
	return n
}

// thought is a reasoning item. Only the provider's own, sealed, is taken back.
type thought struct{ sealed, id, text string }

func thoughtOf(parts []codec.Part) *thought {
	t := new(thought)
	var text strings.Builder
	for i := range parts {
		p := &parts[i]
		text.WriteString(p.Text)
		if p.Reasoning != nil && p.Reasoning.Encrypted != "" && isOpenAI(p.Signature, p.Reasoning) {
			t.sealed, t.id = p.Reasoning.Encrypted, p.Reasoning.ID
		}
	}
	t.text = text.String()
	return t
}

func (t *thought) append(dst []byte) []byte {
	if t.sealed == "" {
		return dst
	}
	dst = append(rawjson.Comma(dst), `{"type":"reasoning"`...)
	if strings.HasPrefix(t.id, itemMark) {
		dst = rawjson.Str(dst, "id", t.id)
	}
	dst = append(rawjson.Key(dst, "summary"), '[')
	if t.text != "" {
		dst = append(rawjson.Str(append(dst, `{"type":"summary_text"`...), "text", t.text), '}')
	}
	return append(rawjson.Str(append(dst, ']'), "encrypted_content", t.sealed), '}')
}

func (w *inputWriter) call(dst []byte, c *codec.ToolCall) []byte {
	kind, input, arguments := "function_call", "arguments", c.Arguments
	switch {
	case c.Custom:
		kind, input = "custom_tool_call", "input"
		if w.custom == nil {
			w.custom = map[string]bool{}
		}
		w.custom[c.ID] = true
	case arguments == "":
		arguments = "{}"
	}
	dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "type", kind)
	dst = rawjson.Str(dst, "call_id", callID(c.ID))
	dst = rawjson.Str(dst, "name", c.Name)
	return append(rawjson.Str(dst, input, arguments), '}')
}

// results writes the results among parts.
func (w *inputWriter) results(dst []byte, parts []codec.Part) []byte {
	for i := range parts {
		if parts[i].Kind != codec.PartToolResult {
			continue
		}
		if parts[i].Raw != nil && w.own {
			dst = append(rawjson.Comma(dst), parts[i].Raw...)
			continue
		}
		result := parts[i].Result
		kind := "function_call_output"
		if w.custom[result.CallID] {
			kind = "custom_tool_call_output"
		}
		dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "type", kind)
		dst = rawjson.Str(dst, "call_id", callID(result.CallID))
		failed := ""
		if result.Error {
			failed = "Error: " // there is no other place to say it
		}
		if text, only := onlyText(result.Parts); only {
			if text == "" && failed == "" {
				text = "(empty)"
			}
			dst = append(rawjson.Str(dst, "output", failed+text), '}')
			continue
		}
		dst = append(rawjson.Key(dst, "output"), '[')
		if result.Error {
			dst = w.part(dst, &codec.Part{Kind: codec.PartText, Text: failed}, "input_text")
		}
		for j := range result.Parts {
			dst = w.part(dst, &result.Parts[j], "input_text")
		}
		dst = append(dst, "]}"...)
	}
	return dst
}

func onlyText(parts []codec.Part) (string, bool) {
	var texts []string
	for i := range parts {
		if parts[i].Kind != codec.PartText {
			return "", false
		}
		texts = append(texts, parts[i].Text)
	}
	return strings.Join(texts, "\n"), true
}

package openai

import (
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

var roles = map[string]codec.Role{
	"user": codec.RoleUser, "assistant": codec.RoleAssistant, "system": codec.RoleSystem, "developer": codec.RoleDeveloper,
	"tool": codec.RoleTool, "function": codec.RoleTool,
}

func (r *reader) messages(v rawjson.Value, q *codec.Request) []codec.Message {
	if !r.Want(v, rawjson.Array, "messages") {
		return nil
	}
	var list []codec.Message
	last := lastCalls{}
	for it := v.Elements(r.Data); it.Next() && r.More("messages"); {
		path := "messages[" + strconv.Itoa(len(list)) + "]"
		if it.Value.Kind != rawjson.Object {
			r.Fail(path, "must be an object, not "+it.Value.Kind.String())
			break
		}
		word := r.Text(it.Value.Get(r.Data, "role"), path+".role")
		role, known := roles[word]
		if !known {
			r.Fail(path+".role", "must be user, assistant, system, developer or tool, not '"+word+"'")
			break
		}
		if role == codec.RoleTool {
			list = codec.Add(list, r.toolMessage(it.Value, path, last))
		} else {
			m := r.message(it.Value, role, path)
			last.take(&m)
			list = codec.Add(list, m)
		}
		q.LegacyFunctions = q.LegacyFunctions || word == "function"
	}
	return list
}

// toolMessage reads the result of a tool. One of a legacy function has no id: it belongs to the last call of that name.
func (r *reader) toolMessage(v rawjson.Value, path string, last lastCalls) codec.Message {
	result := &codec.ToolResult{}
	part := codec.Part{Kind: codec.PartToolResult, Result: result}
	m := codec.Message{Role: codec.RoleTool}
	for it := v.Members(r.Data); it.Next(); {
		switch name := it.Name(); name {
		case "role":
		case "tool_call_id":
			result.CallID = r.Text(it.Value, path+".tool_call_id")
		case "name":
			result.Name = r.Text(it.Value, path+".name")
		case "content":
			result.Parts = r.content(it.Value, path+".content")
		case "cache_control":
			part.Cache = r.cache(it.Value)
		default:
			r.Field(&m.Extra, name, it.Value)
		}
	}
	if result.CallID == "" {
		result.CallID = last[result.Name]
	}
	m.Parts = []codec.Part{part}
	return m
}

// lastCalls are the ids of the last calls, by the names of the tools.
type lastCalls map[string]string

func (last lastCalls) take(m *codec.Message) {
	for i := len(m.Parts) - 1; i >= 0; i-- { // of a message the first counts
		if p := &m.Parts[i]; p.Kind == codec.PartToolCall {
			last[p.Call.Name] = p.Call.ID
		}
	}
}

// message reads a message of a request, or that of an answer. The parts come in the order thinking, content, refusal,
// media, calls, whatever the order of the members.
func (r *reader) message(v rawjson.Value, role codec.Role, path string) codec.Message {
	m := codec.Message{Role: role}
	var content, reasoning, blocks, details, refusal, calls, call, audio, images, annotations, cache rawjson.Value
	for it := v.Members(r.Data); it.Next(); {
		v := it.Value
		switch name := it.Name(); name {
		case "role":
		case "content":
			content = v
		case "name":
			m.Name = r.Text(v, path+".name")
		case "phase":
			m.Phase = r.Text(v, path+".phase")
		case "reasoning_content":
			reasoning = v
		case "reasoning":
			if !reasoning.Present() && v.Kind == rawjson.String {
				reasoning = v
			}
		case "thinking_blocks":
			blocks = v
		case "reasoning_details":
			details = v
		case "refusal":
			refusal = v
		case "tool_calls":
			calls = v
		case "function_call":
			call = v
		case "audio":
			audio = v
		case "images":
			images = v
		case "annotations":
			annotations = v
		case "cache_control":
			cache = v
		default:
			r.Field(&m.Extra, name, v)
		}
	}
	m.Parts = r.thinkingParts(blocks, details)
	proof := takeTextProof(&m)
	if text := r.Text(reasoning, path+".reasoning_content"); text != "" && len(m.Parts) == 0 {
		m.Parts = append(m.Parts, codec.Part{Kind: codec.PartReasoning, Text: text})
	}
	m.Parts = append(m.Parts, r.content(content, path+".content")...)
	codec.SignText(m.Parts, proof)
	if citations := r.citations(annotations); citations != nil {
		for i := range m.Parts {
			if m.Parts[i].Kind == codec.PartText {
				m.Parts[i].Citations = citations
				break
			}
		}
	}
	if text := r.Text(refusal, path+".refusal"); text != "" {
		m.Parts = append(m.Parts, codec.Part{Kind: codec.PartRefusal, Text: text})
	}
	if audio.Kind == rawjson.Object {
		m.Parts = append(m.Parts, r.answerAudio(audio))
	}
	for it := images.Elements(r.Data); it.Next() && r.More(path); {
		m.Parts = codec.Add(m.Parts, r.part(it.Value, path+".images"))
	}
	for it := calls.Elements(r.Data); it.Next() && r.More(path); {
		m.Parts = codec.Add(m.Parts, r.toolCall(it.Value, path+".tool_calls"))
	}
	if call.Kind == rawjson.Object {
		c := &codec.ToolCall{ID: "call_" + strconv.Itoa(call.Start)} // it has no id; its place will do
		r.calledFunction(c, call, path+".function_call")
		m.Parts = append(m.Parts, codec.Part{Kind: codec.PartToolCall, Call: c})
	}
	if c := r.cache(cache); c != nil && len(m.Parts) > 0 {
		m.Parts[len(m.Parts)-1].Cache = c
	}
	return m
}

// content reads a message's content: a text, a list of parts, or nothing.
func (r *reader) content(v rawjson.Value, path string) []codec.Part {
	switch v.Kind {
	case rawjson.Missing, rawjson.Null:
		return nil
	case rawjson.String:
		return []codec.Part{{Kind: codec.PartText, Text: r.Text(v, path)}}
	}
	if !r.Want(v, rawjson.Array, path) {
		return nil
	}
	var parts []codec.Part
	for it := v.Elements(r.Data); it.Next() && r.More(path); {
		at := path + "[" + strconv.Itoa(len(parts)) + "]"
		if it.Value.Kind == rawjson.String { // LangChain's
			parts = codec.Add(parts, codec.Part{Kind: codec.PartText, Text: r.Text(it.Value, at)})
		} else if r.Want(it.Value, rawjson.Object, at) {
			parts = codec.Add(parts, r.part(it.Value, at))
		}
	}
	return parts
}

// part reads a content part. A type that is not known is kept whole.
func (r *reader) part(v rawjson.Value, path string) codec.Part {
	kind := r.Text(v.Get(r.Data, "type"), path+".type")
	p := codec.Part{Cache: r.cache(v.Get(r.Data, "cache_control"))}
	inner := v.Get(r.Data, kind)
	switch kind {
	case "text", "input_text", "output_text":
		p.Text = r.Text(v.Get(r.Data, "text"), path+".text")
	case "refusal":
		p.Kind, p.Text = codec.PartRefusal, r.Text(inner, path+".refusal")
	case "image_url", "video_url":
		p.Kind, p.Media = codec.PartImage, &codec.Media{}
		if kind == "video_url" {
			p.Kind = codec.PartVideo
		}
		url := inner
		if inner.Kind == rawjson.Object {
			url = inner.Get(r.Data, "url")
			p.Media.Detail = r.Text(inner.Get(r.Data, "detail"), path+".detail")
		}
		setURL(p.Media, r.Text(url, path+"."+kind+".url"))
	case "input_audio":
		p.Kind = codec.PartAudio
		p.Media = &codec.Media{Data: r.Text(inner.Get(r.Data, "data"), path+".input_audio.data")}
		if format := r.Text(inner.Get(r.Data, "format"), path+".input_audio.format"); format != "" {
			p.Media.MIME = "audio/" + format
		}
	case "file":
		p.Kind = codec.PartFile
		p.Media = &codec.Media{Name: r.Text(inner.Get(r.Data, "filename"), path+".file.filename"),
			FileID: r.Text(inner.Get(r.Data, "file_id"), path+".file.file_id")}
		data := r.Text(inner.Get(r.Data, "file_data"), path+".file.file_data")
		if setURL(p.Media, data); p.Media.URL == data && !strings.Contains(data, ":") {
			p.Media.URL, p.Media.Data = "", data
		}
	case "thinking", "reasoning":
		if text, proof := r.nestedText(v), r.mistralProof(v); text != "" || proof.Value != "" {
			return codec.Part{Kind: codec.PartReasoning, Text: text, Signature: proof}
		}
		fallthrough
	default:
		p.Kind, p.Raw = codec.PartOpaque, v.Raw(r.Data)
	}
	return p
}

// nestedText joins the texts of thinking that comes as a list: Mistral's thinking, Databricks' summary.
func (r *reader) nestedText(v rawjson.Value) string {
	var text strings.Builder
	for _, list := range []string{"thinking", "summary"} {
		for it := v.Get(r.Data, list).Elements(r.Data); it.Next(); {
			s, _ := rawjson.Text(r.Data, it.Value.Get(r.Data, "text"))
			text.WriteString(s)
		}
	}
	return text.String()
}

// setURL sets the content of a data URL in base64, or else the URL.
func setURL(m *codec.Media, url string) {
	if rest, ok := strings.CutPrefix(url, "data:"); ok {
		if mime, data, ok := strings.Cut(rest, ";base64,"); ok {
			m.MIME, m.Data = mime, data
			return
		}
	}
	m.URL = url
}

func (r *reader) answerAudio(v rawjson.Value) codec.Part {
	p := codec.Part{Kind: codec.PartAudio, Media: &codec.Media{}}
	for it := v.Members(r.Data); it.Next(); {
		switch name := it.Name(); name {
		case "id":
			p.Media.FileID = r.Text(it.Value, "audio.id")
		case "data":
			p.Media.Data = r.Text(it.Value, "audio.data")
		case "transcript":
			p.Media.Transcript = r.Text(it.Value, "audio.transcript")
		default:
			r.Field(&p.Extra, name, it.Value)
		}
	}
	return p
}

func (r *reader) toolCall(v rawjson.Value, path string) codec.Part {
	c := &codec.ToolCall{}
	p := codec.Part{Kind: codec.PartToolCall, Call: c}
	for it := v.Members(r.Data); it.Next(); {
		switch name := it.Name(); name {
		case "type", "index":
		case "id":
			c.ID = r.Text(it.Value, path+".id")
		case "function":
			r.calledFunction(c, it.Value, path+".function")
		case "custom":
			c.Custom = true
			r.calledFunction(c, it.Value, path+".custom")
		case "cache_control":
			p.Cache = r.cache(it.Value)
		case "extra_content":
			google := it.Value.Get(r.Data, "google")
			if s, _ := rawjson.Text(r.Data, google.Get(r.Data, "thought_signature")); s != "" {
				p.Signature = codec.Signature{Provider: "google", Value: s}
			} else {
				r.Field(&c.Extra, name, it.Value)
			}
		default:
			r.Field(&c.Extra, name, it.Value)
		}
	}
	return p
}

// calledFunction reads the name and arguments of a call. Arguments that are no string but JSON are taken as that.
func (r *reader) calledFunction(c *codec.ToolCall, v rawjson.Value, path string) {
	for it := v.Members(r.Data); it.Next(); {
		switch it.Name() {
		case "name":
			c.Name = r.Text(it.Value, path+".name")
		case "arguments", "input":
			if it.Value.Kind == rawjson.String {
				c.Arguments = r.Text(it.Value, path+".arguments")
			} else {
				c.Arguments = string(r.Raw(it.Value))
			}
		}
	}
}

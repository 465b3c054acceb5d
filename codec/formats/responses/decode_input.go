package responses

import (
	"slices"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// input reads the conversation: a text, or items. What the model said in one turn stands in several items, and becomes
// one message: others would see calls without their siblings.
func (r *reader) input(v rawjson.Value) (list []codec.Message) {
	if v.Kind == rawjson.String {
		return []codec.Message{{Role: codec.RoleUser, Parts: []codec.Part{{Kind: codec.PartText, Text: r.Text(v, "input")}}}}
	}
	if !r.Want(v, rawjson.Array, "input") {
		return nil
	}
	n := 0
	for it := v.Elements(r.Data); it.Next() && r.More("input"); n++ {
		path := "input[" + strconv.Itoa(n) + "]"
		if !r.Want(it.Value, rawjson.Object, path) {
			return list
		}
		m, is := r.item(it.Value, path)
		if !is {
			continue
		}
		if len(m.Parts) == 1 && m.Parts[0].IsTextProof() {
			if last := len(list) - 1; last >= 0 && list[last].Role == codec.RoleAssistant {
				codec.SignText(list[last].Parts, m.Parts[0].Signature)
			}
			continue
		}
		if last := len(list) - 1; m.Role == codec.RoleAssistant && last >= 0 && list[last].Role == codec.RoleAssistant {
			list[last].Parts = append(list[last].Parts, m.Parts...)
			if m.Phase != "" {
				list[last].Phase = m.Phase
			}
			continue
		}
		list = codec.Add(list, m)
	}
	return list
}

// results are the ends of the types of items that come from the client. All others are the assistant's.
var results = []string{"_output", "_response", "_outputs"}

// item reads one item as a message, or as a piece of one; false for one that only carries tools. The work of OpenAI's
// own tools is kept whole.
func (r *reader) item(v rawjson.Value, path string) (m codec.Message, is bool) {
	get := func(name string) rawjson.Value { return v.Get(r.Data, name) }
	text := func(name string) string { return r.Text(get(name), path+"."+name) }
	m.Role = codec.RoleAssistant
	kind := text("type")
	if kind == "" && !get("role").Present() && get("id").Present() {
		kind = "item_reference" // whose type may be left out
	}
	switch kind {
	case "message", "":
		return r.message(v, path), true
	case "additional_tools":
		r.carry(v)
		return m, false
	case "tool_search_call":
		p, is := r.searchCall(v, path)
		m.Parts = []codec.Part{p}
		return m, is
	case "tool_search_output":
		p, is := r.searchOutput(v, path)
		m.Role, m.Parts = codec.RoleTool, []codec.Part{p}
		return m, is
	case "function_call":
		m.Parts = []codec.Part{{Kind: codec.PartToolCall, Call: &codec.ToolCall{
			ID: text("call_id"), Name: namespaced(text("namespace"), text("name")), Arguments: text("arguments"),
		}}}
	case "custom_tool_call":
		m.Parts = []codec.Part{{Kind: codec.PartToolCall, Call: &codec.ToolCall{
			ID: text("call_id"), Name: namespaced(text("namespace"), text("name")), Arguments: text("input"), Custom: true,
		}}}
	case "function_call_output", "custom_tool_call_output":
		m.Role = codec.RoleTool
		m.Parts = []codec.Part{{Kind: codec.PartToolResult, Result: &codec.ToolResult{
			CallID: text("call_id"), Parts: r.content(get("output"), path+".output"),
		}}}
	case "reasoning":
		m.Parts = []codec.Part{reasoningPart(text("id"), r.thoughts(v), text("encrypted_content"))}
	case "item_reference":
		r.Fail(path, "refers to an item that the provider of this model does not keep: send the item itself")
	case "compaction", "compaction_summary":
		r.Fail(path, "can only be read by the provider that compacted the conversation: send the conversation itself")
	default:
		if m, is := r.typedItem(v, kind, path); is {
			return m, true
		}
		if slices.ContainsFunc(results, func(end string) bool { return strings.HasSuffix(kind, end) }) {
			m.Role = codec.RoleUser
		}
		m.Parts = []codec.Part{{Kind: codec.PartOpaque, Raw: v.Raw(r.Data)}}
	}
	return m, true
}

// thoughts joins the texts of a reasoning item; the thinking itself goes before its summary.
func (r *reader) thoughts(v rawjson.Value) string {
	for _, member := range []string{"content", "summary"} {
		var texts []string
		for it := v.Get(r.Data, member).Elements(r.Data); it.Next(); {
			if s, _ := rawjson.Text(r.Data, it.Value.Get(r.Data, "text")); s != "" {
				texts = append(texts, s)
			}
		}
		if texts != nil {
			return strings.Join(texts, "\n\n")
		}
	}
	return ""
}

var roles = map[string]codec.Role{
	"user": codec.RoleUser, "assistant": codec.RoleAssistant, "system": codec.RoleSystem, "developer": codec.RoleDeveloper,
}

func (r *reader) message(v rawjson.Value, path string) (m codec.Message) {
	word := r.Text(v.Get(r.Data, "role"), path+".role")
	role, known := roles[word]
	if !known {
		r.Fail(path+".role", "must be user, assistant, system or developer, not '"+word+"'")
	}
	m.Role, m.Phase = role, r.Text(v.Get(r.Data, "phase"), path+".phase")
	m.Parts = r.content(v.Get(r.Data, "content"), path+".content")
	return m
}

// content reads a text or a list of parts.
func (r *reader) content(v rawjson.Value, path string) []codec.Part {
	if v.Kind == rawjson.String {
		return []codec.Part{{Kind: codec.PartText, Text: r.Text(v, path)}}
	}
	if !r.Want(v, rawjson.Array, path) {
		return nil
	}
	var parts []codec.Part
	for it := v.Elements(r.Data); it.Next() && r.More(path); {
		if p, ok := r.part(it.Value, path); ok {
			parts = codec.Add(parts, p)
		}
	}
	return parts
}

func (r *reader) part(v rawjson.Value, path string) (p codec.Part, ok bool) {
	get := func(name string) string { return r.Text(v.Get(r.Data, name), path+"."+name) }
	switch kind := get("type"); kind {
	case "input_text", "output_text", "text", "summary_text":
		return codec.Part{Kind: codec.PartText, Text: get("text")}, true
	case "refusal":
		return codec.Part{Kind: codec.PartRefusal, Text: get("refusal")}, true
	case "input_image":
		m := &codec.Media{FileID: get("file_id"), Detail: get("detail")}
		locate(m, get("image_url"))
		return codec.Part{Kind: codec.PartImage, Media: m}, true
	case "input_file":
		m := &codec.Media{FileID: get("file_id"), Name: get("filename"), URL: get("file_url")}
		data := get("file_data")
		if data == "" && strings.HasPrefix(m.URL, "data:") {
			data, m.URL = m.URL, ""
		}
		if data != "" {
			locate(m, data)
		}
		return codec.Part{Kind: codec.PartFile, Media: m}, true
	case "input_audio":
		audio := v.Get(r.Data, "input_audio")
		format := r.Text(audio.Get(r.Data, "format"), path+".input_audio.format")
		m := &codec.Media{Data: r.Text(audio.Get(r.Data, "data"), path+".input_audio.data")}
		if format != "" {
			m.MIME = "audio/" + format
		}
		return codec.Part{Kind: codec.PartAudio, Media: m}, true
	case "encrypted_content":
		return p, false
	default:
		r.Fail(path+".type", "'"+kind+"' is not known")
		return p, false
	}
}

// locate fills in what a URL is: the content itself if it is a data URL. Bare base64 is taken for content too.
func locate(m *codec.Media, url string) {
	switch {
	case url == "":
	case strings.HasPrefix(url, "data:"):
		head, data, _ := strings.Cut(strings.TrimPrefix(url, "data:"), ",")
		mime, _, _ := strings.Cut(head, ";")
		m.MIME, m.Data = mime, data
	case strings.Contains(url, "://"):
		m.URL = url
	default:
		m.Data = url
	}
}

// dataURL is the content or the address of media as one string.
func dataURL(m *codec.Media) string {
	if m.Data == "" {
		return m.URL
	}
	mime := m.MIME
	if mime == "" {
		mime = "application/octet-stream"
	}
	return "data:" + mime + ";base64," + m.Data
}

package gemini

import (
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// system reads systemInstruction: a content, a part, a list of parts or a text.
func (r *reader) system(q *codec.Request, v rawjson.Value) {
	const path = "systemInstruction"
	m := codec.Message{Role: codec.RoleSystem}
	add := func(v rawjson.Value) {
		if text := r.Text(v, path); text != "" {
			m.Parts = codec.Add(m.Parts, codec.Part{Kind: codec.PartText, Text: text})
		}
	}
	list := v
	switch v.Kind {
	case rawjson.String:
		add(v)
	case rawjson.Object:
		add(v.Get(r.Data, "text"))
		if list = v.Get(r.Data, "parts"); list.Kind == rawjson.Object {
			add(list.Get(r.Data, "text"))
		}
	case rawjson.Missing, rawjson.Null, rawjson.Array:
	default:
		r.Fail(path, "must be a content, not "+v.Kind.String())
	}
	for it := list.Elements(r.Data); it.Next() && r.More(path); {
		if it.Value.Kind == rawjson.String {
			add(it.Value)
		} else {
			add(it.Value.Get(r.Data, "text"))
		}
	}
	if m.Parts != nil {
		q.Messages = append(q.Messages, m)
	}
}

// conversation is what must be known of earlier contents to read a later one.
type conversation struct {
	open openCalls
	turn int
}

// contents reads the conversation. A text alone is what the user says.
func (r *reader) contents(q *codec.Request, v rawjson.Value) {
	var c conversation
	switch v.Kind {
	case rawjson.String:
		if text := r.Text(v, "contents"); text != "" {
			q.Messages = append(q.Messages, codec.Message{Parts: []codec.Part{{Kind: codec.PartText, Text: text}}})
		}
		return
	case rawjson.Object:
		r.content(q, v, "contents", &c)
		return
	}
	if !r.Want(v, rawjson.Array, "contents") {
		return
	}
	for it := v.Elements(r.Data); it.Next() && r.More("contents"); c.turn++ {
		r.content(q, it.Value, "contents["+strconv.Itoa(c.turn)+"]", &c)
	}
}

// content reads one content. Responses of functions become a message of their own, before what else the user says.
func (r *reader) content(q *codec.Request, v rawjson.Value, path string, c *conversation) {
	if !r.Want(v, rawjson.Object, path) {
		r.Fail(path, "must be an object")
		return
	}
	role := codec.RoleUser
	switch word := r.Text(v.Get(r.Data, "role"), path+".role"); word {
	case "", "user", "function", "tool":
	case "model", "assistant":
		role = codec.RoleAssistant
	case "system":
		role = codec.RoleSystem
	default:
		r.Fail(path+".role", "must be user or model, not '"+word+"'")
		return
	}
	parts := v.Get(r.Data, "parts")
	said := codec.Message{Role: role}
	results := codec.Message{Role: codec.RoleTool}
	var thoughts joiner
	add := func(v rawjson.Value, at string) {
		p, ok := r.part(v, at, c)
		switch {
		case !ok:
		case p.Kind == codec.PartToolResult:
			results.Parts = codec.Add(results.Parts, p)
		default:
			said.Parts = thoughts.appendPart(said.Parts, p)
		}
	}
	if parts.Kind == rawjson.Object {
		add(parts, path+".parts")
	} else if r.Want(parts, rawjson.Array, path+".parts") {
		n := 0
		for it := parts.Elements(r.Data); it.Next() && r.More(path); n++ {
			add(it.Value, path+".parts["+strconv.Itoa(n)+"]")
		}
	}
	thoughts.end(said.Parts)
	if results.Parts != nil {
		q.Messages = codec.Add(q.Messages, results)
	}
	if said.Parts != nil {
		q.Messages = codec.Add(q.Messages, said)
	}
}

// joiner joins pieces of thinking, which come from clients that keep what was streamed, up to a signature.
type joiner struct {
	text []byte // of the last part, if it has more than one piece
}

// appendPart adds a part, or a piece to the last one.
func (j *joiner) appendPart(parts []codec.Part, p codec.Part) []codec.Part {
	if n := len(parts); n > 0 && p.Kind == codec.PartReasoning {
		if last := &parts[n-1]; last.Kind == p.Kind && last.Signature.Value == "" && last.Reasoning == nil && p.Reasoning == nil {
			if j.text == nil {
				j.text = append(j.text, last.Text...)
			}
			j.text = append(j.text, p.Text...)
			last.Signature = p.Signature
			return parts
		}
	}
	j.end(parts)
	return codec.Add(parts, p)
}

// end gives the last part its whole text.
func (j *joiner) end(parts []codec.Part) {
	if j.text != nil {
		parts[len(parts)-1].Text = string(j.text)
		j.text = nil
	}
}

// part reads a part; false if there is nothing in it.
func (r *reader) part(v rawjson.Value, path string, c *conversation) (codec.Part, bool) {
	if v.Kind == rawjson.String {
		text := r.Text(v, path)
		return codec.Part{Kind: codec.PartText, Text: text}, text != ""
	}
	if !r.Want(v, rawjson.Object, path) {
		return codec.Part{}, false
	}
	var kind string
	var value rawjson.Value
	var signature string
	thought := false
	for it := v.Members(r.Data); it.Next(); {
		switch name := camel(it.Name()); name {
		case "thought":
			thought = it.Value.Kind == rawjson.True
		case "thoughtSignature":
			signature = r.Text(it.Value, path+".thoughtSignature")
		case "text", "functionCall", "functionResponse", "inlineData", "fileData", "executableCode", "codeExecutionResult", "toolCall",
			"toolResponse":
			kind, value = name, it.Value
		}
	}
	p := codec.Part{Kind: codec.PartText}
	if signature != "" {
		p.Signature, p.Reasoning = unseal(signature)
	}
	at := path + "." + kind
	switch kind {
	case "text":
		if p.Text = r.Text(value, at); thought {
			p.Kind = codec.PartReasoning
		}
		return p, p.Text != "" || signature != ""
	case "functionCall":
		p.Kind, p.Call = codec.PartToolCall, r.call(value, at, c)
	case "functionResponse":
		return codec.Part{Kind: codec.PartToolResult, Result: r.response(value, at, c)}, true
	case "inlineData", "fileData":
		m := &codec.Media{MIME: r.Text(member(r.Data, value, "mimeType"), at+".mimeType"), Data: standardBase64(r.Text(value.Get(r.Data, "data"), at+".data")),
			URL: r.Text(member(r.Data, value, "fileUri"), at+".fileUri"), Name: r.Text(member(r.Data, value, "displayName"), at+".displayName")}
		p.Kind, p.Media = kindOf(m.MIME), m
		return p, m.Data != "" || m.URL != ""
	default:
		p.Kind, p.Raw = codec.PartOpaque, v.Raw(r.Data)
		return p, kind != ""
	}
	return p, true
}

// standardBase64 is base64 in the alphabet that everybody reads. Google's Python SDK writes the one for URLs, which
// Google alone reads too.
func standardBase64(text string) string {
	if strings.ContainsAny(text, "-_") {
		return strings.NewReplacer("-", "+", "_", "/").Replace(text)
	}
	return text
}

// call reads a functionCall. One without an id gets one by its place, the same each time that the conversation comes.
func (r *reader) call(v rawjson.Value, path string, c *conversation) *codec.ToolCall {
	call := &codec.ToolCall{Arguments: "{}"}
	for it := v.Members(r.Data); it.Next(); {
		switch it.Name() {
		case "id":
			call.ID = r.Text(it.Value, path+".id")
		case "name":
			call.Name = r.Text(it.Value, path+".name")
		case "args":
			if r.Want(it.Value, rawjson.Object, path+".args") {
				call.Arguments = string(it.Value.Raw(r.Data))
			}
		}
	}
	if call.Name == "" {
		r.Fail(path, "needs a name")
	}
	if call.ID == "" {
		call.ID = "call_" + strconv.Itoa(c.turn) + "_" + strconv.Itoa(c.open.waiting)
	}
	c.open.add(call.ID, call.Name)
	return call
}

// response reads a functionResponse. One without an id belongs to the first call of its name that is still open.
func (r *reader) response(v rawjson.Value, path string, c *conversation) *codec.ToolResult {
	result := &codec.ToolResult{}
	var text string
	var media rawjson.Value
	said := false
	for it := v.Members(r.Data); it.Next(); {
		switch it.Name() {
		case "id":
			result.CallID = r.Text(it.Value, path+".id")
		case "name":
			result.Name = r.Text(it.Value, path+".name")
		case "response":
			text, result.Error = r.responseText(it.Value, path+".response")
			said = true
		case "parts":
			media = it.Value
		}
	}
	if said {
		result.Parts = append(result.Parts, codec.Part{Kind: codec.PartText, Text: text})
	}
	if media.Kind == rawjson.Array {
		r.Nested(path, func() {
			for it := media.Elements(r.Data); it.Next() && r.More(path); {
				if p, ok := r.part(it.Value, path+".parts", c); ok && p.Media != nil {
					result.Parts = append(result.Parts, p)
				}
			}
		})
	}
	if id, found := c.open.answer(result.CallID, result.Name); found {
		result.CallID = id
	}
	return result
}

// responseText is what a response says: the text of its only member, where that has one of the names that SDKs use, or
// the JSON of all.
func (r *reader) responseText(v rawjson.Value, path string) (text string, failed bool) {
	if v.Kind == rawjson.String {
		return r.Text(v, path), false
	}
	n, name := 0, ""
	var only rawjson.Value
	for it := v.Members(r.Data); it.Next(); n++ {
		name, only = it.Name(), it.Value
	}
	if n == 1 && (name == "output" || name == "result" || name == "error") {
		if only.Kind == rawjson.String {
			return r.Text(only, path+"."+name), name == "error"
		}
		return string(only.Raw(r.Data)), name == "error"
	}
	return string(v.Raw(r.Data)), false
}

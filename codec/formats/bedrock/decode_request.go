package bedrock

import (
	"encoding/json"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// reader reads values of a body and keeps the first complaint about one. Texts alias the body.
type reader struct {
	data  []byte
	err   *codec.Error
	depth int // of results in results
}

func (r *reader) fail(path, message string) {
	if r.err == nil {
		r.err = codec.BadRequest(path, "'"+path+"' "+message)
	}
}

// text reads a member that must be a string if it is there.
func (r *reader) text(v rawjson.Value, name string) string {
	member := v.Get(r.data, name)
	s, ok := rawjson.Text(r.data, member)
	if !ok && member.Present() {
		r.fail(name, "must be a string")
	}
	return s
}

func (r *reader) field(to *codec.Fields, name string, v rawjson.Value) {
	*to = append(*to, codec.Field{Name: name, Raw: v.Raw(r.data)})
}

// DecodeRequest reads a Converse request. The address has the rest: the caller sets Model and Stream.
func (Format) DecodeRequest(body []byte) (*codec.Request, error) {
	q := &codec.Request{Format: formatName, IncludeUsage: true}
	r := &reader{data: body}
	var messages rawjson.Value
	it := rawjson.MembersOf(body)
	for it.Next() {
		v := it.Value
		switch name := it.Name(); name {
		case "messages":
			messages = v
		case "system":
			if parts := r.content(v); len(parts) > 0 {
				q.Messages = append(q.Messages, codec.Message{Role: codec.RoleSystem, Parts: parts})
			}
		case "inferenceConfig":
			r.inference(v, q)
		case "toolConfig":
			r.toolConfig(v, q)
		case "serviceTier":
			q.ServiceTier = r.text(v, "type")
		case "additionalModelRequestFields":
			r.additional(v, q)
			r.field(&q.Extra, name, v)
		case "outputConfig":
			s := v.Get(body, "textFormat").Get(body, "structure").Get(body, "jsonSchema")
			if s.Kind != rawjson.Object {
				r.field(&q.Extra, name, v)
				break
			}
			q.Output = &codec.OutputFormat{Kind: codec.OutputSchema, Name: r.text(s, "name"), Description: r.text(s, "description"),
				Schema: json.RawMessage(r.text(s, "schema"))}
		default:
			r.field(&q.Extra, name, v)
		}
	}
	if err := it.Err(); err != nil {
		return nil, codec.BadRequest("", "the request body is not valid JSON: "+err.Error())
	}
	if messages.Kind != rawjson.Array {
		r.fail("messages", "must be an array")
	}
	for it := messages.Elements(body); it.Next(); {
		r.message(it.Value, q)
	}
	if r.err != nil {
		return nil, r.err
	}
	return q, nil
}

// message reads a message. The results of tools in it become a message of their own before it.
func (r *reader) message(v rawjson.Value, q *codec.Request) {
	m, results := codec.Message{}, codec.Message{Role: codec.RoleTool}
	if r.text(v, "role") == "assistant" {
		m.Role = codec.RoleAssistant
	}
	for _, p := range r.content(v.Get(r.data, "content")) {
		if p.Kind == codec.PartToolResult {
			results.Parts = append(results.Parts, p)
		} else {
			m.Parts = append(m.Parts, p)
		}
	}
	if len(results.Parts) > 0 {
		q.Messages = append(q.Messages, results)
	}
	if len(m.Parts) > 0 || len(results.Parts) == 0 {
		q.Messages = append(q.Messages, m)
	}
}

func (r *reader) inference(v rawjson.Value, q *codec.Request) {
	number := func(v rawjson.Value) json.Number {
		if v.Kind != rawjson.Number {
			return ""
		}
		return json.Number(v.Raw(r.data))
	}
	for it := v.Members(r.data); it.Next(); {
		switch it.Name() {
		case "maxTokens":
			if n, ok := rawjson.Int(r.data, it.Value); ok {
				q.MaxTokens = &n
			}
		case "temperature":
			q.Temperature = number(it.Value)
		case "topP":
			q.TopP = number(it.Value)
		case "stopSequences":
			for it := it.Value.Elements(r.data); it.Next(); {
				s, _ := rawjson.Text(r.data, it.Value)
				q.Stop = append(q.Stop, s)
			}
		}
	}
}

// additional reads the wish for thinking that Claude's clients put there, for the formats that have a place for it.
func (r *reader) additional(v rawjson.Value, q *codec.Request) {
	if k, ok := rawjson.Int(r.data, v.Get(r.data, "top_k")); ok {
		q.TopK = &k
	}
	thinking := v.Get(r.data, "thinking")
	switch r.text(thinking, "type") {
	case "enabled":
		q.Reasoning = &codec.Reasoning{Adaptive: true}
		if n, ok := rawjson.Int(r.data, thinking.Get(r.data, "budget_tokens")); ok {
			q.Reasoning = &codec.Reasoning{Budget: &n}
		}
	case "adaptive":
		q.Reasoning = &codec.Reasoning{Adaptive: true}
	case "disabled":
		q.Reasoning = &codec.Reasoning{Disabled: true}
	}
}

func (r *reader) toolConfig(v rawjson.Value, q *codec.Request) {
	for it := v.Get(r.data, "tools").Elements(r.data); it.Next(); {
		spec := it.Value.Get(r.data, "toolSpec")
		if point := it.Value.Get(r.data, "cachePoint"); point.Present() && len(q.Tools) > 0 {
			q.Tools[len(q.Tools)-1].Cache = &codec.Cache{TTL: r.text(point, "ttl")}
			continue
		}
		if spec.Kind != rawjson.Object {
			q.Tools = append(q.Tools, codec.Tool{Kind: codec.ToolHosted, Raw: it.Value.Raw(r.data)})
			continue
		}
		t := codec.Tool{}
		for it := spec.Members(r.data); it.Next(); {
			switch name := it.Name(); name {
			case "name":
				t.Name, _ = rawjson.Text(r.data, it.Value)
			case "description":
				t.Description, _ = rawjson.Text(r.data, it.Value)
			case "inputSchema":
				t.Schema = it.Value.Get(r.data, "json").Raw(r.data)
			default:
				r.field(&t.Extra, name, it.Value)
			}
		}
		if t.Name == "" {
			r.fail("toolConfig.tools", "must each have a name")
		}
		q.Tools = append(q.Tools, t)
	}
	for it := v.Get(r.data, "toolChoice").Members(r.data); it.Next(); {
		switch it.Name() {
		case "auto":
			q.ToolChoice.Mode = codec.ToolAuto
		case "any":
			q.ToolChoice.Mode = codec.ToolRequired
		case "tool":
			q.ToolChoice.Mode, q.ToolChoice.Name = codec.ToolNamed, r.text(it.Value, "name")
		}
	}
}

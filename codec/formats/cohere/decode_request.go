package cohere

import (
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/front"
	"uniapi/codec/rawjson"
)

// layout is what stands in a request. Nobody is served in this format, so that nothing of it but what decides who
// answers need be there once.
var layout = front.NewLayout(fields.NewKnown("model", "stream", "messages", "tools", "tool_choice"), "messages")

// DecodeRequest reads a chat request. Unknown members are kept in Extra.
func (Format) DecodeRequest(body []byte) (*codec.Request, error) {
	head, err := layout.ReadHead(body)
	if err != nil {
		return nil, err
	}
	q := &codec.Request{Format: formatName, Model: head.Model, Stream: head.Stream, IncludeUsage: true}
	r := &reader{fields.Reader{Data: body}}
	for it := rawjson.MembersOf(body); it.Next(); {
		v, name := it.Value, it.Name()
		switch name {
		case "model", "stream":
		case "messages":
			q.Messages = r.messages(v)
		case "tools":
			q.Tools = r.tools(v)
		case "tool_choice":
			switch word := r.Text(v, name); word {
			case "REQUIRED":
				q.ToolChoice.Mode = codec.ToolRequired
			case "NONE":
				q.ToolChoice.Mode = codec.ToolNone
			case "":
			default:
				r.Fail(name, "must be REQUIRED or NONE, not '"+word+"'")
			}
		case "max_tokens":
			q.MaxTokens = r.Integer(v, name)
		case "temperature":
			q.Temperature = r.Number(v, name)
		case "p":
			q.TopP = r.Number(v, name)
		case "k":
			q.TopK = r.Integer(v, name)
		case "seed":
			q.Seed = r.Number(v, name)
		case "frequency_penalty":
			q.FrequencyPenalty = r.Number(v, name)
		case "presence_penalty":
			q.PresencePenalty = r.Number(v, name)
		case "logprobs":
			q.LogProbs = r.Boolean(v, name)
		case "stop_sequences":
			q.Stop = r.Texts(v, name)
		case "response_format":
			q.Output = r.output(v)
		case "thinking":
			q.Reasoning = r.thinking(v)
		default:
			r.Field(&q.Extra, name, v)
		}
	}
	if len(q.Messages) == 0 {
		r.Fail("messages", "must be an array with at least one message")
	}
	if r.Err != nil {
		return nil, r.Err
	}
	return q, nil
}

func (r *reader) output(v rawjson.Value) *codec.OutputFormat {
	schema := r.Raw(v.Get(r.Data, "json_schema"))
	switch {
	case r.Want(v, rawjson.Object, "response_format") && r.Text(v.Get(r.Data, "type"), "response_format.type") != "json_object":
		return nil
	case schema == nil && v.Present():
		return &codec.OutputFormat{Kind: codec.OutputJSON}
	case schema == nil:
		return nil
	}
	return &codec.OutputFormat{Kind: codec.OutputSchema, Schema: schema}
}

func (r *reader) thinking(v rawjson.Value) *codec.Reasoning {
	if !r.Want(v, rawjson.Object, "thinking") {
		return nil
	}
	if r.Text(v.Get(r.Data, "type"), "thinking.type") == "disabled" {
		return &codec.Reasoning{Disabled: true}
	}
	budget := r.Integer(v.Get(r.Data, "token_budget"), "thinking.token_budget")
	return &codec.Reasoning{Budget: budget, Adaptive: budget == nil}
}

func (r *reader) tools(v rawjson.Value) (tools []codec.Tool) {
	if !r.Want(v, rawjson.Array, "tools") {
		return nil
	}
	for it := v.Elements(r.Data); it.Next(); {
		f := it.Value.Get(r.Data, "function")
		if kind := r.soft(it.Value, "type"); !f.Present() && kind != "" {
			tools = append(tools, codec.Tool{Kind: codec.ToolHosted, Name: kind, Raw: it.Value.Raw(r.Data)})
			continue
		}
		t := codec.Tool{
			Name:        r.Text(f.Get(r.Data, "name"), "tools.function.name"),
			Description: r.Text(f.Get(r.Data, "description"), "tools.function.description"),
			Schema:      r.Schema(f.Get(r.Data, "parameters"), "tools.function", "parameters"),
		}
		if t.Name == "" {
			r.Fail("tools", "needs a name for each function")
		}
		tools = append(tools, t)
	}
	return tools
}

func (r *reader) messages(v rawjson.Value) (list []codec.Message) {
	if !r.Want(v, rawjson.Array, "messages") {
		return nil
	}
	for it := v.Elements(r.Data); it.Next(); {
		path := "messages[" + strconv.Itoa(len(list)) + "]"
		if !r.Want(it.Value, rawjson.Object, path) {
			return list
		}
		list = append(list, r.message(it.Value, path))
	}
	return list
}

func (r *reader) message(v rawjson.Value, path string) (m codec.Message) {
	content := v.Get(r.Data, "content")
	switch role := r.Text(v.Get(r.Data, "role"), path+".role"); role {
	case "user":
		m.Role = codec.RoleUser
	case "system":
		m.Role = codec.RoleSystem
	case "assistant":
		m.Role = codec.RoleAssistant
	case "tool":
		m.Role = codec.RoleTool
		id := r.Text(v.Get(r.Data, "tool_call_id"), path+".tool_call_id")
		m.Parts = []codec.Part{{Kind: codec.PartToolResult, Result: &codec.ToolResult{CallID: id, Parts: r.parts(content, path)}}}
		return m
	default:
		r.Fail(path+".role", "must be user, assistant, system or tool, not '"+role+"'")
	}
	m.Parts = r.parts(content, path)
	if plan := r.Text(v.Get(r.Data, "tool_plan"), path+".tool_plan"); plan != "" {
		m.Parts = append(m.Parts, codec.Part{Kind: codec.PartText, Text: plan})
	}
	m.Parts = append(m.Parts, r.calls(v.Get(r.Data, "tool_calls"))...)
	return m
}

// calls reads tool calls, of a request or an answer. Arguments that are missing or null are none.
func (r *reader) calls(v rawjson.Value) (parts []codec.Part) {
	for it := v.Elements(r.Data); it.Next(); {
		parts = codec.Add(parts, codec.Part{Kind: codec.PartToolCall, Call: &codec.ToolCall{
			ID: r.soft(it.Value, "id"), Name: r.soft(it.Value, "function", "name"), Arguments: arguments(r.soft(it.Value, "function", "arguments")),
		}})
	}
	return parts
}

func arguments(text string) string {
	if text = strings.TrimSpace(text); text == "" || text == "null" {
		return "{}"
	}
	return text
}

func (r *reader) parts(v rawjson.Value, path string) (parts []codec.Part) {
	switch v.Kind {
	case rawjson.Missing, rawjson.Null:
		return nil
	case rawjson.String:
		return []codec.Part{{Kind: codec.PartText, Text: r.Text(v, path+".content")}}
	}
	if !r.Want(v, rawjson.Array, path+".content") {
		return nil
	}
	for it := v.Elements(r.Data); it.Next(); {
		switch r.soft(it.Value, "type") {
		case "text":
			parts = codec.Add(parts, codec.Part{Kind: codec.PartText, Text: r.soft(it.Value, "text")})
		case "thinking":
			parts = codec.Add(parts, codec.Part{Kind: codec.PartReasoning, Text: r.soft(it.Value, "thinking")})
		case "image_url":
			m := &codec.Media{Detail: r.soft(it.Value, "image_url", "detail")}
			url := r.soft(it.Value, "image_url", "url")
			if data, is := strings.CutPrefix(url, "data:"); is {
				head, content, _ := strings.Cut(data, ",")
				m.MIME, _, _ = strings.Cut(head, ";")
				m.Data = content
			} else {
				m.URL = url
			}
			parts = codec.Add(parts, codec.Part{Kind: codec.PartImage, Media: m})
		case "document":
			parts = codec.Add(parts, codec.Part{Kind: codec.PartText, Text: r.document(it.Value.Get(r.Data, "document"))})
		default: // kept whole, for the same format
			parts = codec.Add(parts, codec.Part{Kind: codec.PartOpaque, Raw: it.Value.Raw(r.Data)})
		}
	}
	return parts
}

// document is the data of a document as text: a text, or an object as it is written.
func (r *reader) document(v rawjson.Value) string {
	data := v.Get(r.Data, "data")
	if text, is := rawjson.Text(r.Data, data); is {
		return text
	}
	return string(data.Raw(r.Data))
}

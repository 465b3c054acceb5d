package anthropic

import (
	"strconv"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// DecodeRequest reads a Messages request. Unknown members are kept in Extra, at each level.
func (Format) DecodeRequest(body []byte) (*codec.Request, error) {
	q := &codec.Request{Format: formatName, IncludeUsage: true}
	r := &reader{Reader: fields.Reader{Data: body}}
	var messages, system rawjson.Value
	it := rawjson.MembersOf(body)
	for it.Next() {
		v, name := it.Value, it.Name()
		switch name {
		case "model":
			q.Model = r.Text(v, name)
		case "stream":
			if b := r.Boolean(v, name); b != nil {
				q.Stream = *b
			}
		case "messages":
			messages = v
		case "system":
			system = v
		case "max_tokens":
			q.MaxTokens = r.Integer(v, name)
		case "temperature":
			q.Temperature = r.Number(v, name)
		case "top_p":
			q.TopP = r.Number(v, name)
		case "top_k":
			q.TopK = r.Integer(v, name)
		case "stop_sequences":
			q.Stop = r.Texts(v, name)
		case "tools":
			q.Tools = r.tools(v)
		case "tool_choice":
			r.toolChoice(v, q)
		case "thinking":
			r.thinking(v, q)
		case "output_config":
			r.outputConfig(v, q)
		case "output_format":
			r.outputFormat(v, name, q)
		case "metadata":
			q.User, _ = rawjson.Text(body, v.Get(body, "user_id"))
			r.Field(&q.Extra, name, v)
		case "service_tier":
			q.ServiceTier = r.Text(v, name)
		case "cache_control":
			q.Cache = r.cache(v)
		default:
			r.Field(&q.Extra, name, v)
		}
	}
	if err := it.Err(); err != nil {
		return nil, codec.BadRequest("", "the request body is not valid JSON: "+err.Error())
	}
	if parts := r.content(system, "system"); len(parts) > 0 {
		q.Messages = append(q.Messages, codec.Message{Role: codec.RoleSystem, Parts: parts})
	}
	q.Messages = r.messages(messages, q.Messages)
	q.Tools = r.changed(q.Tools)
	if q.Model == "" {
		r.Fail("model", "must name a model")
	}
	if !messages.Present() {
		r.Fail("messages", "must be an array with at least one message")
	}
	if r.Err != nil {
		return nil, r.Err
	}
	return q, nil
}

func (r *reader) thinking(v rawjson.Value, q *codec.Request) {
	if !r.Want(v, rawjson.Object, "thinking") {
		return
	}
	to := r.reasoning(q)
	switch kind, _ := rawjson.Text(r.Data, v.Get(r.Data, "type")); kind {
	case "disabled":
		to.Disabled = true
	case "adaptive":
		to.Adaptive = true
	case "enabled":
		if to.Budget = r.Integer(v.Get(r.Data, "budget_tokens"), "thinking.budget_tokens"); to.Budget == nil {
			to.Adaptive = true
		}
	default:
		r.Fail("thinking.type", "must be enabled, disabled or adaptive, not '"+kind+"'")
	}
	to.Summary = r.Text(v.Get(r.Data, "display"), "thinking.display")
}

func (r *reader) reasoning(q *codec.Request) *codec.Reasoning {
	if q.Reasoning == nil {
		q.Reasoning = new(codec.Reasoning)
	}
	return q.Reasoning
}

func (r *reader) outputConfig(v rawjson.Value, q *codec.Request) {
	if !r.Want(v, rawjson.Object, "output_config") {
		return
	}
	kept := false
	for it := v.Members(r.Data); it.Next(); {
		switch it.Name() {
		case "effort":
			if effort := r.Text(it.Value, "output_config.effort"); effort != "" {
				r.reasoning(q).Effort = effort
			}
		case "format":
			r.outputFormat(it.Value, "output_config.format", q)
		default:
			if !kept {
				kept = true
				r.Field(&q.Extra, "output_config", v)
			}
		}
	}
}

// outputFormat reads the form of the answer. While it was a beta it stood beside output_config, where many clients
// still have it.
func (r *reader) outputFormat(v rawjson.Value, path string, q *codec.Request) {
	if kind, _ := rawjson.Text(r.Data, v.Get(r.Data, "type")); kind == "json_schema" {
		q.Output = &codec.OutputFormat{Kind: codec.OutputSchema, Schema: r.Schema(v.Get(r.Data, "schema"), path, "schema")}
	}
}

func (r *reader) tools(v rawjson.Value) []codec.Tool {
	if !r.Want(v, rawjson.Array, "tools") {
		return nil
	}
	var tools []codec.Tool
	for it := v.Elements(r.Data); it.Next() && r.More("tools"); {
		path := "tools[" + strconv.Itoa(len(tools)) + "]"
		if r.Want(it.Value, rawjson.Object, path) {
			tools = codec.Add(tools, r.tool(it.Value, path))
		}
	}
	return tools
}

// tool reads a tool of the client, or keeps one that Anthropic defines.
func (r *reader) tool(v rawjson.Value, path string) codec.Tool {
	var t codec.Tool
	kind := ""
	for it := v.Members(r.Data); it.Next(); {
		switch name := it.Name(); name {
		case "type":
			kind = r.Text(it.Value, path+".type")
		case "name":
			t.Name = r.Text(it.Value, path+".name")
		case "description":
			t.Description = r.Text(it.Value, path+".description")
		case "input_schema":
			t.Schema = r.Schema(it.Value, path, "input_schema")
		case "strict":
			t.Strict = r.Boolean(it.Value, path+".strict")
		case "cache_control":
			t.Cache = r.cache(it.Value)
		default:
			r.Field(&t.Extra, name, it.Value)
		}
	}
	if kind != "" && kind != "custom" {
		if known, is := typedTool(t, kind, v.Raw(r.Data)); is {
			return known
		}
		return codec.Tool{Kind: codec.ToolHosted, Name: kind, Raw: v.Raw(r.Data)}
	}
	if t.Name == "" {
		r.Fail(path, "needs a name")
	}
	return t
}

func (r *reader) toolChoice(v rawjson.Value, q *codec.Request) {
	if !r.Want(v, rawjson.Object, "tool_choice") {
		return
	}
	c := &q.ToolChoice
	switch kind := r.Text(v.Get(r.Data, "type"), "tool_choice.type"); kind {
	case "auto":
		c.Mode = codec.ToolAuto
	case "any":
		c.Mode = codec.ToolRequired
	case "none":
		c.Mode = codec.ToolNone
	case "tool":
		c.Mode = codec.ToolNamed
		if c.Name = r.Text(v.Get(r.Data, "name"), "tool_choice.name"); c.Name == "" {
			r.Fail("tool_choice", "needs the name of a tool")
		}
	default:
		r.Fail("tool_choice.type", "must be auto, any, none or tool, not '"+kind+"'")
	}
	if one := r.Boolean(v.Get(r.Data, "disable_parallel_tool_use"), "tool_choice.disable_parallel_tool_use"); one != nil {
		many := !*one
		q.ParallelToolCalls = &many
	}
}

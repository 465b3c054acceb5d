package responses

import (
	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/formats/openai"
	"uniapi/codec/rawjson"
)

// stateful are the members that point to what only the provider remembers. A request with one can be passed on, never
// translated.
var stateful = map[string]string{
	"previous_response_id": "the provider that serves this model keeps no responses: send the whole conversation in 'input' instead",
	"conversation":         "the provider that serves this model keeps no conversations: send the whole of it in 'input' instead",
	"prompt":               "the provider that serves this model keeps no prompt templates: send the text in 'instructions' or 'input' instead",
}

// DecodeRequest implements codec.Format. It is for a request that goes to another format, and refuses what no other
// format can do.
func (Format) DecodeRequest(body []byte) (*codec.Request, error) {
	head, err := openai.ReadHead(body)
	if err != nil {
		return nil, err
	}
	return decode(body, head.Model, head.Stream)
}

// decode is DecodeRequest for a body whose head has been read.
func decode(body []byte, model string, stream bool) (*codec.Request, error) {
	q := &codec.Request{Format: formatName, Model: model, Stream: stream, IncludeUsage: true}
	r := &reader{Reader: fields.Reader{Data: body}}
	instructions := ""
	for it := rawjson.MembersOf(body); it.Next(); {
		v, name := it.Value, it.Name()
		if why, is := stateful[name]; is && v.Present() {
			return nil, codec.BadRequest(name, "'"+name+"' cannot be used here: "+why)
		}
		switch name {
		case "model", "stream", "stream_options", "previous_response_id", "conversation", "prompt":
		case "input":
			q.Messages = r.input(v)
		case "instructions":
			instructions = r.Text(v, name)
		case "background":
			if v.Kind == rawjson.True {
				return nil, codec.BadRequest(name, "'background' cannot be used here: the provider that serves this model answers at once or not at all")
			}
		case "tools":
			q.Tools = r.tools(v, "", nil)
		case "tool_choice":
			q.ToolChoice = r.toolChoice(v)
		case "parallel_tool_calls":
			q.ParallelToolCalls = r.Boolean(v, name)
		case "max_output_tokens":
			q.MaxTokens = r.Integer(v, name)
		case "temperature":
			q.Temperature = r.Number(v, name)
		case "top_p":
			q.TopP = r.Number(v, name)
		case "top_logprobs":
			if q.TopLogProbs = r.Integer(v, name); q.TopLogProbs != nil && *q.TopLogProbs > 0 { // chat wants to be asked for both
				yes := true
				q.LogProbs = &yes
			}
		case "include":
			r.include(v, q)
			r.Field(&q.Extra, name, v)
		case "text":
			r.output(v, q)
		case "reasoning":
			q.Reasoning = r.reasoning(v)
		case "user":
			q.User = r.Text(v, name)
		case "service_tier":
			q.ServiceTier = r.Text(v, name)
		default:
			r.Field(&q.Extra, name, v)
		}
	}
	q.Tools = r.withCarried(q.Tools)
	if c := &q.ToolChoice; c.Hosted && (c.Name == toolSearch && hasSearch(q) || typedOf(q)[c.Name] != nil) {
		c.Hosted = false
	}
	if instructions != "" {
		system := codec.Message{Role: codec.RoleSystem, Parts: []codec.Part{{Kind: codec.PartText, Text: instructions}}}
		q.Messages = append([]codec.Message{system}, q.Messages...)
	}
	if len(q.Messages) == 0 {
		r.Fail("input", "must be a text or a list with at least one item")
	}
	if r.Err != nil {
		return nil, r.Err
	}
	return q, nil
}

func (r *reader) include(v rawjson.Value, q *codec.Request) {
	for _, what := range r.Texts(v, "include") {
		if what == "message.output_text.logprobs" {
			yes := true
			q.LogProbs = &yes
		}
	}
}

func (r *reader) reasoning(v rawjson.Value) *codec.Reasoning {
	if !r.Want(v, rawjson.Object, "reasoning") {
		return nil
	}
	var to codec.Reasoning
	for it := v.Members(r.Data); it.Next(); {
		switch it.Name() {
		case "effort":
			to.Effort = r.Text(it.Value, "reasoning.effort")
			to.Disabled = to.Effort == "none"
		case "summary", "generate_summary":
			if s := r.Text(it.Value, "reasoning.summary"); s != "" {
				to.Summary = s
			}
		}
	}
	if to == (codec.Reasoning{}) {
		return nil
	}
	return &to
}

// output reads the text member: the form of the answer, and how wordy it is.
func (r *reader) output(v rawjson.Value, q *codec.Request) {
	if !r.Want(v, rawjson.Object, "text") {
		return
	}
	q.Verbosity = r.Text(v.Get(r.Data, "verbosity"), "text.verbosity")
	format := v.Get(r.Data, "format")
	if !r.Want(format, rawjson.Object, "text.format") {
		return
	}
	switch kind := r.Text(format.Get(r.Data, "type"), "text.format.type"); kind {
	case "text":
		q.Output = &codec.OutputFormat{Kind: codec.OutputText}
	case "json_object":
		q.Output = &codec.OutputFormat{Kind: codec.OutputJSON}
	case "json_schema":
		q.Output = &codec.OutputFormat{
			Kind:        codec.OutputSchema,
			Name:        r.Text(format.Get(r.Data, "name"), "text.format.name"),
			Description: r.Text(format.Get(r.Data, "description"), "text.format.description"),
			Schema:      r.Schema(format.Get(r.Data, "schema"), "text.format", "schema"),
			Strict:      r.Boolean(format.Get(r.Data, "strict"), "text.format.strict"),
		}
	default:
		r.Fail("text.format.type", "must be text, json_object or json_schema, not '"+kind+"'")
	}
}

// tools reads a list of tools. Those of a namespace become tools like others, with its name before theirs.
func (r *reader) tools(v rawjson.Value, namespace string, tools []codec.Tool) []codec.Tool {
	if !r.Want(v, rawjson.Array, "tools") {
		return tools
	}
	for it := v.Elements(r.Data); it.Next() && r.More("tools"); {
		get := func(name string) rawjson.Value { return it.Value.Get(r.Data, name) }
		t := codec.Tool{Name: r.Text(get("name"), "tools.name"), Description: r.Text(get("description"), "tools.description")}
		switch kind := r.Text(get("type"), "tools.type"); kind {
		case "function", "":
			t.Schema, t.Strict = r.Schema(get("parameters"), "tools", "parameters"), r.Boolean(get("strict"), "tools.strict")
		case "custom":
			t.Kind, t.Grammar = codec.ToolCustom, r.Raw(get("format"))
		case "namespace":
			r.Nested("tools", func() { tools = r.tools(get("tools"), t.Name, tools) })
			continue
		case toolSearch:
			if t, is := r.searchTool(it.Value); is {
				tools = codec.Add(tools, t)
				continue
			}
			fallthrough
		default:
			if t, is := r.typedTool(it.Value, kind); is {
				tools = codec.Add(tools, t)
				continue
			}
			tools = codec.Add(tools, codec.Tool{Kind: codec.ToolHosted, Name: kind, Raw: it.Value.Raw(r.Data)})
			continue
		}
		if t.Name == "" {
			r.Fail("tools", "needs a name for each function")
		}
		if namespace != "" {
			t.Name = namespaced(namespace, t.Name)
			t.Extra = codec.Fields{{Name: "namespace", Raw: rawjson.AppendString(nil, namespace)}}
		}
		tools = codec.Add(tools, t)
	}
	return tools
}

func (r *reader) toolChoice(v rawjson.Value) (c codec.ToolChoice) {
	modes := map[string]codec.ToolMode{"auto": codec.ToolAuto, "none": codec.ToolNone, "required": codec.ToolRequired}
	if v.Kind == rawjson.String {
		word := r.Text(v, "tool_choice")
		if c.Mode = modes[word]; c.Mode == codec.ToolDefault {
			r.Fail("tool_choice", "must be auto, none, required or an object, not '"+word+"'")
		}
		return c
	}
	if !r.Want(v, rawjson.Object, "tool_choice") {
		return c
	}
	name := func(v rawjson.Value) string {
		if kind, _ := rawjson.Text(r.Data, v.Get(r.Data, "type")); kind == toolSearch || typedTools[kind] != nil {
			return kind
		}
		return namespaced(r.Text(v.Get(r.Data, "namespace"), "tool_choice.namespace"), r.Text(v.Get(r.Data, "name"), "tool_choice.name"))
	}
	switch kind := r.Text(v.Get(r.Data, "type"), "tool_choice.type"); kind {
	case "function", "custom":
		c.Mode, c.Name, c.Custom = codec.ToolNamed, name(v), kind == "custom"
		if c.Name == "" {
			r.Fail("tool_choice", "needs the name of a tool")
		}
	case "allowed_tools":
		if c.Mode = modes[r.Text(v.Get(r.Data, "mode"), "tool_choice.mode")]; c.Mode == codec.ToolDefault {
			c.Mode = codec.ToolAuto
		}
		list := v.Get(r.Data, "tools")
		c.Raw, c.Allowed = r.Raw(list), []string{}
		for it := list.Elements(r.Data); it.Next(); {
			if n := name(it.Value); n != "" {
				c.Allowed = append(c.Allowed, n)
			}
		}
	default: // a hosted tool, which the provider may not have
		c.Mode, c.Name, c.Hosted = codec.ToolNamed, kind, true
	}
	return c
}

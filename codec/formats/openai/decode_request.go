package openai

import (
	"strconv"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// DecodeRequest reads a chat request. Unknown members are kept in Extra, at each level.
func (Format) DecodeRequest(body []byte) (*codec.Request, error) {
	head, err := ReadHead(body)
	if err != nil {
		return nil, err
	}
	return decode(body, &head)
}

// decode is DecodeRequest for a body whose head has been read.
func decode(body []byte, head *Head) (*codec.Request, error) {
	q := &codec.Request{Format: formatName, Model: head.Model, Stream: head.Stream, IncludeUsage: head.IncludeUsage}
	r := &reader{fields.Reader{Data: body}}
	var maxTokens, maxCompletion *int64
	for it := rawjson.MembersOf(body); it.Next(); {
		v, name := it.Value, it.Name()
		switch name {
		case "model", "stream":
		case "messages":
			q.Messages = r.messages(v, q)
		case "tools":
			q.Tools = r.tools(v)
		case "functions":
			q.Tools, q.LegacyFunctions = r.functions(v), true
		case "tool_choice":
			q.ToolChoice = r.toolChoice(v)
		case "function_call":
			q.ToolChoice, q.LegacyFunctions = r.toolChoice(v), true
		case "parallel_tool_calls":
			q.ParallelToolCalls = r.Boolean(v, name)
		case "max_tokens":
			maxTokens = r.Integer(v, name)
		case "max_completion_tokens":
			maxCompletion = r.Integer(v, name)
		case "n":
			q.N = r.Integer(v, name)
		case "top_k":
			q.TopK = r.Integer(v, name)
		case "seed":
			q.Seed = r.Number(v, name)
		case "temperature":
			q.Temperature = r.Number(v, name)
		case "top_p":
			q.TopP = r.Number(v, name)
		case "frequency_penalty":
			q.FrequencyPenalty = r.Number(v, name)
		case "presence_penalty":
			q.PresencePenalty = r.Number(v, name)
		case "stop":
			q.Stop = r.texts(v, name)
		case "logprobs":
			q.LogProbs = r.Boolean(v, name)
		case "top_logprobs":
			q.TopLogProbs = r.Integer(v, name)
		case "verbosity":
			q.Verbosity = r.Text(v, name)
		case "modalities":
			q.Modalities = r.texts(v, name)
		case "user":
			q.User = r.Text(v, name)
		case "service_tier":
			q.ServiceTier = r.Text(v, name)
		case "cache_control":
			q.Cache = r.cache(v)
		case "reasoning_effort":
			r.reasoning(q).Effort = r.Text(v, name)
		case "response_format":
			if q.Output = r.outputFormat(v); q.Output == nil && v.Present() {
				r.Field(&q.Extra, name, v)
			}
		case "reasoning":
			r.openRouterReasoning(v, q)
			r.Field(&q.Extra, name, v)
		case "thinking":
			r.thinking(v, q)
			r.Field(&q.Extra, name, v)
		default:
			r.Field(&q.Extra, name, v)
		}
	}
	if q.MaxTokens = maxCompletion; q.MaxTokens == nil {
		q.MaxTokens = maxTokens
	}
	if q.Reasoning != nil && *q.Reasoning == (codec.Reasoning{}) {
		q.Reasoning = nil
	}
	if len(q.Messages) == 0 {
		r.Fail("messages", "must be an array with at least one message")
	}
	if r.Err != nil {
		return nil, r.Err
	}
	return q, nil
}

func (r *reader) reasoning(q *codec.Request) *codec.Reasoning {
	if q.Reasoning == nil {
		q.Reasoning = new(codec.Reasoning)
	}
	return q.Reasoning
}

// openRouterReasoning reads {"effort","max_tokens","enabled","exclude"}.
func (r *reader) openRouterReasoning(v rawjson.Value, q *codec.Request) {
	to := r.reasoning(q)
	for it := v.Members(r.Data); it.Next(); {
		switch it.Name() {
		case "effort":
			to.Effort = r.Text(it.Value, "reasoning.effort")
		case "max_tokens":
			to.Budget = r.Integer(it.Value, "reasoning.max_tokens")
		case "summary":
			to.Summary = r.Text(it.Value, "reasoning.summary")
		case "enabled":
			to.Disabled = it.Value.Kind == rawjson.False
		case "exclude":
			if it.Value.Kind == rawjson.True {
				to.Summary = "omitted"
			}
		}
	}
}

// thinking reads Anthropic's object, which DeepSeek, GLM and Kimi have taken over.
func (r *reader) thinking(v rawjson.Value, q *codec.Request) {
	to := r.reasoning(q)
	kind, _ := rawjson.Text(r.Data, v.Get(r.Data, "type"))
	to.Disabled = kind == "disabled"
	to.Adaptive = kind == "adaptive"
	if budget := v.Get(r.Data, "budget_tokens"); budget.Present() {
		to.Budget = r.Integer(budget, "thinking.budget_tokens")
	}
}

// outputFormat reads a response_format; nil for a kind that only some upstreams know.
func (r *reader) outputFormat(v rawjson.Value) *codec.OutputFormat {
	if !r.Want(v, rawjson.Object, "response_format") {
		return nil
	}
	kind, _ := rawjson.Text(r.Data, v.Get(r.Data, "type"))
	switch kind {
	case "text":
		return &codec.OutputFormat{Kind: codec.OutputText}
	case "json_object":
		return &codec.OutputFormat{Kind: codec.OutputJSON}
	case "json_schema":
	default:
		return nil
	}
	f := &codec.OutputFormat{Kind: codec.OutputSchema}
	for it := v.Get(r.Data, "json_schema").Members(r.Data); it.Next(); {
		switch it.Name() {
		case "name":
			f.Name = r.Text(it.Value, "response_format.json_schema.name")
		case "description":
			f.Description = r.Text(it.Value, "response_format.json_schema.description")
		case "schema":
			f.Schema = r.Schema(it.Value, "response_format.json_schema", "schema")
		case "strict":
			f.Strict = r.Boolean(it.Value, "response_format.json_schema.strict")
		}
	}
	return f
}

func (r *reader) tools(v rawjson.Value) []codec.Tool {
	if !r.Want(v, rawjson.Array, "tools") {
		return nil
	}
	var tools []codec.Tool
	for it := v.Elements(r.Data); it.Next() && r.More("tools"); {
		path := "tools[" + strconv.Itoa(len(tools)) + "]"
		if !r.Want(it.Value, rawjson.Object, path) {
			return tools
		}
		tools = codec.Add(tools, r.tool(it.Value, path))
	}
	return tools
}

func (r *reader) tool(v rawjson.Value, path string) codec.Tool {
	var t codec.Tool
	kind := ""
	for it := v.Members(r.Data); it.Next(); {
		switch name := it.Name(); name {
		case "type":
			kind = r.Text(it.Value, path+".type")
		case "function":
			r.toolBody(&t, it.Value, path+".function")
		case "custom":
			t.Kind = codec.ToolCustom
			r.toolBody(&t, it.Value, path+".custom")
		case "cache_control":
			t.Cache = r.cache(it.Value)
		default:
			r.Field(&t.Extra, name, it.Value)
		}
	}
	switch kind {
	case "function", "custom", "":
		if t.Name == "" {
			r.Fail(path, "needs a name")
		}
		return t
	}
	return codec.Tool{Kind: codec.ToolHosted, Name: kind, Raw: v.Raw(r.Data)}
}

// toolBody reads a function or a custom tool.
func (r *reader) toolBody(t *codec.Tool, v rawjson.Value, path string) {
	if !r.Want(v, rawjson.Object, path) {
		return
	}
	for it := v.Members(r.Data); it.Next(); {
		switch it.Name() {
		case "name":
			t.Name = r.Text(it.Value, path+".name")
		case "description":
			t.Description = r.Text(it.Value, path+".description")
		case "parameters":
			t.Schema = r.Schema(it.Value, path, "parameters")
		case "strict":
			t.Strict = r.Boolean(it.Value, path+".strict")
		case "format":
			t.Grammar = flat(r.Raw(it.Value))
		}
	}
}

// flat is the format of a custom tool without chat's own inner object.
func flat(format []byte) []byte {
	v, err := rawjson.One(format)
	inner := v.Get(format, "grammar")
	if err != nil || inner.Kind != rawjson.Object {
		return format
	}
	dst := []byte(`{"type":"grammar"`)
	for it := inner.Members(format); it.Next(); {
		dst = rawjson.Field(dst, it.Name(), it.Value.Raw(format))
	}
	return append(dst, '}')
}

// nested undoes flat.
func nested(format []byte) []byte {
	v, err := rawjson.One(format)
	if kind, _ := rawjson.Text(format, v.Get(format, "type")); err != nil || kind != "grammar" || v.Get(format, "grammar").Present() {
		return format
	}
	dst := []byte(`{"type":"grammar","grammar":{`)
	for it := v.Members(format); it.Next(); {
		if it.Name() != "type" {
			dst = rawjson.Field(dst, it.Name(), it.Value.Raw(format))
		}
	}
	return append(dst, "}}"...)
}

// functions reads what tools were called before there were others.
func (r *reader) functions(v rawjson.Value) []codec.Tool {
	if !r.Want(v, rawjson.Array, "functions") {
		return nil
	}
	var tools []codec.Tool
	for it := v.Elements(r.Data); it.Next() && r.More("functions"); {
		var t codec.Tool
		path := "functions[" + strconv.Itoa(len(tools)) + "]"
		if r.toolBody(&t, it.Value, path); t.Name == "" {
			r.Fail(path, "needs a name")
		}
		tools = codec.Add(tools, t)
	}
	return tools
}

func (r *reader) toolChoice(v rawjson.Value) codec.ToolChoice {
	var c codec.ToolChoice
	switch v.Kind {
	case rawjson.Missing, rawjson.Null:
		return c
	case rawjson.String:
		word := r.Text(v, "tool_choice")
		switch word {
		case "auto":
			c.Mode = codec.ToolAuto
		case "none":
			c.Mode = codec.ToolNone
		case "required", "any":
			c.Mode = codec.ToolRequired
		default:
			r.Fail("tool_choice", "must be auto, none, required or an object, not '"+word+"'")
		}
		return c
	}
	if !r.Want(v, rawjson.Object, "tool_choice") {
		return c
	}
	kind, _ := rawjson.Text(r.Data, v.Get(r.Data, "type"))
	switch kind {
	case "allowed_tools":
		allowed := v.Get(r.Data, "allowed_tools")
		c.Mode = codec.ToolAuto
		if mode, _ := rawjson.Text(r.Data, allowed.Get(r.Data, "mode")); mode == "required" {
			c.Mode = codec.ToolRequired
		}
		list := allowed.Get(r.Data, "tools")
		c.Raw = r.Raw(list)
		c.Allowed = []string{}
		for it := list.Elements(r.Data); it.Next(); {
			c.Allowed = append(c.Allowed, r.toolName(it.Value))
		}
	default:
		c.Mode = codec.ToolNamed
		c.Custom = kind == "custom"
		if c.Name = r.toolName(v); c.Name == "" && kind != "" && kind != "function" && !c.Custom { // a provider's own, as Responses says it
			c.Name, c.Hosted = kind, true
		} else if c.Name == "" {
			r.Fail("tool_choice", "needs the name of a tool")
		}
	}
	return c
}

// toolName finds the name in {"function":{"name"}}, {"custom":{"name"}} or {"name"}.
func (r *reader) toolName(v rawjson.Value) string {
	for _, inner := range []rawjson.Value{v.Get(r.Data, "function"), v.Get(r.Data, "custom"), v} {
		if name, _ := rawjson.Text(r.Data, inner.Get(r.Data, "name")); name != "" {
			return name
		}
	}
	return ""
}

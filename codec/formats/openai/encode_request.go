package openai

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// EncodeRequest writes a chat request. Members that OpenAI refuses without their partner (tool_choice without tools,
// stream_options without a stream) are left out. A stream always asks for usage.
func (Format) EncodeRequest(dst []byte, q *codec.Request, model string) ([]byte, error) {
	own := q.Format == formatName
	dst = append(dst, '{')
	dst = rawjson.Str(dst, "model", model)
	dst = append(rawjson.Key(dst, "messages"), '[')
	dst = appendMessages(dst, q.Messages, own)
	dst = append(dst, ']')
	if q.Stream {
		dst = append(rawjson.Key(dst, "stream"), "true"...)
		dst = append(rawjson.Key(dst, "stream_options"), '{')
		dst = append(appendStreamOptions(dst, q, own), '}')
	}
	dst = rawjson.NumIf(dst, "max_completion_tokens", q.MaxTokens)
	dst = rawjson.NumIf(dst, "n", q.N)
	dst = rawjson.NumIf(dst, "top_k", q.TopK)
	dst = rawjson.RawIf(dst, "seed", q.Seed)
	dst = rawjson.RawIf(dst, "temperature", q.Temperature)
	dst = rawjson.RawIf(dst, "top_p", q.TopP)
	dst = rawjson.RawIf(dst, "frequency_penalty", q.FrequencyPenalty)
	dst = rawjson.RawIf(dst, "presence_penalty", q.PresencePenalty)
	dst = appendTexts(dst, "stop", q.Stop)
	dst = rawjson.BoolIf(dst, "logprobs", q.LogProbs)
	dst = rawjson.NumIf(dst, "top_logprobs", q.TopLogProbs)
	dst = appendOutputFormat(dst, q.Output)
	if !own || q.Extra.Get("reasoning") == nil && q.Extra.Get("thinking") == nil || q.Reasoning == nil {
		dst = rawjson.StrIf(dst, "reasoning_effort", effort(q.Reasoning))
	}
	dst = rawjson.StrIf(dst, "verbosity", q.Verbosity)
	dst = appendTexts(dst, "modalities", q.Modalities)
	dst = rawjson.StrIf(dst, "user", q.User)
	dst = rawjson.StrIf(dst, "service_tier", q.ServiceTier)
	if own {
		dst = appendCache(dst, q.Cache)
	}
	before := len(dst)
	if dst = appendTools(dst, q.Tools, own); len(dst) > before {
		dst = appendToolChoice(dst, q.ToolChoice, own)
		dst = rawjson.BoolIf(dst, "parallel_tool_calls", q.ParallelToolCalls)
	}
	for _, f := range q.Extra {
		if own && f.Name != "stream_options" {
			dst = rawjson.Field(dst, f.Name, f.Raw)
		}
	}
	return append(dst, '}'), nil
}

// appendStreamOptions asks for usage and keeps what else the client asked of its stream.
func appendStreamOptions(dst []byte, q *codec.Request, own bool) []byte {
	dst = append(dst, usageMember...)
	raw := q.Extra.Get("stream_options")
	if !own || raw == nil {
		return dst
	}
	options, err := rawjson.One(raw)
	if err != nil {
		return dst
	}
	for it := options.Members(raw); it.Next(); {
		if name := it.Name(); name != "include_usage" {
			dst = rawjson.Field(dst, name, it.Value.Raw(raw))
		}
	}
	return dst
}

// effort says a wish for thinking as OpenAI does. A budget is put into steps.
func effort(r *codec.Reasoning) string {
	switch {
	case r == nil:
		return ""
	case r.Disabled:
		return "none"
	case r.Effort != "":
		return r.Effort
	case r.Budget != nil && *r.Budget <= 2048:
		return "low"
	case r.Budget != nil && *r.Budget > 12000:
		return "high"
	case r.Budget != nil || r.Adaptive:
		return "medium"
	}
	return ""
}

func appendTexts(dst []byte, name string, list []string) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = append(rawjson.Key(dst, name), '[')
	for _, s := range list {
		dst = rawjson.AppendString(rawjson.Comma(dst), s)
	}
	return append(dst, ']')
}

func appendOutputFormat(dst []byte, f *codec.OutputFormat) []byte {
	if f == nil {
		return dst
	}
	dst = rawjson.Key(dst, "response_format")
	switch f.Kind {
	case codec.OutputText:
		return append(dst, `{"type":"text"}`...)
	case codec.OutputJSON:
		return append(dst, `{"type":"json_object"}`...)
	}
	dst = append(dst, `{"type":"json_schema","json_schema":{`...)
	name := f.Name
	if name == "" {
		name = "response" // OpenAI demands one, other formats have none
	}
	dst = rawjson.Str(dst, "name", name)
	dst = rawjson.StrIf(dst, "description", f.Description)
	dst = rawjson.RawIf(dst, "schema", f.Schema)
	dst = rawjson.BoolIf(dst, "strict", f.Strict)
	return append(dst, "}}"...)
}

// appendTools writes the tools in their order, which prompt caches depend on. Another format's hosted tools have no
// form here.
func appendTools(dst []byte, tools []codec.Tool, own bool) []byte {
	before := len(dst)
	dst = append(rawjson.Key(dst, "tools"), '[')
	empty := len(dst)
	for _, t := range tools {
		kind := "function"
		switch t.Kind {
		case codec.ToolHosted:
			if own {
				dst = append(rawjson.Comma(dst), t.Raw...)
			}
			continue
		case codec.ToolCustom:
			kind = "custom"
		}
		dst = append(rawjson.Comma(dst), '{')
		dst = rawjson.Str(dst, "type", kind)
		dst = append(rawjson.Key(dst, kind), '{')
		dst = rawjson.Str(dst, "name", t.Name)
		dst = rawjson.StrIf(dst, "description", t.Description)
		dst = rawjson.RawIf(dst, "parameters", t.Schema)
		dst = rawjson.BoolIf(dst, "strict", t.Strict)
		dst = rawjson.RawIf(dst, "format", nested(t.Grammar))
		dst = append(dst, '}')
		dst = appendCache(dst, t.Cache)
		dst = append(appendExtra(dst, t.Extra, own), '}')
	}
	if len(dst) == empty {
		return dst[:before] // an empty list is refused
	}
	return append(dst, ']')
}

func appendToolChoice(dst []byte, c codec.ToolChoice, own bool) []byte {
	mode := "auto"
	switch c.Mode {
	case codec.ToolDefault:
		return dst
	case codec.ToolNone:
		mode = "none"
	case codec.ToolRequired:
		mode = "required"
	case codec.ToolNamed:
		kind := "function"
		if c.Custom {
			kind = "custom"
		}
		dst = append(rawjson.Key(dst, "tool_choice"), '{')
		if c.Hosted {
			return append(rawjson.Str(dst, "type", c.Name), '}')
		}
		dst = rawjson.Str(dst, "type", kind)
		dst = append(rawjson.Key(dst, kind), '{')
		return append(rawjson.Str(dst, "name", c.Name), "}}"...)
	}
	if c.Allowed == nil {
		return rawjson.Str(dst, "tool_choice", mode)
	}
	dst = append(rawjson.Key(dst, "tool_choice"), `{"type":"allowed_tools","allowed_tools":{`...)
	dst = rawjson.Str(dst, "mode", mode)
	dst = append(rawjson.Key(dst, "tools"), '[')
	if own && len(c.Raw) > 2 {
		dst = append(dst, c.Raw[1:len(c.Raw)-1]...)
	} else {
		for _, name := range c.Allowed {
			dst = append(rawjson.Comma(dst), `{"type":"function","function":{`...)
			dst = append(rawjson.Str(dst, "name", name), "}}"...)
		}
	}
	return append(dst, "]}}"...)
}

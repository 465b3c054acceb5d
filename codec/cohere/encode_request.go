package cohere

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// known are the members of Extra that Cohere has under the same name; chat clients write them for it.
var known = []string{"documents", "citation_options", "safety_mode", "strict_tools", "priority"}

// EncodeRequest implements codec.Format.
func (Format) EncodeRequest(dst []byte, q *codec.Request, model string) ([]byte, error) {
	if err := refused(q); err != nil {
		return dst, err
	}
	q = q.WithoutCustom()
	dst = rawjson.Str(append(dst, '{'), "model", model)
	if q.Stream {
		dst = append(rawjson.Key(dst, "stream"), "true"...)
	}
	dst = append(rawjson.Key(dst, "messages"), '[')
	for i := range q.Messages {
		dst = appendMessage(dst, &q.Messages[i])
	}
	dst = append(dst, ']')
	tools := offered(q)
	dst = appendTools(dst, q, tools)
	dst = rawjson.NumIf(dst, "max_tokens", q.MaxTokens)
	dst = rawjson.RawIf(dst, "temperature", q.Temperature)
	if p, err := strconv.ParseFloat(string(q.TopP), 64); err == nil && p > 0 && p < 1 { // 1 is refused, and changes nothing
		dst = rawjson.RawIf(dst, "p", q.TopP)
	}
	dst = rawjson.NumIf(dst, "k", q.TopK)
	dst = rawjson.RawIf(dst, "seed", q.Seed)
	dst = rawjson.RawIf(dst, "frequency_penalty", q.FrequencyPenalty)
	dst = rawjson.RawIf(dst, "presence_penalty", q.PresencePenalty)
	dst = rawjson.BoolIf(dst, "logprobs", q.LogProbs)
	if stops := slices.DeleteFunc(slices.Clone(q.Stop), func(s string) bool { return s == "" }); len(stops) > 0 {
		dst = append(rawjson.Key(dst, "stop_sequences"), '[')
		for _, s := range stops[:min(len(stops), maxStops)] {
			dst = rawjson.AppendString(rawjson.Comma(dst), s)
		}
		dst = append(dst, ']')
	}
	if len(tools) == 0 { // beside tools the form of the answer cannot be asked for
		dst = appendOutput(dst, q.Output)
	}
	dst = appendThinking(dst, q.Reasoning)
	for _, name := range known {
		dst = rawjson.RawIf(dst, name, q.Extra.Get(name))
	}
	return append(dst, '}'), nil
}

// refused is the error for media that Cohere does not take: to leave them out would change the question.
func refused(q *codec.Request) error {
	for i := range q.Messages {
		for _, p := range q.Messages[i].Parts {
			switch p.Kind {
			case codec.PartFile, codec.PartAudio, codec.PartVideo:
				return codec.BadRequest("messages", "the provider that serves this model takes text and images, no files, sounds or videos")
			}
		}
	}
	return nil
}

// offered are the tools that the model may call: there is no way to name one of them, so naming leaves out the others.
func offered(q *codec.Request) []codec.Tool {
	return slices.DeleteFunc(slices.Clone(q.Tools), func(t codec.Tool) bool {
		switch {
		case t.Kind == codec.ToolHosted:
			return true
		case q.ToolChoice.Mode == codec.ToolNamed:
			return t.Name != q.ToolChoice.Name
		}
		return q.ToolChoice.Allowed != nil && !slices.Contains(q.ToolChoice.Allowed, t.Name)
	})
}

func appendTools(dst []byte, q *codec.Request, tools []codec.Tool) []byte {
	if len(tools) == 0 {
		return dst
	}
	dst = append(rawjson.Key(dst, "tools"), '[')
	for i := range tools {
		dst = rawjson.Str(append(rawjson.Comma(dst), `{"type":"function","function":{`...), "name", tools[i].Name)
		dst = rawjson.StrIf(dst, "description", tools[i].Description)
		schema := tools[i].Schema
		if len(schema) == 0 {
			schema = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		dst = append(rawjson.Field(dst, "parameters", schema), "}}"...)
	}
	dst = append(dst, ']')
	switch q.ToolChoice.Mode {
	case codec.ToolNamed, codec.ToolRequired:
		dst = rawjson.Str(dst, "tool_choice", "REQUIRED")
	case codec.ToolNone:
		dst = rawjson.Str(dst, "tool_choice", "NONE")
	}
	return dst
}

func appendOutput(dst []byte, o *codec.OutputFormat) []byte {
	if o == nil || o.Kind == codec.OutputText {
		return dst
	}
	dst = append(rawjson.Key(dst, "response_format"), `{"type":"json_object"`...)
	return append(rawjson.RawIf(dst, "json_schema", o.Schema), '}')
}

func appendThinking(dst []byte, r *codec.Reasoning) []byte {
	switch {
	case r == nil:
		return dst
	case r.Disabled || r.Effort == "none":
		return append(rawjson.Key(dst, "thinking"), `{"type":"disabled"}`...)
	}
	dst = append(rawjson.Key(dst, "thinking"), `{"type":"enabled"`...)
	return append(rawjson.NumIf(dst, "token_budget", r.Budget), '}')
}

var roleWords = map[codec.Role]string{codec.RoleUser: "user", codec.RoleAssistant: "assistant", codec.RoleSystem: "system", codec.RoleDeveloper: "system"}

// appendMessage writes a message, and before it the results that it may hold as messages of their own.
func appendMessage(dst []byte, m *codec.Message) []byte {
	own := false
	for i := range m.Parts {
		p := &m.Parts[i]
		if p.Kind == codec.PartToolResult {
			dst = appendResult(dst, p.Result)
			continue
		}
		own = own || p.Kind != codec.PartOpaque
	}
	if !own || m.Role == codec.RoleTool {
		return dst
	}
	dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "role", roleWords[m.Role])
	calls := slices.ContainsFunc(m.Parts, func(p codec.Part) bool { return p.Kind == codec.PartToolCall })
	if calls {
		dst = appendCalls(dst, m.Parts)
	}
	if text, only := onlyText(m.Parts); only || calls {
		name := "content"
		if calls { // what is said beside calls is the plan
			name = "tool_plan"
		}
		return append(rawjson.StrIf(dst, name, text), '}')
	}
	dst = append(rawjson.Key(dst, "content"), '[')
	for i := range m.Parts {
		dst = appendPart(dst, &m.Parts[i])
	}
	return append(dst, "]}"...)
}

// onlyText joins the texts, and says whether there is nothing else.
func onlyText(parts []codec.Part) (text string, only bool) {
	var texts []string
	only = true
	for i := range parts {
		switch parts[i].Kind {
		case codec.PartText, codec.PartRefusal:
			texts = append(texts, parts[i].Text)
		default:
			only = false
		}
	}
	return strings.Join(texts, "\n"), only
}

func appendPart(dst []byte, p *codec.Part) []byte {
	switch p.Kind {
	case codec.PartText, codec.PartRefusal:
		return append(rawjson.Str(append(rawjson.Comma(dst), `{"type":"text"`...), "text", p.Text), '}')
	case codec.PartReasoning:
		if p.Text == "" {
			return dst
		}
		return append(rawjson.Str(append(rawjson.Comma(dst), `{"type":"thinking"`...), "thinking", p.Text), '}')
	case codec.PartImage:
		url := p.Media.URL
		if p.Media.Data != "" {
			url = "data:" + p.Media.MIME + ";base64," + p.Media.Data
		}
		dst = rawjson.Str(append(rawjson.Comma(dst), `{"type":"image_url","image_url":{`...), "url", url)
		return append(rawjson.StrIf(dst, "detail", p.Media.Detail), "}}"...)
	}
	return dst
}

func appendCalls(dst []byte, parts []codec.Part) []byte {
	dst = append(rawjson.Key(dst, "tool_calls"), '[')
	for i := range parts {
		if parts[i].Kind != codec.PartToolCall {
			continue
		}
		c := parts[i].Call
		arguments := c.Arguments
		if arguments == "" {
			arguments = "{}"
		}
		dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "id", toolid.Clean(c.ID, 0))
		dst = rawjson.Str(append(rawjson.Str(dst, "type", "function"), `,"function":{`...), "name", c.Name)
		dst = append(rawjson.Str(dst, "arguments", arguments), "}}"...)
	}
	return append(dst, ']')
}

// appendResult writes a result. Images have no place in one.
func appendResult(dst []byte, result *codec.ToolResult) []byte {
	text, only := onlyText(result.Parts)
	if !only {
		text = strings.TrimSpace(text + "\n[media removed: this provider takes none in results]")
	}
	dst = rawjson.Str(append(rawjson.Comma(dst), `{"role":"tool"`...), "tool_call_id", toolid.Clean(result.CallID, 0))
	return append(rawjson.Str(dst, "content", text), '}')
}

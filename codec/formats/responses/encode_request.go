package responses

import (
	"cmp"
	"encoding/json"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// minOutput is the least max_output_tokens that OpenAI takes.
const minOutput = 16

// known are the members of Extra of chat requests that this API has under the same name.
var known = []string{"metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"}

// EncodeRequest implements codec.Format. Nothing is stored at the provider, and its thinking comes back sealed, so that
// the next turn needs nobody's memory.
func (Format) EncodeRequest(dst []byte, q *codec.Request, model string) ([]byte, error) {
	if q.N != nil && *q.N > 1 {
		return dst, codec.BadRequest("n", "the provider that serves this model gives one answer at a time: 'n' must be 1")
	}
	own := q.Format == formatName
	w := inputWriter{own: own}
	start := len(dst)
	dst = rawjson.Str(append(dst, '{'), "model", model)
	instructions, messages := leading(q.Messages)
	dst = rawjson.StrIf(dst, "instructions", instructions)
	dst = w.append(append(rawjson.Key(dst, "input"), '['), messages)
	dst = append(dst, ']')
	if w.err != nil {
		return dst[:start], w.err
	}
	if q.Stream {
		dst = append(rawjson.Key(dst, "stream"), "true"...)
	}
	if own {
		for _, f := range q.Extra {
			if f.Name != "store" && f.Name != "include" {
				dst = rawjson.Field(dst, f.Name, f.Raw)
			}
		}
	} else {
		for _, name := range known {
			dst = rawjson.RawIf(dst, name, q.Extra.Get(name))
		}
	}
	dst = append(rawjson.Key(dst, "store"), cmp.Or(string(storeOf(q, own)), "false")...)
	dst = appendInclude(dst, q, own)
	before := len(dst)
	if dst = appendTools(dst, q, own); len(dst) > before { // without tools the rest is refused
		dst = appendChoice(dst, q)
		dst = rawjson.BoolIf(dst, "parallel_tool_calls", q.ParallelToolCalls)
	}
	if q.MaxTokens != nil {
		dst = rawjson.Num(dst, "max_output_tokens", max(*q.MaxTokens, minOutput))
	}
	dst = rawjson.RawIf(dst, "temperature", q.Temperature)
	dst = rawjson.RawIf(dst, "top_p", q.TopP)
	dst = rawjson.NumIf(dst, "top_logprobs", q.TopLogProbs)
	dst = appendReasoning(dst, q)
	dst = appendText(dst, q)
	dst = rawjson.StrIf(dst, "user", q.User)
	dst = rawjson.StrIf(dst, "service_tier", q.ServiceTier)
	return append(dst, '}'), nil
}

// storeOf is the store of a client of this format, which alone may ask for it.
func storeOf(q *codec.Request, own bool) []byte {
	if own {
		return q.Extra.Get("store")
	}
	return nil
}

func appendInclude(dst []byte, q *codec.Request, own bool) []byte {
	if raw := q.Extra.Get("include"); own && raw != nil {
		return rawjson.Field(dst, "include", raw)
	}
	dst = append(rawjson.Key(dst, "include"), `["reasoning.encrypted_content"`...)
	if q.LogProbs != nil && *q.LogProbs {
		dst = append(dst, `,"message.output_text.logprobs"`...)
	}
	return append(dst, ']')
}

// leading takes the system's words off the front of a conversation, if they are nothing but text.
func leading(messages []codec.Message) (instructions string, rest []codec.Message) {
	var texts []string
	for i, m := range messages {
		if m.Role != codec.RoleSystem && m.Role != codec.RoleDeveloper {
			return strings.Join(texts, "\n\n"), messages[i:]
		}
		for _, p := range m.Parts {
			if p.Kind != codec.PartText {
				return "", messages
			}
			texts = append(texts, p.Text)
		}
	}
	return "", messages // nothing but instructions: they are the input
}

// appendTools writes the tools in their order, which prompt caches depend on. Of another format's hosted tools only
// search has a form here; without any tool there is no list, since an empty one is refused.
func appendTools(dst []byte, q *codec.Request, own bool) []byte {
	before := len(dst)
	dst = append(rawjson.Key(dst, "tools"), '[')
	empty := len(dst)
	search := !own && q.Extra.Get("web_search_options") != nil // chat's way to ask for it
	for i := range q.Tools {
		t := &q.Tools[i]
		if t.Kind == codec.ToolHosted || t.Raw != nil && own {
			if own {
				dst = append(rawjson.Comma(dst), t.Raw...)
			}
			search = search || !own && searchesTheWeb(t.Name)
			continue
		}
		dst = append(rawjson.Comma(dst), `{"type":"function"`...)
		if t.Kind == codec.ToolCustom {
			dst = append(dst[:len(dst)-len(`"function"`)], `"custom"`...)
		}
		dst = rawjson.Str(dst, "name", t.Name)
		dst = rawjson.StrIf(dst, "description", t.Description)
		if t.Kind == codec.ToolCustom {
			dst = append(rawjson.RawIf(dst, "format", t.Grammar), '}')
			continue
		}
		schema := t.Schema
		if len(schema) == 0 {
			schema = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		dst = rawjson.Field(dst, "parameters", schema)
		strict := t.Strict != nil && *t.Strict // what is left out counts as true here, as false for chat
		dst = append(rawjson.BoolIf(dst, "strict", &strict), '}')
	}
	if search {
		dst = append(rawjson.Comma(dst), `{"type":"web_search"}`...)
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return append(dst, ']')
}

// searchesTheWeb says whether a hosted tool of Anthropic or Google, by its name, searches the web.
func searchesTheWeb(name string) bool {
	return strings.HasPrefix(name, "web_search") || strings.HasPrefix(name, "googleSearch")
}

func appendChoice(dst []byte, q *codec.Request) []byte {
	c := q.ToolChoice
	word := map[codec.ToolMode]string{codec.ToolAuto: "auto", codec.ToolNone: "none", codec.ToolRequired: "required"}[c.Mode]
	switch {
	case c.Hosted, c.Mode == codec.ToolNamed && typedOf(q)[c.Name] != nil:
		dst = rawjson.Str(append(rawjson.Key(dst, "tool_choice"), '{'), "type", c.Name)
		return append(dst, '}')
	case c.Mode == codec.ToolNamed:
		kind := "function"
		if c.Custom {
			kind = "custom"
		}
		dst = rawjson.Str(append(rawjson.Key(dst, "tool_choice"), '{'), "type", kind)
		return append(rawjson.Str(dst, "name", c.Name), '}')
	case c.Allowed != nil:
		dst = append(rawjson.Key(dst, "tool_choice"), `{"type":"allowed_tools"`...)
		dst = append(rawjson.Key(rawjson.Str(dst, "mode", word), "tools"), '[')
		custom, typed := customNames(q.Tools), typedOf(q)
		for _, name := range c.Allowed {
			if typed[name] != nil {
				dst = append(rawjson.Str(append(rawjson.Comma(dst), '{'), "type", name), '}')
				continue
			}
			kind := "function"
			if custom[name] {
				kind = "custom"
			}
			dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "type", kind)
			dst = append(rawjson.Str(dst, "name", name), '}')
		}
		return append(dst, "]}"...)
	}
	return rawjson.StrIf(dst, "tool_choice", word)
}

func appendReasoning(dst []byte, q *codec.Request) []byte {
	r := q.Reasoning
	if r == nil {
		return dst
	}
	effort := r.Effort
	switch {
	case effort == "" && r.Disabled:
		effort = "none"
	case effort == "" && r.Budget != nil:
		effort = effortOf(*r.Budget)
	}
	summary := r.Summary
	switch summary {
	case "summarized":
		summary = "auto"
	case "omitted":
		summary = ""
	case "":
		if q.Format == "anthropic" && !r.Disabled {
			summary = "auto" // there thinking is shown unless a request says otherwise
		}
	}
	if effort == "" && summary == "" {
		return dst
	}
	dst = append(rawjson.Key(dst, "reasoning"), '{')
	return append(rawjson.StrIf(rawjson.StrIf(dst, "effort", effort), "summary", summary), '}')
}

// effortOf is a budget of tokens as a word.
func effortOf(budget int64) string {
	switch {
	case budget <= 0:
		return "none"
	case budget <= 2048:
		return "low"
	case budget <= 8192:
		return "medium"
	}
	return "high"
}

func appendText(dst []byte, q *codec.Request) []byte {
	if q.Verbosity == "" && (q.Output == nil || q.Output.Kind == codec.OutputText) {
		return dst
	}
	dst = append(rawjson.Key(dst, "text"), '{')
	if o := q.Output; o != nil {
		dst = append(rawjson.Key(dst, "format"), '{')
		switch o.Kind {
		case codec.OutputText:
			dst = rawjson.Str(dst, "type", "text")
		case codec.OutputJSON:
			dst = rawjson.Str(dst, "type", "json_object")
		case codec.OutputSchema:
			dst = rawjson.Str(dst, "type", "json_schema")
			dst = rawjson.Str(dst, "name", cmp.Or(o.Name, "answer"))
			dst = rawjson.StrIf(dst, "description", o.Description)
			dst = rawjson.RawIf(dst, "schema", o.Schema)
			dst = rawjson.BoolIf(dst, "strict", o.Strict)
		}
		dst = append(dst, '}')
	}
	return append(rawjson.StrIf(dst, "verbosity", q.Verbosity), '}')
}

// callID is an id of a call as OpenAI takes it.
func callID(id string) string { return toolid.Clean(id, maxCallID) }

package cohere

import (
	"encoding/json"
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/capability"
	"uniapi/codec/rawjson"
)

const (
	maxStops = 5   // stop sequences
	maxTopK  = 500 // of k
)

// known are the members of Extra that Cohere has; chat clients write them for it.
var known = []string{"documents", "citation_options", "safety_mode", "strict_tools", "priority"}

// writer writes one request.
type writer struct {
	q      *codec.Request
	own    bool // the request was in this format
	thinks bool // the model does
	err    *codec.Error
}

func (w *writer) fail(param, message string) {
	if w.err == nil {
		w.err = codec.BadRequest(param, message)
	}
}

// EncodeRequest writes a chat request. What Cohere has no place for (n, user, parallel_tool_calls, logit_bias) is left
// out.
func (Format) EncodeRequest(dst []byte, q *codec.Request, model string) ([]byte, error) {
	can := q.For(capability.Cohere, "", model)
	w := &writer{q: q.WithoutCustom(), own: q.Format == formatName, thinks: can.Thinks != capability.Never}
	system, list := alternation.Split(w.q.Messages, alternation.Options{KeepSystem: true, Prepare: w.prepare})
	tools := w.offered()
	if hint := w.jsonHint(tools); hint != "" {
		system = append(system, codec.Part{Kind: codec.PartText, Text: hint})
	}
	dst = rawjson.Str(append(dst, '{'), "model", model)
	if q.Stream {
		dst = append(rawjson.Key(dst, "stream"), "true"...)
	}
	dst = w.appendMessages(dst, system, list)
	dst = w.appendTools(dst, tools)
	dst = w.appendSampling(dst)
	if len(tools) == 0 {
		dst = appendOutput(dst, q.Output)
	}
	dst = w.appendThinking(dst)
	for _, f := range q.Extra {
		if w.own || slices.Contains(known, f.Name) {
			dst = rawjson.Field(dst, f.Name, f.Raw)
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	return append(dst, '}'), nil
}

// appendSampling writes what shapes the answer, in Cohere's narrower ranges.
func (w *writer) appendSampling(dst []byte) []byte {
	q := w.q
	dst = rawjson.NumIf(dst, "max_tokens", q.MaxTokens)
	dst = rawjson.RawIf(dst, "temperature", clamp(q.Temperature, "0", "1"))
	dst = rawjson.RawIf(dst, "p", clamp(q.TopP, "0.01", "0.99"))
	if q.TopK != nil {
		dst = rawjson.Num(dst, "k", min(max(*q.TopK, 0), maxTopK))
	}
	dst = rawjson.RawIf(dst, "seed", q.Seed)
	dst = rawjson.RawIf(dst, "frequency_penalty", clamp(q.FrequencyPenalty, "0", "1"))
	dst = rawjson.RawIf(dst, "presence_penalty", clamp(q.PresencePenalty, "0", "1"))
	dst = rawjson.BoolIf(dst, "logprobs", q.LogProbs)
	stops := slices.DeleteFunc(slices.Clone(q.Stop), func(s string) bool { return s == "" })
	if len(stops) == 0 {
		return dst
	}
	dst = append(rawjson.Key(dst, "stop_sequences"), '[')
	for _, s := range stops[:min(len(stops), maxStops)] {
		dst = rawjson.AppendString(rawjson.Comma(dst), s)
	}
	return append(dst, ']')
}

// clamp is n, or the bound that it is beyond. A number within keeps its spelling.
func clamp(n, low, high json.Number) json.Number {
	f, err := n.Float64()
	if err != nil {
		return ""
	}
	if l, _ := low.Float64(); f < l {
		return low
	}
	if h, _ := high.Float64(); f > h {
		return high
	}
	return n
}

// offered are the tools that the model may call: there is no way to name one of them, so naming one leaves out the
// others.
func (w *writer) offered() []codec.Tool {
	c := &w.q.ToolChoice
	allows := c.Allows()
	return slices.DeleteFunc(slices.Clone(w.q.Tools), func(t codec.Tool) bool {
		return t.Kind == codec.ToolHosted && !w.own || c.Mode == codec.ToolNamed && t.Name != c.Name ||
			!allows(t.Name)
	})
}

func (w *writer) appendTools(dst []byte, tools []codec.Tool) []byte {
	if len(tools) == 0 {
		return dst
	}
	dst = append(rawjson.Key(dst, "tools"), '[')
	for i := range tools {
		t := &tools[i]
		if t.Kind == codec.ToolHosted {
			dst = append(rawjson.Comma(dst), t.Raw...)
			continue
		}
		dst = rawjson.Str(append(rawjson.Comma(dst), `{"type":"function","function":{`...), "name", t.Name)
		dst = rawjson.StrIf(dst, "description", t.Described())
		schema := t.Schema
		if len(schema) == 0 {
			schema = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		dst = append(rawjson.RawIf(dst, "parameters", schema), "}}"...)
	}
	dst = append(dst, ']')
	if w.q.Extra.Get("strict_tools") == nil && !slices.ContainsFunc(tools, lenient) {
		dst = append(rawjson.Key(dst, "strict_tools"), "true"...)
	}
	switch w.q.ToolChoice.Mode {
	case codec.ToolNamed, codec.ToolRequired:
		dst = rawjson.Str(dst, "tool_choice", "REQUIRED")
	case codec.ToolNone:
		dst = rawjson.Str(dst, "tool_choice", "NONE")
	}
	return dst
}

// lenient says whether a tool is not one that Cohere can be strict about: that is for all tools or none, and each must
// have an argument that is required.
func lenient(t codec.Tool) bool {
	if t.Strict == nil || !*t.Strict {
		return true
	}
	v, err := rawjson.One(t.Schema)
	required := v.Get(t.Schema, "required").Elements(t.Schema)
	return err != nil || !required.Next()
}

// appendOutput asks for JSON. Cohere refuses that beside tools: see jsonHint.
func appendOutput(dst []byte, o *codec.OutputFormat) []byte {
	if o == nil || o.Kind == codec.OutputText {
		return dst
	}
	dst = append(rawjson.Key(dst, "response_format"), `{"type":"json_object"`...)
	return append(rawjson.RawIf(dst, "json_schema", o.Schema), '}')
}

// jsonHint asks for JSON in words where there are tools.
func (w *writer) jsonHint(tools []codec.Tool) string {
	o := w.q.Output
	if len(tools) == 0 || o == nil || o.Kind == codec.OutputText {
		return ""
	}
	hint := "When you answer the user, answer with one JSON object and nothing else: no other words and no code fence."
	if len(o.Schema) > 0 {
		hint += " It must follow this JSON schema: " + string(o.Schema)
	}
	return hint
}

// budgets are limits of thinking in tokens for the efforts that want less than the model would do by itself.
var budgets = map[string]int64{"minimal": 1024, "low": 2048, "medium": 8192}

func (w *writer) appendThinking(dst []byte) []byte {
	r := w.q.Reasoning
	switch {
	case r == nil || !w.thinks:
		return dst
	case r.Disabled || r.Effort == "none":
		return append(rawjson.Key(dst, "thinking"), `{"type":"disabled"}`...)
	}
	budget := r.Budget
	if n, ok := budgets[r.Effort]; ok && budget == nil {
		budget = &n
	}
	if limit := w.q.MaxTokens; budget != nil && limit != nil && *budget >= *limit { // something must be left for the answer
		half := max(*limit/2, 1)
		budget = &half
	}
	dst = append(rawjson.Key(dst, "thinking"), `{"type":"enabled"`...)
	return append(rawjson.NumIf(dst, "token_budget", budget), '}')
}

// plain joins the texts among parts.
func plain(parts []codec.Part) string {
	var texts []string
	for i := range parts {
		if parts[i].Kind == codec.PartText {
			texts = append(texts, parts[i].Text)
		}
	}
	return strings.Join(texts, "\n")
}

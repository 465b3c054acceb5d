package bedrock

import (
	"encoding/json"
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/capability"
	"uniapi/codec/rawjson"
	"uniapi/codec/schema"
)

// writer writes one request.
type writer struct {
	q     *codec.Request
	own   bool // the request was in this format
	can   capabilities
	skip  int // cache points that are too many, to be left out from the front
	names map[string]int
	err   *codec.Error
}

func (w *writer) fail(param, message string) {
	if w.err == nil {
		w.err = codec.BadRequest(param, message)
	}
}

// EncodeRequest writes a Converse request. What the family of the model refuses is left out or said in its own way.
func (Format) EncodeRequest(dst []byte, q *codec.Request, model string) ([]byte, error) {
	w := &writer{q: q, own: q.Format == formatName, can: capabilitiesOf(q.For(capability.Converse, "bedrock", model))}
	if q.N != nil && *q.N > 1 {
		w.fail("n", "'n' must be 1: this provider gives one answer to a request")
	}
	system, list := alternation.Split(q.Messages, alternation.Options{Prepare: w.prepare})
	if last := &list[len(list)-1]; last.Role == codec.RoleAssistant {
		if p := &last.Parts[len(last.Parts)-1]; p.Kind == codec.PartText {
			p.Text = strings.TrimRight(p.Text, " \t\r\n") // space at the end is refused
		}
	}
	if q.Cache != nil {
		last := list[len(list)-1].Parts
		last[len(last)-1].Cache = q.Cache
	}
	if w.can.ResultsApart {
		list = apart(list)
	}
	tools := w.tools(list)
	system = append(system, w.hints(list)...)
	if w.can.noSystem && len(system) > 0 {
		list[0].Parts = append(slices.Clone(system), list[0].Parts...)
		system = nil
	}
	w.skip = max(0, w.countPoints(tools, system, list)-maxPoints)

	dst = append(dst, '{')
	dst = w.appendTools(dst, tools)
	if len(system) > 0 {
		dst = append(rawjson.Key(dst, "system"), '[')
		for i := range system {
			if system[i].Kind == codec.PartText {
				dst = w.appendPart(dst, &system[i])
			}
		}
		dst = append(dst, ']')
	}
	dst = w.appendTurns(dst, list)
	dst = w.appendInference(dst)
	dst = w.appendAdditional(dst)
	dst = w.appendOutput(dst)
	if w.own || w.q.ServiceTier == "priority" || w.q.ServiceTier == "flex" || w.q.ServiceTier == "default" {
		if tier := w.q.ServiceTier; tier != "" {
			dst = append(rawjson.Key(dst, "serviceTier"), '{')
			dst = append(rawjson.Str(dst, "type", tier), '}')
		}
	}
	for _, f := range q.Extra {
		if w.own && f.Name != "additionalModelRequestFields" {
			dst = rawjson.Field(dst, f.Name, f.Raw)
		}
	}
	if w.err != nil {
		return nil, w.err
	}
	return append(dst, '}'), nil
}

// apart puts the results of tools and the words of a turn into turns of their own. Since roles alternate, the model has
// said something between.
func apart(list []alternation.Turn) []alternation.Turn {
	isResult := func(p codec.Part) bool { return p.Kind == codec.PartToolResult }
	out := make([]alternation.Turn, 0, len(list))
	for _, t := range list {
		results := slices.DeleteFunc(slices.Clone(t.Parts), func(p codec.Part) bool { return !isResult(p) })
		if len(results) == 0 || len(results) == len(t.Parts) {
			out = append(out, t)
			continue
		}
		words := slices.DeleteFunc(slices.Clone(t.Parts), isResult)
		between := []codec.Part{{Kind: codec.PartText, Text: alternation.Filler}}
		out = append(out, alternation.Turn{Role: t.Role, Parts: results}, alternation.Turn{Role: codec.RoleAssistant, Parts: between}, alternation.Turn{Role: t.Role, Parts: words})
	}
	return out
}

// hints say in words what the format has no member for.
func (w *writer) hints(list []alternation.Turn) (hints []codec.Part) {
	say := func(text string) { hints = append(hints, codec.Part{Kind: codec.PartText, Text: text}) }
	if w.q.ToolChoice.Mode == codec.ToolNone && len(called(list)) > 0 {
		say("Do not call any tool.")
	}
	switch o := w.q.Output; {
	case o == nil:
	case o.Kind == codec.OutputJSON:
		say("Answer with one JSON object and nothing else: no other words and no code fence.")
	case w.emulates() && !w.can.name && !w.can.force:
		say("Give your answer by calling the tool " + answerTool + ".")
	}
	return hints
}

// emulates says whether the schema of the answer is asked for as that of a tool.
func (w *writer) emulates() bool {
	o := w.q.Output
	return o != nil && o.Kind == codec.OutputSchema && !w.can.schema
}

func (w *writer) appendInference(dst []byte) []byte {
	q := w.q
	before := len(dst)
	dst = append(rawjson.Key(dst, "inferenceConfig"), '{')
	empty := len(dst)
	dst = rawjson.NumIf(dst, "maxTokens", q.MaxTokens)
	temperature := q.Temperature
	if f, err := temperature.Float64(); err == nil && f > 1 && !w.own { // OpenAI's range goes to 2
		temperature = json.Number("1")
	}
	dst = rawjson.RawIf(dst, "temperature", temperature)
	dst = rawjson.RawIf(dst, "topP", q.TopP)
	if stops := slices.DeleteFunc(slices.Clone(q.Stop), alternation.Blank); len(stops) > 0 {
		dst = append(rawjson.Key(dst, "stopSequences"), '[')
		for _, s := range stops {
			dst = rawjson.AppendString(rawjson.Comma(dst), s)
		}
		dst = append(dst, ']')
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return append(dst, '}')
}

// appendAdditional writes what each family has a name of its own for.
func (w *writer) appendAdditional(dst []byte) []byte {
	if raw := w.q.Extra.Get("additionalModelRequestFields"); w.own && raw != nil {
		return rawjson.Field(dst, "additionalModelRequestFields", raw)
	}
	before := len(dst)
	dst = append(rawjson.Key(dst, "additionalModelRequestFields"), '{')
	empty := len(dst)
	if k := w.q.TopK; k != nil && w.can.TopK == "inferenceConfig" {
		dst = append(rawjson.Key(dst, "inferenceConfig"), '{')
		dst = append(rawjson.Num(dst, "topK", *k), '}')
	} else if k != nil && w.can.TopK != "" {
		dst = rawjson.Num(dst, w.can.TopK, *k)
	}
	switch effort := effortOf(w.q.Reasoning); {
	case effort == "":
	case w.can.EffortIn == "reasoningConfig":
		dst = append(rawjson.Key(dst, "reasoningConfig"), `{"type":"enabled"`...)
		dst = append(rawjson.Str(dst, "maxReasoningEffort", effort), '}')
	case w.can.EffortIn != "":
		dst = rawjson.Str(dst, w.can.EffortIn, effort)
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return append(dst, '}')
}

// effortOf is the wish for thinking as low, medium or high, which is all that these models know; "" for none.
func effortOf(r *codec.Reasoning) string {
	switch {
	case r == nil || r.Disabled || r.Effort == "none" || r.Budget != nil && *r.Budget <= 0:
		return ""
	case r.Effort == "minimal" || r.Effort == "low", r.Effort == "" && r.Budget != nil && *r.Budget <= 2048:
		return "low"
	case r.Effort == "medium", r.Effort == "" && (r.Budget == nil || *r.Budget <= 12_000):
		return "medium"
	}
	return "high"
}

func (w *writer) appendOutput(dst []byte) []byte {
	o := w.q.Output
	if o == nil || o.Kind != codec.OutputSchema || !w.can.schema {
		return dst
	}
	clean, err := schema.Clean(nil, o.Schema, schema.AnthropicOutput)
	if err != nil {
		w.fail("response_format", "'response_format.json_schema.schema' is not usable: "+err.Error())
	}
	if w.own {
		clean = o.Schema
	}
	name := o.Name
	if name == "" {
		name = "answer"
	}
	dst = append(rawjson.Key(dst, "outputConfig"), `{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{`...)
	dst = rawjson.Str(dst, "name", name)
	dst = rawjson.StrIf(dst, "description", o.Description)
	dst = rawjson.Str(dst, "schema", clean) // JSON within a string
	return append(dst, "}}}}"...)
}

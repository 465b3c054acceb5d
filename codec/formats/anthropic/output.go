package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/schema"
)

// AnswerTool is the name of the tool that stands for an answer in JSON of a schema at models that have no other way.
// The decoders turn a call of it back into text.
const AnswerTool = "answer_in_json"

// emulates says whether the schema of the answer is asked for as that of a tool.
func (w *writer) emulates() bool {
	o := w.q.Output
	return o != nil && o.Kind == codec.OutputSchema && !w.can.schema
}

// jsonHint asks for JSON in words where there is no other way.
func (w *writer) jsonHint() string {
	switch o := w.q.Output; {
	case o == nil:
		return ""
	case o.Kind == codec.OutputJSON:
		return "Answer with one JSON object and nothing else: no other words and no code fence."
	case w.emulates() && w.plan.thinks():
		return "Give your answer by calling the tool " + AnswerTool + "."
	}
	return ""
}

// appendOutputConfig writes effort, schema, and what else an output_config of this format had.
func (w *writer) appendOutputConfig(dst []byte) []byte {
	before := len(dst)
	dst = append(rawjson.Key(dst, "output_config"), '{')
	empty := len(dst)
	dst = rawjson.StrIf(dst, "effort", w.plan.effort)
	if o := w.q.Output; o != nil && o.Kind == codec.OutputSchema && w.can.schema {
		dst = append(rawjson.Key(dst, "format"), `{"type":"json_schema","schema":`...)
		if w.own && len(o.Schema) > 0 {
			dst = append(dst, o.Schema...)
		} else if clean, err := schema.Clean(dst, o.Schema, schema.AnthropicOutput); err != nil {
			w.fail("response_format", "'response_format.json_schema.schema' is not usable: "+err.Error())
		} else {
			dst = clean
		}
		dst = append(dst, '}')
	}
	if raw := w.q.Extra.Get("output_config"); w.own && raw != nil {
		if v, err := rawjson.One(raw); err == nil {
			for it := v.Members(raw); it.Next(); {
				if name := it.Name(); name != "effort" && name != "format" {
					dst = rawjson.Field(dst, name, it.Value.Raw(raw))
				}
			}
		}
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return append(dst, '}')
}

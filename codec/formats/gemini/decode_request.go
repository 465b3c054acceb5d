package gemini

import (
	"encoding/json"
	"strings"

	"uniapi/codec"
	"uniapi/codec/choice"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// DecodeRequest reads a generateContent request. Names may be written topP or top_p. What the model has no place for
// stays in Extra, members of generationConfig and toolConfig with that name and a dot before theirs.
func (Format) DecodeRequest(body []byte) (*codec.Request, error) { return decodeRequest(body, true) }

// decodeRequest reads one. A countTokens request may have the whole of it as generateContentRequest.
func decodeRequest(body []byte, counted bool) (*codec.Request, error) {
	q := &codec.Request{Format: formatName, IncludeUsage: true}
	r := &reader{fields.Reader{Data: body}}
	var system, conversation, asked rawjson.Value
	it := rawjson.MembersOf(body)
	for it.Next() {
		v := it.Value
		switch name := camel(it.Name()); name {
		case "contents":
			conversation = v
		case choice.Asked:
			asked = v
		case "systemInstruction":
			system = v
		case "tools":
			q.Tools = r.tools(v)
		case "toolConfig":
			r.toolConfig(q, v)
		case "generationConfig":
			r.config(q, v)
		case "model":
			q.Model = strings.TrimPrefix(r.Text(v, name), "models/")
		case "serviceTier":
			q.ServiceTier = tierWord(r.Text(v, name))
		default:
			q.Extra = append(q.Extra, codec.Field{Name: name, Raw: v.Raw(body)})
		}
	}
	if err := it.Err(); err != nil {
		return nil, codec.NotAnObject(err)
	}
	if counted && !conversation.Present() && asked.Kind == rawjson.Object {
		return decodeRequest(asked.Raw(body), false)
	}
	r.system(q, system)
	r.contents(q, conversation)
	if len(q.Messages) == 0 {
		r.Fail("contents", "must be an array with at least one content")
	}
	if r.Err != nil {
		return nil, r.Err
	}
	return q, nil
}

func tierWord(word string) string {
	word = strings.ToLower(word)
	if word == "standard" {
		return "default"
	}
	return word
}

// config reads generationConfig.
func (r *reader) config(q *codec.Request, v rawjson.Value) {
	const path = "generationConfig"
	if !r.Want(v, rawjson.Object, path) {
		return
	}
	var mime string
	var schema json.RawMessage
	for it := v.Members(r.Data); it.Next(); {
		v, name := it.Value, camel(it.Name())
		at := path + "." + name
		switch name {
		case "temperature":
			q.Temperature = r.Number(v, at)
		case "topP":
			q.TopP = r.Number(v, at)
		case "topK":
			q.TopK = r.integer(v, at)
		case "maxOutputTokens":
			q.MaxTokens = r.integer(v, at)
		case "candidateCount":
			q.N = r.integer(v, at)
		case "stopSequences":
			q.Stop = r.texts(v, at)
		case "seed":
			q.Seed = r.Number(v, at)
		case "presencePenalty":
			q.PresencePenalty = r.Number(v, at)
		case "frequencyPenalty":
			q.FrequencyPenalty = r.Number(v, at)
		case "responseLogprobs":
			q.LogProbs = r.Boolean(v, at)
		case "logprobs":
			q.TopLogProbs = r.integer(v, at)
		case "responseMimeType":
			mime = r.Text(v, at)
		case "responseSchema":
			schema = r.schema(v, at)
		case "responseJsonSchema":
			if r.Want(v, rawjson.Object, at) {
				schema = v.Raw(r.Data)
			}
		case "responseModalities":
			q.Modalities = r.texts(v, at)
			for i, m := range q.Modalities {
				q.Modalities[i] = strings.ToLower(m)
			}
		case "thinkingConfig":
			q.Reasoning = r.thinkingWish(v, at)
		default:
			q.Extra = append(q.Extra, codec.Field{Name: at, Raw: v.Raw(r.Data)})
		}
	}
	switch {
	case schema != nil:
		q.Output = &codec.OutputFormat{Kind: codec.OutputSchema, Schema: schema, Bare: mime == "text/x.enum"}
	case mime == "application/json":
		q.Output = &codec.OutputFormat{Kind: codec.OutputJSON}
	case mime != "" && mime != "text/plain":
		q.Extra = append(q.Extra, codec.Field{Name: path + ".responseMimeType", Raw: rawjson.AppendString(nil, mime)})
	}
}

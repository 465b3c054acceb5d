package gemini

import (
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/modifier"
	"uniapi/codec/rawjson"
	"uniapi/codec/schema"
)

const (
	maxOutput       = 65536 // tokens that AI Studio takes in maxOutputTokens
	maxOutputVertex = 65535
)

// EncodeRequest writes a generateContent request. The modifiers of the name in q.Model that mean something to Gemini
// are read here.
func (f Format) EncodeRequest(dst []byte, q *codec.Request, model string) ([]byte, error) {
	t := capabilities{f.target(q, model)}
	search := modifier.Read(q.Model, model).Search
	q = modifier.Apply(q, model)
	hint := jsonHint(q, t)
	c := &contents{format: f, capabilities: t, own: q.Format == formatName}
	dst, err := c.append(append(dst, '{'), q, hint)
	if err != nil {
		return dst, err
	}
	if dst, err = f.appendTools(dst, q, t, search); err != nil {
		return dst, err
	}
	dst = appendSafety(dst, q, t)
	before := len(dst)
	dst = append(rawjson.Key(dst, "generationConfig"), '{')
	empty := len(dst)
	if dst, err = f.appendConfig(dst, q, model, t, hint != ""); err != nil {
		return dst, err
	}
	if len(dst) == empty {
		dst = dst[:before]
	} else {
		dst = append(dst, '}')
	}
	dst = rawjson.RawIf(dst, "cachedContent", knob(q, "cachedContent"))
	if f.Vertex {
		dst = rawjson.RawIf(dst, "labels", knob(q, "labels"))
	} else {
		dst = rawjson.StrIf(dst, "serviceTier", serviceTiers[q.ServiceTier])
	}
	if q.Format == formatName {
		for _, x := range q.Extra {
			if !strings.Contains(x.Name, ".") && !knobs[x.Name] {
				dst = rawjson.Field(dst, x.Name, x.Raw)
			}
		}
	}
	return append(dst, '}'), nil
}

var serviceTiers = map[string]string{"flex": "flex", "priority": "priority", "default": "standard", "standard": "standard"}

// knobs are the members of Google's that a client of any format may send along: at the top, or where Google's own
// OpenAI endpoint has them, in extra_body.google or google.
var knobs = map[string]bool{"thinkingConfig": true, "safetySettings": true, "cachedContent": true, "labels": true, "imageConfig": true,
	"speechConfig": true}

func knob(q *codec.Request, name string) []byte {
	for _, f := range q.Extra {
		switch key := camel(f.Name); key {
		case name:
			return f.Raw
		case "google", "extraBody":
			v, err := rawjson.One(f.Raw)
			if err != nil {
				continue
			}
			if key == "extraBody" {
				if inner := member(f.Raw, v, "google"); inner.Kind == rawjson.Object {
					v = inner
				}
			}
			if found := member(f.Raw, v, name); found.Present() {
				return found.Raw(f.Raw)
			}
		}
	}
	return nil
}

// safetyCategories are those that uni-api sets: nothing is to be blocked unless the client says so.
var safetyCategories = [...]string{"HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY"}

func appendSafety(dst []byte, q *codec.Request, t capabilities) []byte {
	if raw := knob(q, "safetySettings"); raw != nil {
		return rawjson.RawIf(dst, "safetySettings", raw)
	}
	threshold := "BLOCK_NONE"
	if t.has("safety_off") {
		threshold = "OFF"
	}
	dst = append(rawjson.Key(dst, "safetySettings"), '[')
	for _, category := range safetyCategories {
		if category == "CIVIC_INTEGRITY" {
			threshold = "BLOCK_NONE"
		}
		dst = append(rawjson.Comma(dst), '{')
		dst = rawjson.Str(dst, "category", "HARM_CATEGORY_"+category)
		dst = append(rawjson.Str(dst, "threshold", threshold), '}')
	}
	return append(dst, ']')
}

// appendConfig writes the members of generationConfig.
func (f Format) appendConfig(dst []byte, q *codec.Request, model string, t capabilities, hinted bool) ([]byte, error) {
	dst = rawjson.RawIf(dst, "temperature", q.Temperature)
	dst = rawjson.RawIf(dst, "topP", q.TopP)
	dst = rawjson.NumIf(dst, "topK", q.TopK)
	if q.MaxTokens != nil {
		most := int64(maxOutput)
		if f.Vertex {
			most = maxOutputVertex
		}
		dst = rawjson.Num(dst, "maxOutputTokens", min(*q.MaxTokens, most))
	}
	if q.N != nil && *q.N > 1 {
		dst = rawjson.Num(dst, "candidateCount", *q.N)
	}
	dst = appendStops(dst, q.Stop, t)
	if n, err := strconv.ParseInt(string(q.Seed), 10, 64); err == nil {
		dst = rawjson.Num(dst, "seed", n&0x7fffffff) // Google's is 32 bits wide and refuses more
	}
	if t.has("penalties") {
		dst = penalty(dst, "presencePenalty", string(q.PresencePenalty))
		dst = penalty(dst, "frequencyPenalty", string(q.FrequencyPenalty))
	}
	if q.LogProbs != nil && *q.LogProbs {
		dst = append(rawjson.Key(dst, "responseLogprobs"), "true"...)
		dst = rawjson.NumIf(dst, "logprobs", q.TopLogProbs)
	}
	dst, err := appendOutput(dst, q, t, hinted)
	if err != nil {
		return dst, err
	}
	dst = appendModalities(dst, q, model, t)
	dst = rawjson.RawIf(dst, "imageConfig", knob(q, "imageConfig"))
	dst = f.appendThinking(dst, q, t)
	if q.Format == formatName {
		for _, x := range q.Extra {
			if name, ok := strings.CutPrefix(x.Name, "generationConfig."); ok {
				dst = rawjson.Field(dst, name, x.Raw)
			}
		}
	}
	return dst, nil
}

func appendStops(dst []byte, stops []string, t capabilities) []byte {
	var list []string
	for _, s := range stops {
		if s != "" && (t.Stops == nil || len(list) < *t.Stops) {
			list = append(list, s)
		}
	}
	if list == nil {
		return dst
	}
	return appendTexts(dst, "stopSequences", list)
}

// penalty writes one that is not zero, which chat interfaces send without meaning anything by it.
func penalty(dst []byte, name, number string) []byte {
	if x, err := strconv.ParseFloat(number, 64); err != nil || x == 0 {
		return dst
	}
	return rawjson.RawIf(dst, name, number)
}

// toolsForbidJSON says whether the model refuses to combine functions with a JSON answer.
func toolsForbidJSON(q *codec.Request, t capabilities) bool {
	if t.has("json_with_tools") {
		return false
	}
	for _, tool := range q.Tools {
		if tool.Kind != codec.ToolHosted {
			return true
		}
	}
	return false
}

// jsonHint is what is said in the instructions where the form of the answer cannot be set, "" where it can.
func jsonHint(q *codec.Request, t capabilities) string {
	if q.Output == nil || q.Output.Kind == codec.OutputText || !toolsForbidJSON(q, t) && t.has("json") {
		return ""
	}
	if q.Output.Kind == codec.OutputSchema {
		return "Answer with JSON and nothing else. It must match this JSON schema: " + string(q.Output.Schema)
	}
	return "Answer with a JSON object and nothing else."
}

func appendOutput(dst []byte, q *codec.Request, t capabilities, hinted bool) ([]byte, error) {
	if q.Output == nil || hinted || q.Output.Kind == codec.OutputText {
		return dst, nil
	}
	dst = rawjson.Str(dst, "responseMimeType", "application/json")
	if q.Output.Kind != codec.OutputSchema || len(q.Output.Schema) == 0 {
		return dst, nil
	}
	dst, err := appendSchema(dst, "responseJsonSchema", "responseSchema", q.Output.Schema, t)
	if err != nil {
		return dst, codec.BadRequest("response_format.json_schema.schema", err.Error())
	}
	return dst, nil
}

// appendSchema writes a schema under the name of the member that takes JSON schema, or of that which takes only a part
// of it, by what the model has.
func appendSchema(dst []byte, name, older string, raw []byte, t capabilities) ([]byte, error) {
	if t.openAPI() {
		return schema.Clean(rawjson.Key(dst, older), raw, schema.Gemini)
	}
	return schema.Clean(rawjson.Key(dst, name), raw, schema.GeminiJSON)
}

// defaultVoice is uni-api's. OpenAI's names of voices mean nothing here and become it.
const defaultVoice = "Kore"

var openAIVoices = map[string]bool{"alloy": true, "ash": true, "ballad": true, "coral": true, "echo": true, "fable": true, "nova": true,
	"onyx": true, "sage": true, "shimmer": true, "verse": true, "marin": true, "cedar": true}

func appendModalities(dst []byte, q *codec.Request, model string, t capabilities) []byte {
	var list []string
	for _, m := range q.Modalities {
		list = append(list, strings.ToUpper(m))
	}
	speaks := t.has("speech")
	for _, m := range list {
		speaks = speaks || m == "AUDIO"
	}
	switch {
	case speaks:
		list = []string{"AUDIO"} // with others beside it the request is refused
	case list == nil && strings.HasSuffix(model, "-image-generation"):
		list = []string{"TEXT", "IMAGE"}
	}
	if list == nil {
		return dst
	}
	dst = appendTexts(dst, "responseModalities", list)
	if !speaks || q.Extra.Get("generationConfig.speechConfig") != nil {
		return dst
	}
	if raw := knob(q, "speechConfig"); raw != nil {
		return rawjson.RawIf(dst, "speechConfig", raw)
	}
	voice := ""
	if audio := q.Extra.Get("audio"); audio != nil {
		if v, err := rawjson.One(audio); err == nil {
			voice, _ = rawjson.Text(audio, v.Get(audio, "voice"))
		}
	}
	if voice == "" || openAIVoices[voice] {
		voice = defaultVoice
	}
	dst = append(rawjson.Key(dst, "speechConfig"), `{"voiceConfig":{"prebuiltVoiceConfig":{`...)
	return append(rawjson.Str(dst, "voiceName", voice), "}}}"...)
}

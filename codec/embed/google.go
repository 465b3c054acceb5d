package embed

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/rawjson"
	"uniapi/codec/saturate"
)

// Google is the upstream: AI Studio, or Vertex AI.
type Google struct{ Vertex bool }

// How an upstream is asked, which is also the end of its address behind a colon.
const (
	embedContent      = "embedContent"       // one input
	batchEmbedContent = "batchEmbedContents" // several, AI Studio only
	predict           = "predict"            // Vertex's older models
)

// Method is the word behind the colon in the address for so many inputs of a model.
func (g Google) Method(model string, inputs int) string {
	switch {
	case g.Vertex && !newGeneration(model):
		return predict
	case g.Vertex || inputs == 1:
		return embedContent
	}
	return batchEmbedContent
}

// Most is how many inputs one request of a model may have. Who has more asks several times and puts the answers together with Response.Add.
func (g Google) Most(model string) int {
	switch name := bare(model); {
	case !g.Vertex:
		return 100
	case strings.HasPrefix(name, "gemini-embedding"):
		return 1
	}
	return 250
}

// newGeneration says whether a model on Vertex is asked as AI Studio is. gemini-embedding-001 and the text-embedding models are not yet.
func newGeneration(model string) bool {
	name := bare(model)
	return strings.HasPrefix(name, "gemini-embedding-") && !strings.HasPrefix(name, "gemini-embedding-001")
}

// bare is a model's name without what stands before it in Google's resource names.
func bare(model string) string { return model[strings.LastIndexByte(model, '/')+1:] }

// EncodeRequest appends the body for the address that Method names. The error is a *codec.Error if there are more inputs than Most.
func (g Google) EncodeRequest(dst []byte, q *Request, model string) ([]byte, error) {
	if most := g.Most(model); len(q.Inputs) > most {
		return dst, codec.BadRequest("input", "'input' has "+strconv.Itoa(len(q.Inputs))+" texts, but the upstream takes "+strconv.Itoa(most)+" of this model: send fewer at once")
	}
	dst = append(dst, '{')
	switch g.Method(model, len(q.Inputs)) {
	case predict:
		dst = append(rawjson.Key(dst, "instances"), '[')
		for i, text := range q.Inputs {
			dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "content", text)
			if q.asked != nil {
				dst = rawjson.StrIf(dst, "title", q.asked[i].title)
			}
			dst = append(rawjson.StrIf(dst, "task_type", q.TaskType), '}')
		}
		dst = append(dst, ']')
		if q.Dimensions != nil {
			dst = append(rawjson.Key(dst, "parameters"), '{')
			dst = append(rawjson.Num(dst, "outputDimensionality", *q.Dimensions), '}')
		}
	case embedContent:
		dst = g.appendContent(dst, q, 0, model)
	default:
		dst = append(rawjson.Key(dst, "requests"), '[')
		for i := range q.Inputs {
			dst = append(g.appendContent(append(rawjson.Comma(dst), '{'), q, i, model), '}')
		}
		dst = append(dst, ']')
	}
	return append(dst, '}'), nil
}

// appendContent writes the members of an embedContent request for one of the inputs.
func (g Google) appendContent(dst []byte, q *Request, i int, model string) []byte {
	if !g.Vertex {
		if !strings.Contains(model, "/") {
			model = "models/" + model
		}
		if q.asked != nil {
			return q.asked[i].append(dst, model)
		}
		dst = rawjson.Str(dst, "model", model)
	}
	dst = append(rawjson.Key(dst, "content"), '{')
	if g.Vertex {
		dst = rawjson.Str(dst, "role", "user") // which Vertex wants in every content
	}
	dst = rawjson.Key(dst, "parts")
	if q.asked != nil {
		dst = rawjson.StrIf(append(append(dst, q.asked[i].partsAsTheyCame()...), '}'), "title", q.asked[i].title)
	} else {
		dst = append(rawjson.Str(append(dst, "[{"...), "text", q.Inputs[i]), "}]}"...)
	}
	dst = rawjson.StrIf(dst, "taskType", q.TaskType)
	return rawjson.NumIf(dst, "outputDimensionality", q.Dimensions)
}

// DecodeResponse reads an answer in any of the three forms to the inputs of q. What is kept of body is valid as long as that. The error is a
// *codec.Error.
func (g Google) DecodeResponse(body []byte, q *Request) (*Response, error) {
	a := &Response{data: bytes.TrimSpace(body)}
	var err error
	counted, failed := int64(0), false
	it := rawjson.MembersOf(a.data)
	for it.Next() && err == nil {
		switch v := it.Value; it.Name() {
		case "embedding":
			err = a.read(v, len(q.Inputs))
		case "embeddings":
			for one := v.Elements(a.data); one.Next() && err == nil; {
				err = a.read(one.Value, len(q.Inputs))
			}
		case "predictions":
			for one := v.Elements(a.data); one.Next() && err == nil; {
				err = a.read(one.Value.Get(a.data, "embeddings"), len(q.Inputs))
			}
		case "usageMetadata":
			u, _ := codec.ReadUsage(a.data, v)
			counted = u.Prompt
		case "error":
			failed = v.Present()
		}
	}
	if failed || it.Err() != nil {
		e := gemini.Format{}.DecodeError(502, "", a.data)
		e.InAnswer, e.Class = true, codec.Semantic
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	if got, want := len(a.vectors), len(q.Inputs); got != want {
		return nil, codec.NoAnswer("the upstream returned " + strconv.Itoa(got) + " embeddings for " + strconv.Itoa(want) + " inputs")
	}
	if counted > 0 {
		a.Usage.Prompt = counted
	}
	if a.Usage.Prompt == 0 {
		a.Usage = codec.Usage{Prompt: q.estimate(), Estimated: true}
	}
	return a, nil
}

// estimate is about how many tokens the inputs have where the upstream does not count: four characters to one, and of what a client of Google's asks all that
// it says, titles, images and files among it.
func (q *Request) estimate() (n int64) {
	for _, one := range q.asked {
		n = saturate.Add(n, max(estimate.Request(one.body), 1))
	}
	if q.asked == nil {
		for _, t := range q.Inputs {
			n += int64(utf8.RuneCountInString(t)+3) / 4
		}
	}
	return n
}

package gemini

import (
	"bytes"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/embed"
	"uniapi/codec/rawjson"
)

// Embeddings are Google's: AI Studio's, or Vertex AI's.
type Embeddings struct {
	Vertex bool
	Batch  bool // of a client that asks for several at once
}

var (
	_ embed.Client   = Embeddings{}
	_ embed.Upstream = Embeddings{}
	_ embed.Embedder = Format{}
)

// Embeddings implements embed.Embedder.
func (f Format) Embeddings() embed.Upstream { return Embeddings{Vertex: f.Vertex} }

// Takes implements embed.Upstream. AI Studio is asked as the client asked.
func (g Embeddings) Takes(q *embed.Request) error {
	if g.Vertex {
		return q.Plain()
	}
	return nil
}

// How an upstream is asked, which is also the end of its address behind a colon.
const (
	embedContent      = "embedContent"       // one input
	batchEmbedContent = "batchEmbedContents" // several, AI Studio only
	embedPredict      = "predict"            // Vertex's older models
)

// Method is the word behind the colon in the address for so many inputs of a model.
func (g Embeddings) Method(model string, inputs int) string {
	switch {
	case g.Vertex && !newGeneration(model):
		return embedPredict
	case g.Vertex || inputs == 1:
		return embedContent
	}
	return batchEmbedContent
}

// Most is how many inputs one request of a model may have. Who has more asks several times and puts the answers
// together with Response.Add.
func (g Embeddings) Most(model string) int {
	switch name := bare(model); {
	case !g.Vertex:
		return 100
	case strings.HasPrefix(name, "gemini-embedding"):
		return 1
	}
	return 250
}

// newGeneration says whether a model on Vertex is asked as AI Studio is. gemini-embedding-001 and the text-embedding
// models are not yet.
func newGeneration(model string) bool {
	name := bare(model)
	return strings.HasPrefix(name, "gemini-embedding-") && !strings.HasPrefix(name, "gemini-embedding-001")
}

// bare is a model's name without what stands before it in Google's resource names.
func bare(model string) string { return model[strings.LastIndexByte(model, '/')+1:] }

// EncodeRequest appends the body for the address that Method names. The error is a *codec.Error if there are more
// inputs than Most.
func (g Embeddings) EncodeRequest(dst []byte, q *embed.Request, model string) ([]byte, error) {
	if most := g.Most(model); len(q.Inputs) > most {
		return dst, codec.BadRequest("input", "'input' has "+strconv.Itoa(len(q.Inputs))+" texts, but the upstream takes "+strconv.Itoa(most)+" of this model: send fewer at once")
	}
	dst = append(dst, '{')
	switch g.Method(model, len(q.Inputs)) {
	case embedPredict:
		dst = append(rawjson.Key(dst, "instances"), '[')
		for i, text := range q.Inputs {
			dst = rawjson.Str(append(rawjson.Comma(dst), '{'), "content", text)
			if q.Asked != nil {
				dst = rawjson.StrIf(dst, "title", q.Asked[i].Title)
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
func (g Embeddings) appendContent(dst []byte, q *embed.Request, i int, model string) []byte {
	if !g.Vertex {
		if !strings.Contains(model, "/") {
			model = "models/" + model
		}
		if q.Asked != nil {
			return appendAsked(dst, &q.Asked[i], model)
		}
		dst = rawjson.Str(dst, "model", model)
	}
	dst = append(rawjson.Key(dst, "content"), '{')
	if g.Vertex {
		dst = rawjson.Str(dst, "role", "user") // which Vertex wants in every content
	}
	dst = rawjson.Key(dst, "parts")
	if q.Asked != nil {
		dst = rawjson.StrIf(append(append(dst, q.Asked[i].Parts...), '}'), "title", q.Asked[i].Title)
	} else {
		dst = append(rawjson.Str(append(dst, "[{"...), "text", q.Inputs[i]), "}]}"...)
	}
	dst = rawjson.StrIf(dst, "taskType", q.TaskType)
	return rawjson.NumIf(dst, "outputDimensionality", q.Dimensions)
}

// DecodeResponse reads an answer in any of the three forms to the inputs of q. What is kept of body is valid as long as
// that. The error is a *codec.Error.
func (g Embeddings) DecodeResponse(body []byte, q *embed.Request) (*embed.Response, error) {
	a := &embed.Response{Data: bytes.TrimSpace(body)}
	var err error
	counted, failed := int64(0), false
	it := rawjson.MembersOf(a.Data)
	for it.Next() && err == nil {
		switch v := it.Value; it.Name() {
		case "embedding":
			err = readVector(a, v, len(q.Inputs))
		case "embeddings":
			for one := v.Elements(a.Data); one.Next() && err == nil; {
				err = readVector(a, one.Value, len(q.Inputs))
			}
		case "predictions":
			for one := v.Elements(a.Data); one.Next() && err == nil; {
				err = readVector(a, one.Value.Get(a.Data, "embeddings"), len(q.Inputs))
			}
		case "usageMetadata":
			u, _ := codec.ReadUsage(a.Data, v)
			counted = u.Prompt
		case "error":
			failed = v.Present()
		}
	}
	if failed || it.Err() != nil {
		e := Format{}.DecodeError(502, "", a.Data)
		e.InAnswer, e.Class = true, codec.Semantic
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	if got, want := len(a.Vectors), len(q.Inputs); got != want {
		return nil, codec.NoAnswer("the upstream returned " + strconv.Itoa(got) + " embeddings for " + strconv.Itoa(want) + " inputs")
	}
	if counted > 0 {
		a.Usage.Prompt = counted
	}
	if a.Usage.Prompt == 0 {
		a.Usage = codec.Usage{Prompt: q.Estimate(), Estimated: true}
	}
	return a, nil
}

// readVector takes a vector and the count of its input's tokens out of v. There may be as many as were asked for.
func readVector(a *embed.Response, v rawjson.Value, most int) error {
	if len(a.Vectors) == most {
		return codec.NoAnswer("the upstream returned more embeddings than the " + strconv.Itoa(most) + " that were asked for")
	}
	var values rawjson.Value
	for it := v.Members(a.Data); it.Next(); {
		switch it.Name() {
		case "values":
			values = it.Value
		case "statistics": // of Vertex
			var u codec.Usage
			u.Read(&u.Prompt, 0, a.Data, it.Value.Get(a.Data, "token_count"))
			a.Usage.Add(u)
		}
	}
	vector, err := a.Numbers(values)
	if err == nil {
		a.Vectors = append(a.Vectors, vector)
	}
	return err
}

package openai

import (
	"bytes"
	"strconv"

	"uniapi/codec"
	"uniapi/codec/embed"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// Embeddings are those of OpenAI's API, for clients and upstreams whose other side has them in another format.
type Embeddings struct{}

var (
	_ embed.Client   = Embeddings{}
	_ embed.Upstream = Embeddings{}
	_ embed.Embedder = Format{}
)

// Embeddings implements embed.Embedder.
func (Format) Embeddings() embed.Upstream { return Embeddings{} }

// DecodeRequest implements embed.Client.
func (Embeddings) DecodeRequest(body []byte) (*embed.Request, error) {
	q := &embed.Request{}
	r := fields.Reader{Data: body}
	var input rawjson.Value
	it := rawjson.MembersOf(body)
	for it.Next() {
		switch v, name := it.Value, it.Name(); name {
		case "model":
			q.Model = r.Text(v, name)
		case "input":
			input = v
		case "dimensions":
			if q.Dimensions = r.Integer(v, name); q.Dimensions != nil && *q.Dimensions < 1 {
				r.Fail(name, "must be 1 or more")
			}
		case "encoding_format":
			switch word := r.Text(v, name); word {
			case "base64", "float", "":
				q.Base64 = word == "base64"
			default:
				r.Fail(name, "must be float or base64")
			}
		case "task_type", "taskType":
			q.TaskType = r.Text(v, name)
		}
	}
	if err := it.Err(); err != nil {
		return nil, codec.NotAnObject(err)
	}
	q.Inputs = readInputs(&r, input)
	if r.Err != nil {
		return nil, r.Err
	}
	return q, nil
}

// readInputs reads a text or a list of texts. OpenAI's models also take tokens; they are numbers of a vocabulary that
// no other model has.
func readInputs(r *fields.Reader, v rawjson.Value) []string {
	switch v.Kind {
	case rawjson.String:
		return []string{inputText(r, v, "input")}
	case rawjson.Array:
	case rawjson.Missing, rawjson.Null:
		r.Fail("input", "is missing: it must be a text or a list of texts")
		return nil
	default:
		r.Fail("input", "must be a text or a list of texts, not "+v.Kind.String())
		return nil
	}
	var texts []string
	for it := v.Elements(r.Data); it.Next(); {
		if len(texts) == embed.MaxInputs {
			r.Fail("input", "has more than "+strconv.Itoa(embed.MaxInputs)+" texts: send fewer at once")
			return nil
		}
		if it.Value.Kind == rawjson.Number || it.Value.Kind == rawjson.Array {
			r.Fail("input", "is a list of tokens, which only OpenAI's models can read: send the text itself")
			return nil
		}
		texts = append(texts, inputText(r, it.Value, "input["+strconv.Itoa(len(texts))+"]"))
	}
	if texts == nil {
		r.Fail("input", "must not be empty")
	}
	return texts
}

func inputText(r *fields.Reader, v rawjson.Value, path string) string {
	if v.Kind != rawjson.String { // a null, too: each input has its vector
		r.Fail(path, "must be a string, not "+v.Kind.String())
		return ""
	}
	text := r.Text(v, path)
	if text == "" {
		r.Fail(path, "must not be an empty text")
	}
	return text
}

// EncodeResponse implements embed.Client.
func (Embeddings) EncodeResponse(dst []byte, a *embed.Response, q *embed.Request) []byte {
	dst = append(dst, `{"object":"list","data":[`...)
	for i, v := range a.Vectors {
		dst = rawjson.Num(append(rawjson.Comma(dst), `{"object":"embedding"`...), "index", int64(i))
		dst = rawjson.Key(dst, "embedding")
		if q.Base64 {
			dst = v.AppendBase64(dst)
		} else {
			dst = v.AppendNumbers(dst)
		}
		dst = append(dst, '}')
	}
	dst = rawjson.Str(append(dst, ']'), "model", q.Model)
	dst = append(rawjson.Key(dst, "usage"), '{')
	dst = rawjson.Num(dst, "prompt_tokens", a.Usage.Prompt)
	return append(rawjson.Num(dst, "total_tokens", a.Usage.Sum()), "}}"...)
}

// Takes implements embed.Upstream: texts, and one length and purpose for all of them.
func (Embeddings) Takes(q *embed.Request) error { return q.Plain() }

// Most implements embed.Upstream.
func (Embeddings) Most(string) int { return embed.MaxInputs }

// Method implements embed.Upstream.
func (Embeddings) Method(string, int) string { return "" }

// EncodeRequest implements embed.Upstream.
func (Embeddings) EncodeRequest(dst []byte, q *embed.Request, model string) ([]byte, error) {
	dst = rawjson.Str(append(dst, '{'), "model", model)
	dst = append(rawjson.Key(dst, "input"), '[')
	for _, text := range q.Inputs {
		dst = rawjson.AppendString(rawjson.Comma(dst), text)
	}
	dst = rawjson.Str(append(dst, ']'), "encoding_format", "float")
	return append(rawjson.NumIf(dst, "dimensions", q.Dimensions), '}'), nil
}

// DecodeResponse implements embed.Upstream.
func (Embeddings) DecodeResponse(body []byte, q *embed.Request) (*embed.Response, error) {
	a := &embed.Response{Data: bytes.TrimSpace(body)}
	top, err := rawjson.One(a.Data)
	if err != nil || top.Kind != rawjson.Object {
		return nil, codec.NoAnswer("the upstream's answer is not a JSON object")
	}
	a.Vectors = make([]embed.Vector, len(q.Inputs)) // embed.MaxInputs at most
	n, r := 0, fields.Reader{Data: a.Data}
	for it := top.Get(a.Data, "data").Elements(a.Data); it.Next(); n++ {
		at := n
		if index := r.Integer(it.Value.Get(a.Data, "index"), "index"); index != nil {
			at = int(min(max(*index, -1), embed.MaxInputs))
		}
		if at < 0 || at >= len(a.Vectors) || !a.Vectors[at].None() {
			return nil, codec.NoAnswer("the upstream returned other embeddings than one for each of " + strconv.Itoa(len(q.Inputs)) + " inputs")
		}
		if a.Vectors[at], err = a.VectorOf(it.Value.Get(a.Data, "embedding")); err != nil {
			return nil, err
		}
	}
	if n != len(q.Inputs) {
		return nil, codec.NoAnswer("the upstream returned " + strconv.Itoa(n) + " embeddings for " + strconv.Itoa(len(q.Inputs)) + " inputs")
	}
	a.Usage, _ = codec.ReadUsage(a.Data, top.Get(a.Data, "usage"))
	return a, nil
}

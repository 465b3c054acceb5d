// Package embed translates embeddings: requests of OpenAI's clients to Google's three ways of asking, those of Google's clients to
// OpenAI's, and the answers back.
//
// Between OpenAI's clients and providers that speak the same the bytes pass through, and nothing here is used. What a client of Google's
// asks Google goes as it came, but for the model's name.
package embed

import (
	"strconv"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// MaxInputs is how many texts a request may have: as many as OpenAI's API takes. Google takes 100 and less at once, so that one request becomes many.
const MaxInputs = 2048

// Request is a client's request for embeddings.
type Request struct {
	Model  string // that the client asked for
	Inputs []string
	// Dimensions is how long the vectors shall be; nil is as long as the model makes them.
	Dimensions *int64
	// Base64 is whether the client wants vectors as base64 of little-endian float32, as OpenAI's Python SDK does without saying so.
	Base64 bool
	// TaskType is Google's word for what the vectors are for, such as RETRIEVAL_QUERY; OpenAI has no such member, but clients that know
	// whom they ask send it along. "" leaves it to the model.
	TaskType string

	asked  []asked // by a client of Google's, one for each of the inputs; nil of others
	differ bool    // not all of these have the same dimensions and purpose
}

// DecodeRequest reads the body of /v1/embeddings. The error is a *codec.Error with status 400.
func DecodeRequest(body []byte) (*Request, error) {
	q := &Request{}
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
		return nil, codec.BadRequest("", "the request body is not a valid JSON object: "+err.Error())
	}
	q.Inputs = readInputs(&r, input)
	if r.Err != nil {
		return nil, r.Err
	}
	return q, nil
}

// readInputs reads a text or a list of texts. OpenAI's models also take tokens; they are numbers of a vocabulary that no other model has.
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
		if len(texts) == MaxInputs {
			r.Fail("input", "has more than "+strconv.Itoa(MaxInputs)+" texts: send fewer at once")
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

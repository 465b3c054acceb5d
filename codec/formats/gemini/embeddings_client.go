package gemini

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/choice"
	"uniapi/codec/embed"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// DecodeRequest implements embed.Client: it reads the body of :embedContent or, of several requests,
// :batchEmbedContents.
func (g Embeddings) DecodeRequest(body []byte) (*embed.Request, error) {
	q, r := &embed.Request{}, fields.Reader{Data: body}
	top, err := rawjson.One(body)
	switch {
	case err != nil:
		return nil, codec.NotAnObject(err)
	case top.Kind != rawjson.Object:
		return nil, codec.BadRequest("", "the request body must be a JSON object, not "+top.Kind.String())
	case !g.Batch:
		readAsked(q, &r, top, "")
		return q, failed(&r)
	}
	requests := top.Get(body, "requests")
	if requests.Kind != rawjson.Array {
		return nil, codec.BadRequest("requests", "'requests' must be a list of requests, each with a content")
	}
	for it := requests.Elements(body); it.Next() && r.Err == nil; {
		if len(q.Asked) == embed.MaxInputs {
			r.Fail("requests", "has more than "+strconv.Itoa(embed.MaxInputs)+" requests: send fewer at once")
			break
		}
		readAsked(q, &r, it.Value, "requests["+strconv.Itoa(len(q.Asked))+"].")
	}
	if len(q.Asked) == 0 {
		r.Fail("requests", "must not be empty")
	}
	return q, failed(&r)
}

// onlyAddressed refuses a request that names models in other members than its address.
func onlyAddressed(names []choice.Name, err error) *codec.Error {
	switch bad, _ := errors.AsType[*codec.Error](err); {
	case bad != nil:
		return bad
	case len(names) > 0:
		return codec.BadRequest(names[0].In, "'"+names[0].In+"' can name other models than the one in the address: leave it out")
	}
	return nil
}

func failed(r *fields.Reader) error {
	if r.Err != nil {
		return r.Err
	}
	return nil
}

// readAsked reads one request. All of a batch are to be of one length and purpose
// where they go to a provider that is told these once.
func readAsked(q *embed.Request, r *fields.Reader, v rawjson.Value, path string) {
	if v.Kind != rawjson.Object {
		r.Fail(strings.TrimSuffix(path, "."), "must be an object, not "+v.Kind.String())
		return
	}
	one := embed.Asked{Body: v.Raw(r.Data)}
	if r.Err = onlyAddressed(choice.Names(one.Body, false)); r.Err != nil { // of others: what passes as it came may not choose the model
		return
	}
	var dimensions *int64
	var task string
	var parts rawjson.Value
	for it := v.Members(r.Data); it.Next(); {
		switch name := it.Name(); name {
		case "content":
			parts = it.Value.Get(r.Data, "parts")
		case "outputDimensionality", "output_dimensionality":
			if dimensions = r.Integer(it.Value, path+name); dimensions != nil && *dimensions < 1 {
				r.Fail(path+name, "must be 1 or more")
			}
		case "taskType", "task_type":
			task = r.Text(it.Value, path+name)
		case "title":
			one.Title = r.Text(it.Value, path+name)
		}
	}
	one.Parts = parts.Raw(r.Data)
	text := readParts(&one, r, parts, path)
	if len(q.Asked) == 0 {
		q.Dimensions, q.TaskType = dimensions, task
	}
	q.Differ = q.Differ || !same(q.Dimensions, dimensions) || q.TaskType != task
	q.Asked, q.Inputs = append(q.Asked, one), append(q.Inputs, text)
}

// readParts is the text of a content. Several parts have one vector together.
func readParts(one *embed.Asked, r *fields.Reader, parts rawjson.Value, path string) string {
	var texts []string
	n := 0
	for it := parts.Elements(r.Data); it.Next(); n++ {
		if text := it.Value.Get(r.Data, "text"); text.Kind == rawjson.String {
			texts = append(texts, r.Text(text, path+"content.parts["+strconv.Itoa(n)+"].text"))
			continue
		}
		for member := it.Value.Members(r.Data); member.Next() && one.Other == ""; {
			one.Other = path + "content.parts[" + strconv.Itoa(n) + "]." + member.Name()
		}
	}
	if n == 0 {
		r.Fail(path+"content", "is missing or has no parts: it is {\"parts\": [{\"text\": …}]}")
	}
	return strings.Join(texts, "\n")
}

func same(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

// appendAsked appends a client's own request with the name of the upstream's model,
// without the braces.
func appendAsked(dst []byte, one *embed.Asked, model string) []byte {
	var s rawjson.Splicer
	s.Set("model", rawjson.AppendString(nil, model))
	parts, err := s.Parts(nil, one.Body)
	if err != nil { // it has been read as an object before
		return dst
	}
	whole := bytes.TrimSpace(bytes.Join(parts, nil))
	return append(dst, whole[1:len(whole)-1]...)
}

// EncodeResponse implements embed.Client.
func (g Embeddings) EncodeResponse(dst []byte, a *embed.Response, _ *embed.Request) []byte {
	dst = append(dst, '{')
	if g.Batch {
		dst = append(rawjson.Key(dst, "embeddings"), '[')
		for _, v := range a.Vectors {
			dst = append(v.AppendNumbers(append(rawjson.Comma(dst), `{"values":`...)), '}')
		}
		dst = append(dst, ']')
	} else {
		dst = append(a.Vectors[0].AppendNumbers(append(rawjson.Key(dst, "embedding"), `{"values":`...)), '}')
	}
	if a.Usage.Prompt > 0 && !a.Usage.Estimated {
		dst = append(rawjson.Num(append(rawjson.Key(dst, "usageMetadata"), '{'), "promptTokenCount", a.Usage.Prompt), '}')
	}
	return append(dst, '}')
}

package embed

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/choice"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// asked is one of the requests of a client of Google's, as it came.
type asked struct {
	body  []byte        // the object
	data  []byte        // that parts is in
	parts rawjson.Value // of its content
	title string
	other string // what it has beside text; "" is nothing
}

// DecodeGoogle reads the body of :embedContent or, of several requests,
// :batchEmbedContents. The error is a *codec.Error with status 400.
func DecodeGoogle(body []byte, batch bool) (*Request, error) {
	q, r := &Request{}, fields.Reader{Data: body}
	top, err := rawjson.One(body)
	switch {
	case err != nil:
		return nil, codec.BadRequest("", "the request body is not a valid JSON object: "+err.Error())
	case top.Kind != rawjson.Object:
		return nil, codec.BadRequest("", "the request body must be a JSON object, not "+top.Kind.String())
	case !batch:
		q.readAsked(&r, top, "")
		return q, failed(&r)
	}
	requests := top.Get(body, "requests")
	if requests.Kind != rawjson.Array {
		return nil, codec.BadRequest("requests", "'requests' must be a list of requests, each with a content")
	}
	for it := requests.Elements(body); it.Next() && r.Err == nil; {
		if len(q.asked) == MaxInputs {
			r.Fail("requests", "has more than "+strconv.Itoa(MaxInputs)+" requests: send fewer at once")
			break
		}
		q.readAsked(&r, it.Value, "requests["+strconv.Itoa(len(q.asked))+"].")
	}
	if len(q.asked) == 0 {
		r.Fail("requests", "must not be empty")
	}
	return q, failed(&r)
}

// failure refuses a request that names models in other members than its address.
func failure(names []choice.Name, err error) *codec.Error {
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
func (q *Request) readAsked(r *fields.Reader, v rawjson.Value, path string) {
	if v.Kind != rawjson.Object {
		r.Fail(strings.TrimSuffix(path, "."), "must be an object, not "+v.Kind.String())
		return
	}
	one := asked{body: v.Raw(r.Data), data: r.Data}
	if r.Err = failure(choice.Names(one.body, false)); r.Err != nil { // of others: what passes as it came may not choose the model
		return
	}
	var dimensions *int64
	var task string
	for it := v.Members(r.Data); it.Next(); {
		switch name := it.Name(); name {
		case "content":
			one.parts = it.Value.Get(r.Data, "parts")
		case "outputDimensionality", "output_dimensionality":
			if dimensions = r.Integer(it.Value, path+name); dimensions != nil && *dimensions < 1 {
				r.Fail(path+name, "must be 1 or more")
			}
		case "taskType", "task_type":
			task = r.Text(it.Value, path+name)
		case "title":
			one.title = r.Text(it.Value, path+name)
		}
	}
	text := one.readParts(r, path)
	if len(q.asked) == 0 {
		q.Dimensions, q.TaskType = dimensions, task
	}
	q.differ = q.differ || !same(q.Dimensions, dimensions) || q.TaskType != task
	q.asked, q.Inputs = append(q.asked, one), append(q.Inputs, text)
}

// readParts is the text of a content. Several parts have one vector together.
func (one *asked) readParts(r *fields.Reader, path string) string {
	var texts []string
	n := 0
	for it := one.parts.Elements(r.Data); it.Next(); n++ {
		if text := it.Value.Get(r.Data, "text"); text.Kind == rawjson.String {
			texts = append(texts, r.Text(text, path+"content.parts["+strconv.Itoa(n)+"].text"))
			continue
		}
		for member := it.Value.Members(r.Data); member.Next() && one.other == ""; {
			one.other = path + "content.parts[" + strconv.Itoa(n) + "]." + member.Name()
		}
	}
	if n == 0 {
		r.Fail(path+"content", "is missing or has no parts: it is {\"parts\": [{\"text\": …}]}")
	}
	return strings.Join(texts, "\n")
}

func same(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

// Some is the request for a part of the inputs.
func (q *Request) Some(from, to int) *Request {
	some := *q
	some.Inputs = q.Inputs[from:to]
	if q.asked != nil {
		some.asked = q.asked[from:to]
	}
	return &some
}

// Plain says whether the request can be told to those that take nothing but texts, and
// one length and purpose for all of them. The error is a *codec.Error with status 400.
func (q *Request) Plain() error {
	for i, one := range q.asked {
		switch {
		case one.other != "":
			return codec.BadRequest(one.other, "'"+one.other+"' is no text, and the provider of this model makes vectors of texts only")
		case q.Inputs[i] == "":
			return codec.BadRequest("content", "the text of request "+strconv.Itoa(i+1)+" must not be empty")
		}
	}
	if q.differ {
		return codec.BadRequest("requests", "all requests of a batch must have the same outputDimensionality and taskType here: the provider of this model takes one for all of them")
	}
	return nil
}

// append appends a client's own request with the name of the upstream's model,
// without the braces.
func (one *asked) append(dst []byte, model string) []byte {
	var s rawjson.Splicer
	s.Set("model", rawjson.AppendString(nil, model))
	parts, err := s.Parts(nil, one.body)
	if err != nil { // it has been read as an object before
		return dst
	}
	whole := bytes.TrimSpace(bytes.Join(parts, nil))
	return append(dst, whole[1:len(whole)-1]...)
}

func (one *asked) partsAsTheyCame() []byte { return one.parts.Raw(one.data) }

// EncodeOpenAI appends q for a provider of OpenAI's format.
func EncodeOpenAI(dst []byte, q *Request, model string) []byte {
	dst = rawjson.Str(append(dst, '{'), "model", model)
	dst = append(rawjson.Key(dst, "input"), '[')
	for _, text := range q.Inputs {
		dst = rawjson.AppendString(rawjson.Comma(dst), text)
	}
	dst = rawjson.Str(append(dst, ']'), "encoding_format", "float")
	return append(rawjson.NumIf(dst, "dimensions", q.Dimensions), '}')
}

// DecodeOpenAI reads the answer to q of a provider of OpenAI's format.
func DecodeOpenAI(body []byte, q *Request) (*Response, error) {
	a := &Response{data: bytes.TrimSpace(body)}
	top, err := rawjson.One(a.data)
	if err != nil || top.Kind != rawjson.Object {
		return nil, codec.NoAnswer("the upstream's answer is not a JSON object")
	}
	a.vectors = make([]vector, len(q.Inputs)) // MaxInputs at most
	n, r := 0, fields.Reader{Data: a.data}
	for it := top.Get(a.data, "data").Elements(a.data); it.Next(); n++ {
		at := n
		if index := r.Integer(it.Value.Get(a.data, "index"), "index"); index != nil {
			at = int(min(max(*index, -1), MaxInputs))
		}
		if at < 0 || at >= len(a.vectors) || a.vectors[at].data != nil {
			return nil, codec.NoAnswer("the upstream returned other embeddings than one for each of " + strconv.Itoa(len(q.Inputs)) + " inputs")
		}
		if a.vectors[at], err = a.vectorOf(it.Value.Get(a.data, "embedding")); err != nil {
			return nil, err
		}
	}
	if n != len(q.Inputs) {
		return nil, codec.NoAnswer("the upstream returned " + strconv.Itoa(n) + " embeddings for " + strconv.Itoa(len(q.Inputs)) + " inputs")
	}
	a.Usage, _ = codec.ReadUsage(a.data, top.Get(a.data, "usage"))
	return a, nil
}

// vectorOf is a list of numbers, or base64 of float32, which some send unasked.
func (a *Response) vectorOf(v rawjson.Value) (vector, error) {
	if v.Kind == rawjson.String {
		text, _ := rawjson.Text(a.data, v)
		if strings.ContainsAny(text, "\r\n") { // in lines, as in mail
			text = strings.NewReplacer("\r", "", "\n", "").Replace(text)
		}
		finite := true
		is := eachFloat(text, func(bits uint32) { finite = finite && bits&infinite != infinite })
		switch {
		case !is || text == "":
			return vector{}, codec.NoAnswer("the upstream returned an embedding that is neither numbers nor base64 of them")
		case !finite:
			return vector{}, codec.NoAnswer("the upstream returned an embedding with a number that is none")
		}
		return vector{data: a.data, at: v, text: text}, nil
	}
	return vector{data: a.data, at: v}, numbersOnly(a.data, v)
}

// infinite are the bits of a float32 that are all set in what is no number, or infinite.
const infinite = 0x7f800000

// Unescaped is how much memory reading an answer takes beside it: texts in base64 with escapes are copied.
func Unescaped(answer []byte) int {
	if bytes.IndexByte(answer, '\\') < 0 {
		return 0
	}
	return len(answer)
}

// EncodeGoogle appends the answer as Google gives it.
func EncodeGoogle(dst []byte, a *Response, batch bool) []byte {
	dst = append(dst, '{')
	if batch {
		dst = append(rawjson.Key(dst, "embeddings"), '[')
		for _, v := range a.vectors {
			dst = append(v.appendNumbers(append(rawjson.Comma(dst), `{"values":`...)), '}')
		}
		dst = append(dst, ']')
	} else {
		dst = append(a.vectors[0].appendNumbers(append(rawjson.Key(dst, "embedding"), `{"values":`...)), '}')
	}
	if a.Usage.Prompt > 0 && !a.Usage.Estimated {
		dst = append(rawjson.Num(append(rawjson.Key(dst, "usageMetadata"), '{'), "promptTokenCount", a.Usage.Prompt), '}')
	}
	return append(dst, '}')
}

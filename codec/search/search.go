// Package search translates searches of the web: what a client asks at /v1/search into what Jina and Tavily take, and
// their answers into one form, which is Jina's, with the name of the service and what else it told in meta.
//
// The forms are those of the services' own documentation: docs.tavily.com for POST /search, and Jina's page on POST
// s.jina.ai.
package search

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// Service is whose search it is.
type Service string

// The services.
const (
	Jina   Service = "jina"
	Tavily Service = "tavily"
)

// MostResults is how many results a client may ask for. The services give fewer.
const MostResults = 100

// Request is what a client searches for.
type Request struct {
	Model string // "" if the client named none
	Query string
	// Results is how many it wants at the most; nil leaves it to the service.
	Results *int64
}

// known are the members that are read.
var known = fields.NewKnown("model", "q", "query", "max_results")

// DecodeRequest reads the body of a search. The error is a *codec.Error with status 400.
func DecodeRequest(body []byte) (*Request, error) {
	q := &Request{}
	r := fields.Reader{Data: body}
	it := rawjson.MembersOf(body)
	var seen fields.Seen
	asked := false
	for it.Next() {
		if _, err := known.Take(&seen, &it); err != nil {
			return nil, err
		}
		switch v, name := it.Value, it.Name(); name {
		case "model":
			q.Model = r.Text(v, name)
		case "q", "query":
			if asked {
				r.Fail("q", "is there twice: 'query' is another word for it")
			}
			asked = true
			q.Query = strings.TrimSpace(r.Text(v, name))
		case "max_results":
			if q.Results = r.Integer(v, name); q.Results != nil && (*q.Results < 1 || *q.Results > MostResults) {
				r.Fail(name, "must be from 1 to 100")
			}
		}
	}
	if err := it.Err(); err != nil {
		return nil, codec.NotAnObject(err)
	}
	if q.Query == "" {
		r.Fail("q", "is missing: it must be what to search for")
	}
	if r.Err != nil {
		return nil, r.Err
	}
	return q, nil
}

// EncodeRequest appends the body of a search for the service. What the client asks for goes before defaults, an object
// or nothing, of which every other member is sent as it stands.
func (s Service) EncodeRequest(dst []byte, q *Request, defaults []byte) []byte {
	query, results := "query", "max_results"
	if s == Jina {
		query, results = "q", "num"
	}
	dst = rawjson.Str(append(dst, '{'), query, q.Query)
	dst = rawjson.NumIf(dst, results, q.Results)
	for it := rawjson.MembersOf(defaults); it.Next(); {
		name := it.Name()
		if name == "max_results" { // the one word for both
			name = results
		}
		if name != query && (name != results || q.Results == nil) {
			dst = rawjson.Field(dst, name, it.Value.Raw(defaults))
		}
	}
	return append(dst, '}')
}

// Response is a service's answer. It holds on to the bytes that it was read from.
type Response struct {
	Usage codec.Usage

	service Service
	body    []byte
	results rawjson.Value
	more    rawjson.Value // what goes into meta, an object
}

// DecodeResponse reads an answer. The error is a *codec.Error.
func (s Service) DecodeResponse(body []byte) (*Response, error) {
	if _, err := codec.CheckObject(body); err != nil {
		return nil, err
	}
	a := &Response{service: s, body: body, Usage: codec.Usage{Searches: 1, Gaps: codec.NoPrompt | codec.OtherUnit}}
	top, err := rawjson.One(body)
	if err != nil {
		return nil, codec.NotAnAnswer(body)
	}
	list := "results"
	if a.more = top; s == Jina {
		list, a.more = "data", top.Get(body, "meta")
	}
	if a.results = top.Get(body, list); a.results.Kind != rawjson.Array {
		return nil, codec.NoAnswer("the search's answer has no list " + list)
	}
	counted := false
	if s == Jina {
		counted = a.readTokens(a.more.Get(body, "usage"))
	} else {
		a.readCredits(a.more.Get(body, "usage"))
	}
	for results := a.results.Elements(body); results.Next(); {
		if results.Value.Kind != rawjson.Object {
			return nil, codec.NoAnswer("a result of the search is no object")
		}
		if s == Jina && !counted {
			a.readTokens(results.Value.Get(body, "usage"))
		}
	}
	return a, nil
}

// readTokens adds the tokens that Jina counts, for the whole or for a result.
func (a *Response) readTokens(v rawjson.Value) (told bool) {
	var u codec.Usage
	if v.Kind != rawjson.Object {
		return false
	}
	if v = v.Get(a.body, "tokens"); !v.Present() {
		return false
	}
	u.Gaps = codec.NoPrompt
	u.Read(&u.Prompt, codec.NoPrompt, a.body, v)
	a.Usage.Gaps &^= codec.NoPrompt | codec.OtherUnit
	a.Usage.Add(u)
	return true
}

// readCredits reads what Tavily counts in, which it tells if it is asked to.
func (a *Response) readCredits(v rawjson.Value) {
	var u codec.Usage
	if v.Kind == rawjson.Object {
		if u.Read(&u.Searches, 0, a.body, v.Get(a.body, "credits")); u.Gaps == 0 && u.Searches > 0 {
			a.Usage.Searches = u.Searches
		}
	}
}

// perResult is what a result may get beside what it has.
const perResult = len(`,"description":""`)

// Size is what EncodeResponse's answer takes at the most.
func (a *Response) Size() int {
	n := 0
	if a.service == Tavily {
		for results := a.results.Elements(a.body); results.Next(); {
			n += perResult
		}
	}
	return len(a.body) + n + 256
}

// EncodeResponse appends the answer for the client. Tavily's results have no description: what it has found of a page
// is the content.
func (a *Response) EncodeResponse(dst []byte) []byte {
	dst = append(dst, `{"code":200,"status":20000,"data":`...)
	if a.service == Jina {
		dst = append(dst, a.results.Raw(a.body)...)
	} else {
		dst = append(dst, '[')
		for results := a.results.Elements(a.body); results.Next(); {
			dst = a.appendResult(rawjson.Comma(dst), results.Value)
		}
		dst = append(dst, ']')
	}
	dst = rawjson.Str(append(dst, `,"meta":{`...), "provider", string(a.service))
	if a.more.Kind == rawjson.Object {
		for it := a.more.Members(a.body); it.Next(); {
			if name := it.Name(); name != "provider" && (a.service == Jina || name != "results") {
				dst = a.appendMember(dst, &it)
			}
		}
	}
	return append(dst, "}}"...)
}

func (a *Response) appendResult(dst []byte, result rawjson.Value) []byte {
	dst = append(dst, '{')
	described := false
	for it := result.Members(a.body); it.Next(); {
		described = described || it.Name() == "description"
		dst = a.appendMember(dst, &it)
	}
	if !described {
		dst = rawjson.Str(dst, "description", "")
	}
	return append(dst, '}')
}

// appendMember appends a member as it came.
func (a *Response) appendMember(dst []byte, it *rawjson.Members) []byte {
	dst = append(append(rawjson.Comma(dst), it.Key.Raw(a.body)...), ':')
	return append(dst, it.Value.Raw(a.body)...)
}

// Package cohere is Cohere's v2 chat format, in both directions.
package cohere

import (
	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/openai"
	"uniapi/codec/rawjson"
)

// Format is the v2 chat format.
type Format struct{}

var _ codec.Format = Format{}

const (
	formatName = "cohere"
	// maxStops is how many stop sequences are taken.
	maxStops = 5
)

// Name implements codec.Format.
func (Format) Name() string { return formatName }

// reader reads a request or an answer of this format.
type reader struct{ fields.Reader }

// soft is a text of an answer, "" if it is none.
func (r *reader) soft(v rawjson.Value, names ...string) string {
	for _, name := range names {
		v = v.Get(r.Data, name)
	}
	s, _ := rawjson.Text(r.Data, v)
	return s
}

// DecodeError implements codec.Format.
func (Format) DecodeError(status int, contentType string, body []byte) *codec.Error {
	e := openai.ReadError(status, contentType, body)
	switch status {
	case 498: // Cohere's own word for a token that it does not know
		e.Class, e.Status = codec.Auth, 401
	case 499:
		e.Class, e.Status, e.Type = codec.Server, 502, "server_error"
	}
	return e
}

// EncodeError implements codec.Format.
func (Format) EncodeError(dst []byte, e *codec.Error) []byte {
	return append(rawjson.Str(append(dst, '{'), "message", e.Message), '}')
}

// finishes are Cohere's reasons.
var finishes = map[string]codec.FinishReason{
	"COMPLETE": codec.FinishStop, "STOP_SEQUENCE": codec.FinishStop, "MAX_TOKENS": codec.FinishLength, "TOOL_CALL": codec.FinishToolCalls,
	"ERROR": codec.FinishError, "TIMEOUT": codec.FinishError, "ERROR_TOXIC": codec.FinishFilter, "ERROR_LIMIT": codec.FinishLength,
}

func finishOf(word string) codec.Finish {
	f := codec.Finish{Reason: finishes[word], Native: word}
	if f.Reason == codec.FinishNone {
		f.Reason = codec.FinishStop
	}
	return f
}

func finishWord(f codec.Finish) string {
	if finishes[f.Native] == f.Reason && f.Native != "" {
		return f.Native
	}
	switch f.Reason {
	case codec.FinishLength:
		return "MAX_TOKENS"
	case codec.FinishToolCalls:
		return "TOOL_CALL"
	case codec.FinishError:
		return "ERROR"
	case codec.FinishFilter:
		return "ERROR_TOXIC"
	}
	if f.StopSequence != "" {
		return "STOP_SEQUENCE"
	}
	return "COMPLETE"
}

// readUsage reads a usage object. What is billed is less than what is used; both are there, and the larger is what other formats tell.
func readUsage(data []byte, v rawjson.Value) (codec.Usage, bool) {
	tokens := v.Get(data, "tokens")
	if !tokens.Present() {
		tokens = v.Get(data, "billed_units")
	}
	count := func(v rawjson.Value, name string) int64 {
		v = v.Get(data, name)
		if n, ok := rawjson.Int(data, v); ok {
			return max(n, 0)
		}
		f := fields.Reader{Data: data}
		if n := f.Integer(v, name); n != nil { // 12.0, as some versions write it
			return max(*n, 0)
		}
		return 0
	}
	u := codec.Usage{Prompt: count(tokens, "input_tokens"), Completion: count(tokens, "output_tokens"), Cached: count(v, "cached_tokens")}
	return u, !u.Zero()
}

func appendUsage(dst []byte, u codec.Usage) []byte {
	for _, name := range []string{"billed_units", "tokens"} {
		dst = append(rawjson.Key(dst, name), '{')
		dst = append(rawjson.Num(rawjson.Num(dst, "input_tokens", u.Prompt), "output_tokens", u.Completion), '}')
	}
	return rawjson.Num(dst, "cached_tokens", u.Cached)
}

// citation reads a source that has an address or a title; the offsets are in the answer's text.
func citation(data []byte, v rawjson.Value) (c codec.Citation, ok bool) {
	r := reader{fields.Reader{Data: data}}
	c.Start, _ = rawjson.Int(data, v.Get(data, "start"))
	c.End, _ = rawjson.Int(data, v.Get(data, "end"))
	c.Raw = v.Raw(data)
	for it := v.Get(data, "sources").Elements(data); it.Next(); {
		document := it.Value.Get(data, "document")
		c.URL, c.Title, c.Text = r.soft(document, "url"), r.soft(document, "title"), r.soft(document, "text")
		if c.Title == "" {
			c.Title = r.soft(it.Value, "id")
		}
		if c.URL != "" {
			return c, true
		}
	}
	return c, c.URL != ""
}

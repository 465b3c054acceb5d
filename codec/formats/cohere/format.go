// Package cohere is Cohere's v2 chat format, in both directions.
package cohere

import (
	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/capability"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
)

// Format is the v2 chat format.
type Format struct{}

var _ codec.Format = Format{}

const formatName = "cohere"

// Name implements codec.Format.
func (Format) Name() string { return formatName }

// Properties implements codec.Format.
func (Format) Properties() *codec.Properties { return &described }

var described = codec.Properties{Rules: capability.Cohere, Fetches: []codec.PartKind{codec.PartImage}}

// reader reads a request or an answer of this format.
type reader struct{ fields.Reader }

// soft is the text at the end of a path, "" if there is none.
func (r *reader) soft(v rawjson.Value, names ...string) string {
	for _, name := range names {
		v = v.Get(r.Data, name)
	}
	s, _ := rawjson.Text(r.Data, v)
	return s
}

// finishes are Cohere's reasons. The last two are those of its first API, which proxies still send.
var finishes = map[string]codec.FinishReason{
	"COMPLETE": codec.FinishStop, "STOP_SEQUENCE": codec.FinishStop, "MAX_TOKENS": codec.FinishLength, "TOOL_CALL": codec.FinishToolCalls,
	"ERROR": codec.FinishError, "TIMEOUT": codec.FinishError, "ERROR_TOXIC": codec.FinishFilter, "ERROR_LIMIT": codec.FinishLength,
}

// finishOf reads a finish_reason. calls is whether the answer calls tools, which not every server says.
func finishOf(word string, calls bool) codec.Finish {
	f := codec.Finish{Reason: finishes[word], Native: word}
	switch {
	case calls && (f.Reason == codec.FinishNone || f.Reason == codec.FinishStop):
		f.Reason = codec.FinishToolCalls
	case f.Reason == codec.FinishNone, f.Reason == codec.FinishToolCalls && !calls:
		f.Reason = codec.FinishStop
	}
	return f
}

func finishWord(f codec.Finish) string {
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
	if f.StopSequence != "" || f.Native == "STOP_SEQUENCE" {
		return "STOP_SEQUENCE"
	}
	return "COMPLETE"
}

// readUsage reads a usage object. Clients are told of all tokens, and what is billed is paid.
func readUsage(data []byte, v rawjson.Value) (codec.Usage, bool) {
	u, said := codec.ReadBilled(data, v)
	if !said { // another dialect
		return codec.ReadUsage(data, v)
	}
	u.Read(&u.Cached, 0, data, v.Get(data, "cached_tokens"))
	u.Cached = min(u.Cached, u.Prompt)
	return u, true
}

func appendUsage(dst []byte, u codec.Usage) []byte {
	dst = append(rawjson.Key(dst, "usage"), '{')
	for _, name := range []string{"billed_units", "tokens"} {
		dst = append(rawjson.Key(dst, name), '{')
		dst = append(rawjson.Num(rawjson.Num(dst, "input_tokens", u.Prompt), "output_tokens", u.Completion), '}')
	}
	return append(rawjson.Num(dst, "cached_tokens", u.Cached), '}')
}

// citation reads a citation, of whose sources the first that has an address counts. False if none has: other formats
// have no place for it. The offsets are in the answer's text.
func citation(data []byte, v rawjson.Value) (c codec.Citation, ok bool) {
	r := reader{fields.Reader{Data: data}}
	for it := v.Get(data, "sources").Elements(data); it.Next() && c.URL == ""; {
		source := it.Value.Get(data, "document")
		if !source.Present() {
			source = it.Value.Get(data, "tool_output")
		}
		c.URL, c.Title, c.Text = r.soft(source, "url"), r.soft(source, "title"), r.soft(source, "snippet")
		if c.Title == "" {
			c.Title = r.soft(it.Value, "id")
		}
	}
	c.Start, _ = rawjson.Int(data, v.Get(data, "start"))
	c.End, _ = rawjson.Int(data, v.Get(data, "end"))
	c.Raw = v.Raw(data)
	return c, c.URL != ""
}

// appendCitation writes a citation of an answer in another format.
func appendCitation(dst []byte, c *codec.Citation) []byte {
	dst = rawjson.Num(rawjson.Num(append(dst, '{'), "start", c.Start), "end", c.End)
	dst = append(dst, `,"sources":[{"type":"document","document":{`...)
	dst = rawjson.StrIf(rawjson.StrIf(rawjson.StrIf(dst, "url", c.URL), "title", c.Title), "snippet", c.Text)
	return append(dst, "}}]}"...)
}

// Target is what can be told in a chat request. There are no files but their text.
func (Format) Target() alternation.Target {
	return alternation.Target{Format: formatName, Takes: []codec.PartKind{codec.PartImage}}
}

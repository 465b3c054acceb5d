package openai

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// Format is the chat completions format in full, for clients and upstreams whose other side speaks another.
type Format struct{}

var _ codec.Format = Format{}

const formatName = "openai"

func (Format) Name() string { return formatName }

func (Format) DecodeError(status int, contentType string, body []byte) *codec.Error {
	return ReadError(status, contentType, body)
}

func (Format) EncodeError(dst []byte, e *codec.Error) []byte { return AppendError(dst, e) }

// reader reads values of a body and keeps the first complaint about one. A null is an absent value. Texts alias the body.
type reader struct {
	data []byte
	err  *codec.Error
}

func (r *reader) fail(path, message string) {
	if r.err == nil {
		r.err = codec.BadRequest(path, "'"+path+"' "+message)
	}
}

// want says whether v is there and of the kind; one that is there and is not gets the complaint.
func (r *reader) want(v rawjson.Value, kind rawjson.Kind, path string) bool {
	if v.Kind != kind && v.Present() {
		r.fail(path, "must be "+kind.String()+", not "+v.Kind.String())
	}
	return v.Kind == kind
}

func (r *reader) text(v rawjson.Value, path string) string {
	if !r.want(v, rawjson.String, path) {
		return ""
	}
	s, ok := rawjson.Text(r.data, v)
	if !ok {
		r.fail(path, "is not a valid JSON string")
	}
	return s
}

func (r *reader) raw(v rawjson.Value) []byte {
	if !v.Present() {
		return nil
	}
	return v.Raw(r.data)
}

func (r *reader) number(v rawjson.Value, path string) json.Number {
	if !r.want(v, rawjson.Number, path) {
		return ""
	}
	return json.Number(v.Raw(r.data))
}

// integer takes 4096 and also 4096.0, which some clients' languages make of it.
func (r *reader) integer(v rawjson.Value, path string) *int64 {
	if !r.want(v, rawjson.Number, path) {
		return nil
	}
	n, ok := rawjson.Int(r.data, v)
	if !ok {
		f, err := strconv.ParseFloat(string(v.Raw(r.data)), 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			r.fail(path, "must be a whole number")
			return nil
		}
		n = int64(f)
	}
	return &n
}

func (r *reader) boolean(v rawjson.Value, path string) *bool {
	if !v.Present() {
		return nil
	}
	b := v.Kind == rawjson.True
	if !b && v.Kind != rawjson.False {
		r.fail(path, "must be true or false, not "+v.Kind.String())
	}
	return &b
}

func (r *reader) texts(v rawjson.Value, path string) []string {
	if v.Kind == rawjson.String {
		return []string{r.text(v, path)}
	}
	if !r.want(v, rawjson.Array, path) {
		return nil
	}
	var list []string
	for it := v.Elements(r.data); it.Next(); {
		list = append(list, r.text(it.Value, path))
	}
	return list
}

// field keeps a member that the model has no place for.
func (r *reader) field(to *codec.Fields, name string, v rawjson.Value) {
	*to = append(*to, codec.Field{Name: name, Raw: v.Raw(r.data)})
}

func (r *reader) cache(v rawjson.Value) *codec.Cache {
	if v.Kind != rawjson.Object {
		return nil
	}
	ttl, _ := rawjson.Text(r.data, v.Get(r.data, "ttl"))
	return &codec.Cache{TTL: ttl}
}

func appendCache(dst []byte, c *codec.Cache) []byte {
	if c == nil {
		return dst
	}
	dst = append(rawjson.Key(dst, "cache_control"), `{"type":"ephemeral"`...)
	return append(rawjson.StrIf(dst, "ttl", c.TTL), '}')
}

// appendExtra writes the members that this format alone knows. own is whether they are its.
func appendExtra(dst []byte, extra codec.Fields, own bool) []byte {
	if !own {
		return dst
	}
	for _, f := range extra {
		dst = rawjson.Field(dst, f.Name, f.Raw)
	}
	return dst
}

// finishOf reads a finish_reason, with the words of compatible providers.
func finishOf(word string) codec.Finish {
	f := codec.Finish{Native: word, Reason: codec.FinishStop}
	switch strings.ToLower(word) {
	case "":
		f.Reason = codec.FinishNone
	case "length", "model_length", "max_tokens":
		f.Reason = codec.FinishLength
	case "tool_calls", "function_call", "tool_use":
		f.Reason = codec.FinishToolCalls
	case "content_filter", "sensitive", "prohibited_content":
		f.Reason = codec.FinishFilter
	case "error", "network_error", "insufficient_system_resource":
		f.Reason = codec.FinishError
	}
	return f
}

// settle makes a finish fit what the answer holds: upstreams say stop behind tool calls, and tool_calls with none.
func settle(f codec.Finish, calls bool) codec.Finish {
	switch {
	case f.Reason == codec.FinishStop && calls, f.Reason == codec.FinishNone && calls:
		f.Reason = codec.FinishToolCalls
	case f.Reason == codec.FinishToolCalls && !calls, f.Reason == codec.FinishNone:
		f.Reason = codec.FinishStop
	}
	return f
}

// finishWord is the finish_reason that clients know. An answer given up has none of its own.
func finishWord(f codec.Finish, legacy bool) string {
	switch f.Reason {
	case codec.FinishLength:
		return "length"
	case codec.FinishToolCalls:
		if legacy {
			return "function_call"
		}
		return "tool_calls"
	case codec.FinishFilter:
		return "content_filter"
	}
	return "stop"
}

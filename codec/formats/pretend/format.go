//go:build example

// Package pretend is a wire format that nobody speaks. It is the example of adding one, compiled and run with the build
// tag "example": this folder, and the line in codec/formats/example.go.
//
// A request is {"model":…,"stream":true,"messages":[{"by":"user","text":…}]}, an answer {"text":…,"in":1,"out":2}, a
// stream the same in lines, of which the last one has the counts.
package pretend

import (
	"bytes"
	"encoding/json"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/rawjson"
)

// Format is the format.
type Format struct{}

// Name implements codec.Format.
func (Format) Name() string { return "pretend" }

// Properties implements codec.Format. Such clients bear no comments in a stream, and so are shown nothing while they
// wait.
func (Format) Properties() *codec.Properties { return &described }

var described = codec.Properties{Rules: capability.Chat, StreamType: []byte("application/x-ndjson")}

type request struct {
	Model    string    `json:"model"`
	Stream   bool      `json:"stream,omitempty"`
	Messages []message `json:"messages"`
}

type message struct {
	By   string `json:"by"`
	Text string `json:"text"`
}

// answer is a whole answer, or a line of a stream.
type answer struct {
	Text  string `json:"text"`
	In    int64  `json:"in,omitempty"`
	Out   int64  `json:"out,omitempty"`
	Ends  bool   `json:"ends,omitempty"` // the last line
	Error string `json:"error,omitempty"`
}

// DecodeRequest implements codec.Format.
func (Format) DecodeRequest(body []byte) (*codec.Request, error) {
	var in request
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, codec.BadRequest("", "the body is no request of this format: "+err.Error())
	}
	r := &codec.Request{Format: "pretend", Model: in.Model, Stream: in.Stream}
	for _, m := range in.Messages {
		role := codec.RoleUser
		if m.By == "model" {
			role = codec.RoleAssistant
		}
		r.Messages = append(r.Messages, codec.Message{Role: role, Parts: []codec.Part{{Kind: codec.PartText, Text: m.Text}}})
	}
	return r, nil
}

// EncodeRequest implements codec.Format.
func (Format) EncodeRequest(dst []byte, r *codec.Request, model string) ([]byte, error) {
	out := request{Model: model, Stream: r.Stream}
	for _, m := range r.Messages {
		by := "user"
		if m.Role == codec.RoleAssistant {
			by = "model"
		}
		out.Messages = append(out.Messages, message{By: by, Text: textOf(m)})
	}
	return appendJSON(dst, out), nil
}

// DecodeResponse implements codec.Format.
func (Format) DecodeResponse(body []byte) (*codec.Response, error) {
	var in answer
	if json.Unmarshal(body, &in) != nil || in.Text == "" {
		return nil, codec.NoAnswer("the upstream's answer is none of this format")
	}
	said := codec.Message{Role: codec.RoleAssistant, Parts: []codec.Part{{Kind: codec.PartText, Text: in.Text}}}
	return &codec.Response{Format: "pretend", HasUsage: true, Usage: codec.Usage{Prompt: in.In, Completion: in.Out},
		Choices: []codec.Choice{{Message: said, Finish: codec.Finish{Reason: codec.FinishStop}}}}, nil
}

// EncodeResponse implements codec.Format.
func (Format) EncodeResponse(dst []byte, a *codec.Response, _ *codec.Request) []byte {
	out := answer{In: a.Usage.Prompt, Out: a.Usage.Completion}
	if len(a.Choices) > 0 {
		out.Text = textOf(a.Choices[0].Message)
	}
	return appendJSON(dst, out)
}

// DecodeError implements codec.Format.
func (Format) DecodeError(status int, contentType string, body []byte) *codec.Error {
	return codec.ReadError(status, contentType, body)
}

// EncodeError implements codec.Format.
func (Format) EncodeError(dst []byte, e *codec.Error) []byte {
	return append(rawjson.AppendString(append(dst, `{"error":`...), e.Message), '}')
}

// NewStreamDecoder implements codec.Format.
func (Format) NewStreamDecoder() codec.StreamDecoder { return new(decoder) }

// decoder reads a stream line by line.
type decoder struct {
	rest  []byte // of a line whose end has not come
	begun bool
	ended bool
}

// mostLine is how long a line may be: memory must not grow with what an upstream sends.
const mostLine = 1 << 20

func (d *decoder) Push(dst []codec.Event, p []byte) ([]codec.Event, error) {
	d.rest = append(d.rest, p...)
	for {
		line, behind, whole := bytes.Cut(d.rest, []byte("\n"))
		if !whole {
			if len(d.rest) > mostLine {
				return dst, codec.NoAnswer("the upstream sent a line without an end")
			}
			return dst, nil
		}
		d.rest = behind
		var in answer
		if json.Unmarshal(line, &in) != nil || in.Error != "" {
			return dst, codec.NoAnswer("the upstream broke off: " + in.Error)
		}
		if !d.begun {
			d.begun = true
			dst = append(dst, codec.Event{Kind: codec.EventStart})
		}
		if in.Text != "" {
			dst = append(dst, codec.Event{Kind: codec.EventText, Text: []byte(in.Text)})
		}
		if in.Ends {
			d.ended = true
			dst = append(dst, codec.Event{Kind: codec.EventFinish, Finish: codec.Finish{Reason: codec.FinishStop}},
				codec.Event{Kind: codec.EventUsage, Usage: codec.Usage{Prompt: in.In, Completion: in.Out}})
		}
	}
}

func (d *decoder) End(dst []codec.Event) ([]codec.Event, error) {
	if !d.ended {
		return dst, codec.CutShort()
	}
	return dst, nil
}

// NewStreamEncoder implements codec.Format.
func (Format) NewStreamEncoder(*codec.Request) codec.StreamEncoder { return new(encoder) }

type encoder struct{ usage codec.Usage }

func (s *encoder) Append(dst []byte, e *codec.Event) []byte {
	switch e.Kind {
	case codec.EventText:
		return append(appendJSON(dst, answer{Text: string(e.Text)}), '\n')
	case codec.EventStart, codec.EventUsage:
		if !e.Usage.Zero() {
			s.usage = e.Usage
		}
	}
	return dst
}

func (s *encoder) End(dst []byte) []byte {
	return append(appendJSON(dst, answer{Ends: true, In: s.usage.Prompt, Out: s.usage.Completion}), '\n')
}

func (s *encoder) Fail(dst []byte, e *codec.Error) []byte {
	return append(appendJSON(dst, answer{Error: e.Message}), '\n')
}

func textOf(m codec.Message) (text string) {
	for _, p := range m.Parts {
		text += p.Text
	}
	return text
}

func appendJSON(dst []byte, v any) []byte {
	text, _ := json.Marshal(v) // of texts and numbers
	return append(dst, text...)
}

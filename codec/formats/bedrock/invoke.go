package bedrock

import (
	"encoding/base64"
	"slices"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/eventstream"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/sse"
)

// InvokeFormat is InvokeModel with Claude: Anthropic's own format in Bedrock's frames.
type InvokeFormat struct{ anthropic.Format }

var _ codec.Format = InvokeFormat{}

// Invoke is the InvokeFormat without betas; see WithBetas.
var Invoke = InvokeFormat{anthropic.Format{Version: "bedrock-2023-05-31", OmitStream: true}}

// Properties implements codec.Format.
func (f InvokeFormat) Properties() *codec.Properties { return &invoked }

var invoked = func(p codec.Properties) codec.Properties {
	p.Place, p.Passed, p.Flags = "bedrock", nil, "" // the version and the betas stand in the body
	return p
}(*Invoke.Format.Properties())

// WithBetas returns the format with those of a client's anthropic-beta flags that the target takes. They stand in the
// body there, and with any other the whole request is refused.
func (f InvokeFormat) WithBetas(flags []string, t *capability.Target) InvokeFormat {
	f.Betas = nil
	for _, flag := range flags {
		if slices.Contains(t.Betas, flag) && !slices.Contains(f.Betas, flag) {
			f.Betas = append(f.Betas, flag)
		}
	}
	return f
}

// DecodeResponse implements codec.Format.
func (f InvokeFormat) DecodeResponse(body []byte) (*codec.Response, error) {
	a, err := f.Format.DecodeResponse(body)
	if err != nil {
		return nil, answerFailure(body)
	}
	return a, nil
}

// NewStreamDecoder implements codec.Format.
func (InvokeFormat) NewStreamDecoder() codec.StreamDecoder { return Format{}.NewStreamDecoder() }

// DecodeError implements codec.Format.
func (InvokeFormat) DecodeError(status int, contentType string, body []byte) *codec.Error {
	return Format{}.DecodeError(status, contentType, body)
}

// EncodeError implements codec.Format.
func (InvokeFormat) EncodeError(dst []byte, e *codec.Error) []byte {
	return Format{}.EncodeError(dst, e)
}

// NewStreamEncoder implements codec.Format.
func (f InvokeFormat) NewStreamEncoder(q *codec.Request) codec.StreamEncoder {
	return &invokeEncoder{inner: f.Format.NewStreamEncoder(q)}
}

// invokeEncoder puts the events that Anthropic's encoder writes into frames.
type invokeEncoder struct {
	inner   codec.StreamEncoder
	events  []byte
	join    []byte
	payload []byte
}

func (s *invokeEncoder) frame(dst []byte) []byte {
	for rest := s.events; len(rest) > 0; {
		end, _ := new(sse.Boundary).Find(rest)
		e := sse.Parse(rest[:end], &s.join)
		rest = rest[end:]
		if string(e.Name) == "ping" { // Bedrock sends none
			continue
		}
		s.payload = append(s.payload[:0], `{"bytes":"`...)
		s.payload = base64.StdEncoding.AppendEncode(s.payload, e.Data)
		dst = eventstream.AppendEvent(dst, "chunk", append(s.payload, `"}`...))
	}
	s.events = s.events[:0]
	return dst
}

// Append implements codec.StreamEncoder.
func (s *invokeEncoder) Append(dst []byte, e *codec.Event) []byte {
	s.events = s.inner.Append(s.events, e)
	return s.frame(dst)
}

// End implements codec.StreamEncoder.
func (s *invokeEncoder) End(dst []byte) []byte {
	s.events = s.inner.End(s.events)
	return s.frame(dst)
}

// Fail implements codec.StreamEncoder.
func (s *invokeEncoder) Fail(dst []byte, e *codec.Error) []byte {
	return (&streamEncoder{}).Fail(dst, e)
}

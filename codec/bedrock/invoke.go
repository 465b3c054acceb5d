package bedrock

import (
	"encoding/base64"
	"slices"

	"uniapi/codec"
	"uniapi/codec/anthropic"
	"uniapi/codec/eventstream"
	"uniapi/codec/sse"
)

// InvokeFormat is InvokeModel with Claude: Anthropic's own format in Bedrock's frames.
type InvokeFormat struct{ anthropic.Format }

var _ codec.Format = InvokeFormat{}

// Invoke is the InvokeFormat without betas; see WithBetas.
var Invoke = InvokeFormat{anthropic.Format{Version: "bedrock-2023-05-31", OmitStream: true}}

// knownBetas are the flags of anthropic-beta that Bedrock takes. With any other it refuses the whole request.
var knownBetas = []string{
	"compact-2026-01-12", "computer-use-2024-10-22", "computer-use-2025-01-24", "computer-use-2025-11-24", "context-1m-2025-08-07",
	"context-management-2025-06-27", "dev-full-thinking-2025-05-14", "effort-2025-11-24", "fine-grained-tool-streaming-2025-05-14",
	"interleaved-thinking-2025-05-14", "mcp-client-2025-04-04", "mcp-client-2025-11-20", "output-128k-2025-02-19",
	"search-results-2025-06-09", "token-counting-2024-11-01", "token-efficient-tools-2025-02-19", "tool-examples-2025-10-29",
	"tool-search-tool-2025-10-19", "web-search-2025-03-05",
}

// WithBetas returns the format with those of a client's anthropic-beta flags that Bedrock knows. They stand in the body there.
func (f InvokeFormat) WithBetas(flags []string) InvokeFormat {
	f.Betas = nil
	for _, flag := range flags {
		if slices.Contains(knownBetas, flag) && !slices.Contains(f.Betas, flag) {
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

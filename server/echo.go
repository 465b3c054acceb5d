package server

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/sse"
)

// echo is the flow between two that speak the same: bytes go out as they came
// in, whole events at a time, and a decoder beside them learns what was said. It
// costs more than chat's own passthrough, which knows what to look for, and
// needs nothing of a format but what translation needs anyway.
type echo struct {
	translation // for what it makes of events; nothing is written by it

	boundary sse.Boundary
	held     []byte // what came since the last whole event
	scanned  int    // how much of held the boundary has seen
	ready    []byte // whole events that go out now
	sent     bool
}

func (e *echo) reset(d codec.StreamDecoder, triggers []string) {
	e.translation.reset(d, silent{}, triggers)
	e.boundary, e.held, e.scanned, e.ready, e.sent = sse.Boundary{}, e.held[:0], 0, e.ready[:0], false
}

func (e *echo) Push(p []byte) ([]byte, error) {
	if e.sent {
		e.ready, e.sent = e.ready[:0], false
	}
	if _, err := e.translation.Push(p); err != nil {
		return e.out(), err // what p holds of the failure is for us to tell
	}
	e.held = append(e.held, p...)
	e.cut()
	return e.out(), nil
}

// cut moves what is whole from held to ready.
func (e *echo) cut() {
	done := 0
	for {
		end, scanned := e.boundary.Find(e.held[e.scanned:])
		if end < 0 {
			e.scanned += scanned
			break
		}
		done = e.scanned + end
		e.scanned = done
	}
	e.ready = append(e.ready, e.held[:done]...)
	e.held = e.held[:copy(e.held, e.held[done:])]
	e.scanned -= done
}

func (e *echo) out() []byte {
	if !e.started {
		return nil
	}
	e.sent = true
	return e.ready
}

func (e *echo) End() ([]byte, error) {
	if e.sent {
		e.ready, e.sent = e.ready[:0], false
	}
	if _, err := e.translation.End(); err != nil {
		return e.out(), err
	}
	e.ready = append(e.ready, e.held...)
	if len(e.held) > 0 && !bytes.HasSuffix(e.held, []byte("\n\n")) {
		e.ready = append(e.ready, "\n\n"...)
	}
	e.held = e.held[:0]
	return e.out(), nil
}

// silent is an encoder that writes nothing.
type silent struct{}

func (silent) Append(dst []byte, _ *codec.Event) []byte { return dst }
func (silent) End(dst []byte) []byte                    { return dst }
func (silent) Fail(dst []byte, _ *codec.Error) []byte   { return dst }

// checkWhole is face.check for a format that has nothing cheaper than to read the
// answer whole.
func checkWhole(f codec.Format, body []byte, triggers []string) (codec.Usage, error) {
	whole, err := f.DecodeResponse(body)
	if err != nil {
		return codec.Usage{}, err
	}
	return whole.Usage, checkResponse(whole, triggers)
}

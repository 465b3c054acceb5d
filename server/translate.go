package server

import (
	"uniapi/codec"
	"uniapi/codec/anthropic"
	"uniapi/codec/bedrock"
	"uniapi/codec/cohere"
	"uniapi/codec/gemini"
	"uniapi/codec/openai"
	"uniapi/codec/responses"
	"uniapi/codec/trigger"
)

// formats are the wire formats by the names that channels know them by.
var formats = map[string]codec.Format{
	"openai":    openai.Format{},
	"anthropic": anthropic.Format{},
	"gemini":    gemini.Format{},
	"responses": responses.Format{},
	"cohere":    cohere.Format{},

	"gemini-vertex":    gemini.Format{Vertex: true},
	"anthropic-vertex": anthropic.Vertex,
	"bedrock-invoke":   bedrock.Invoke,
	"bedrock-converse": bedrock.Format{},
}

// flow is an upstream's stream on its way to the client: passed through, or
// translated. What Push and End return goes out; it is valid until the next call.
type flow interface {
	Push(p []byte) (out []byte, err error)
	End() (out []byte, err error)
	// Done says that nothing can follow, though the upstream has not ended yet.
	Done() bool
	// Started says that a first event has come that is part of an answer.
	Started() bool
	Usage() (codec.Usage, bool)
}

// translation is the flow between two formats.
type translation struct {
	decoder  codec.StreamDecoder
	encoder  codec.StreamEncoder
	triggers []string

	events  []codec.Event
	out     []byte // collected until the answer has started, since nothing goes out before
	started bool
	usage   codec.Usage
}

func (t *translation) reset(d codec.StreamDecoder, e codec.StreamEncoder, triggers []string) {
	*t = translation{decoder: d, encoder: e, triggers: triggers, events: t.events[:0], out: t.out[:0]}
}

func (t *translation) Started() bool { return t.started }

// Done is never known: what ends a stream is its format's own.
func (t *translation) Done() bool { return false }

func (t *translation) Usage() (codec.Usage, bool) { return t.usage, !t.usage.Zero() }

func (t *translation) Push(p []byte) ([]byte, error) {
	if t.started {
		t.out = t.out[:0]
	}
	events, err := t.decoder.Push(t.events[:0], p)
	t.events = events
	if bad := t.translate(events); bad != nil {
		return nil, bad
	}
	return t.ready(), err
}

func (t *translation) End() ([]byte, error) {
	if t.started {
		t.out = t.out[:0]
	}
	events, err := t.decoder.End(t.events[:0])
	t.events = events
	if bad := t.translate(events); bad != nil {
		return nil, bad
	}
	switch {
	case err != nil:
		return t.ready(), err
	case !t.started:
		return nil, errEmpty
	}
	t.out = t.encoder.End(t.out)
	return t.out, nil
}

var errEmpty = codec.NoAnswer("the upstream returned an empty response")

func (t *translation) ready() []byte {
	if !t.started {
		return nil
	}
	return t.out
}

// translate writes events for the client. The error is that of an answer that
// is none.
func (t *translation) translate(events []codec.Event) error {
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case codec.EventStart, codec.EventUsage:
			if !e.Usage.Zero() {
				t.usage = e.Usage
			}
		case codec.EventFinish:
			if !t.started && !mayBeEmpty(e.Finish) {
				return errEmpty
			}
			t.started = true
		}
		if e.Says() {
			if !t.started {
				if err := trigger.InText(string(e.Text), t.triggers); err != nil {
					return err
				}
			}
			t.started = true
		}
		t.out = t.encoder.Append(t.out, e)
	}
	return nil
}

// mayBeEmpty says that an answer without a word has a reason for it: another
// channel would say no more.
func mayBeEmpty(f codec.Finish) bool {
	return f.Reason == codec.FinishLength || f.Reason == codec.FinishFilter
}

// checkResponse looks whether a decoded answer is one.
func checkResponse(a *codec.Response, triggers []string) error {
	for _, c := range a.Choices {
		for _, p := range c.Message.Parts {
			if err := trigger.InText(p.Text, triggers); err != nil {
				return err
			}
		}
	}
	if !a.Says() && (len(a.Choices) == 0 || !mayBeEmpty(a.Choices[0].Finish)) {
		return errEmpty
	}
	return nil
}

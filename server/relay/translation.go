package relay

import (
	"uniapi/codec"
	"uniapi/codec/fit"
	"uniapi/codec/toolid"
	"uniapi/codec/trigger"
	"uniapi/server/budget"
)

// translation is the flow between two formats.
type translation struct {
	decoder  codec.StreamDecoder
	encoder  codec.StreamEncoder
	request  Request // whose answer it is; nil if it is one of several streams
	triggers []string
	redactor Redactor
	names    fit.Names // the client's, of tools that the upstream knows under others
	ids      toolid.Distinct
	joint    *Joint  // of which this is a stream; nil if another cannot go on with it
	unwrap   *unwrap // nil if the answer comes as it is

	keeping keeping
	events  []codec.Event
	out     []byte // collected until the answer has started, since nothing goes out before
	started bool
	done    bool
	usage   codec.Usage
	said    int64 // characters
}

// maxLead is how much is kept back for an answer to begin. An upstream that has
// said more is taken to be answering.
const maxLead = 1 << 20

func (t *translation) reset(d codec.StreamDecoder, e codec.StreamEncoder, triggers []string) {
	if cap(t.out) > budget.KeptBuffer {
		t.out = nil
	}
	_, logprobs := e.(codec.LogProbsKeeper)
	t.ids.Reset()
	*t = translation{ids: t.ids, decoder: d, encoder: e, triggers: triggers, keeping: keeping{logprobs: logprobs}, events: t.events[:0], out: t.out[:0]}
}

// mostEvents is how much room for events is kept from one piece of a stream to the
// next. append makes room for more than it is asked for, by how large an event is.
const mostEvents = 256 + 256/2

// begin makes room for what a piece of the stream comes to. What went out before
// is written by now.
func (t *translation) begin() {
	switch {
	case !t.started:
	case cap(t.out) > budget.KeptBuffer:
		t.out = nil
	default:
		t.out = t.out[:0]
	}
}

// keep keeps the room for events, unless a large one has needed much.
func (t *translation) keep(events []codec.Event) {
	if t.events = events; cap(events) > mostEvents {
		t.events = nil
	}
}

func (t *translation) Held() int {
	n := cap(t.out) + t.keeping.bytes() + t.unwrap.held()
	if t.joint != nil {
		n += t.joint.Held()
	}
	return n
}

func (t *translation) Started() bool { return t.started }

func (t *translation) Done() bool { return t.done }

// hasEnded says whether an upstream has said that its stream is complete, in those
// formats that say it and let nothing follow. Some keep the connection open.
func hasEnded(d codec.StreamDecoder) bool {
	e, says := d.(interface{ Done() bool })
	return says && e.Done()
}

func (t *translation) Usage() (codec.Usage, bool) { return t.usage, !t.usage.Zero() }

func (t *translation) Said() int64 { return t.said }

func (t *translation) Dropped() int { return droppedBy(t.decoder) }

// droppedBy is how many events a decoder could not read and has left out.
func droppedBy(d codec.StreamDecoder) int {
	if d, counts := d.(interface{ Dropped() int }); counts {
		return d.Dropped()
	}
	return 0
}

func (t *translation) Push(p []byte) ([]byte, error) {
	t.begin()
	events, err := t.decoder.Push(t.events[:0], p)
	t.keep(events)
	t.keeping.came(p, len(events))
	if bad := t.translate(events); bad != nil {
		return t.ready(), bad // what came before it
	}
	if err == nil && hasEnded(t.decoder) {
		return t.finish()
	}
	return t.ready(), err
}

func (t *translation) End() ([]byte, error) {
	t.begin()
	events, err := t.decoder.End(t.events[:0])
	t.keep(events)
	if bad := t.translate(events); bad != nil {
		return t.ready(), bad
	}
	if err != nil {
		return t.ready(), err
	}
	return t.finish()
}

func (t *translation) finish() ([]byte, error) {
	if !t.started {
		return nil, trigger.ErrEmpty
	}
	if t.request != nil {
		t.out = supplyStream(t.request, t.out, t.encoder)
	}
	t.out, t.done = t.encoder.End(t.out), true
	return t.out, nil
}

func (t *translation) ready() []byte {
	if t.started = t.started || len(t.out) > maxLead; !t.started {
		return nil
	}
	return t.out
}

// translate writes events for the client. The error is that of an answer that
// is none.
func (t *translation) translate(events []codec.Event) error {
	for i := range events {
		e := &events[i]
		if t.unwrap != nil {
			if rest := t.unwrap.event(e); rest != nil {
				if err := t.event(rest); err != nil {
					return err
				}
			}
		}
		if err := t.event(e); err != nil {
			return err
		}
	}
	return nil
}

// event writes one event.
func (t *translation) event(e *codec.Event) error {
	t.keeping.event(e)
	switch e.Kind {
	case codec.EventStart, codec.EventUsage:
		t.usage.Update(e.Usage)
	case codec.EventFinish:
		if !t.started && !trigger.MayBeEmpty(e.Finish) {
			return trigger.ErrEmpty
		}
		if t.joint != nil && t.joint.brokeOff(e) {
			return codec.CutShort()
		}
		t.started = true
	}
	if t.redactor != nil {
		if e.Kind == codec.EventRefusal { // it may be the provider's
			t.redactor.Censor(e.Text)
		}
		e.Own(t.redactor.CleanText)
	}
	t.said += e.Said()
	if e.Says() {
		if !t.started {
			if err := trigger.InText(string(e.Text), t.triggers); err != nil {
				return err
			}
		}
		t.started = true
	}
	t.names.Event(e)
	t.ids.Event(e)
	t.out = t.encoder.Append(t.out, e)
	return nil
}

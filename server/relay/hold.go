package relay

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/server/budget"
)

// room is a request's holding as the pool asks it for room for an answer: without knowing for what.
type room budget.Holding

func (h *room) Hold(bytes int) error { return (*budget.Holding)(h).Hold(budget.Answer, bytes) }

// holdDecoding takes what reading and writing a whole answer needs that has come.
func (a *Answer) holdDecoding(body []byte) error {
	return a.Holding.Hold(budget.Answer, budget.Beyond(body)+2*budget.Decoding(len(body), rawjson.Values(body)))
}

// holdFlow keeps count of what a stream holds back.
func (a *Answer) holdFlow() error {
	n := a.Flow.Held()
	if n <= budget.KeptBuffer && a.Holding.Held(budget.Stream) == 0 {
		return nil
	}
	err := a.Holding.Hold(budget.Stream, n)
	if err != nil && a.Joint != nil && a.Joint.plain { // what is kept for others to go on with is the least of it
		a.Joint.forget()
		err = a.Holding.Hold(budget.Stream, a.Flow.Held())
	}
	return err
}

// largeEvent is from which size on what has come of an event is counted.
const largeEvent = 64 << 10

// keeping reckons what the translation of a stream keeps.
type keeping struct {
	unread int // bytes that have come since the last event, of which the next is made
	values int // in those beyond largeEvent
	said   int // bytes of events that an encoder may have to repeat at the end

	logprobs bool // are among them
}

// came is told what the decoder gets, and how many events it has made of it.
func (k *keeping) came(p []byte, events int) {
	if events > 0 {
		k.unread, k.values = 0, 0
	}
	if k.unread += len(p); k.unread > largeEvent {
		k.values += bytes.Count(p, []byte{','}) + bytes.Count(p, []byte{'{'}) + bytes.Count(p, []byte{'['})
	}
}

// eventKept is what an event may leave behind beside its text.
const eventKept = 200

// event is told of each event.
func (k *keeping) event(e *codec.Event) {
	k.said += e.Size()
	if k.logprobs {
		k.said += len(e.LogProbs)
	}
	switch e.Kind {
	case codec.EventToolStart, codec.EventReasoningEnd, codec.EventFinish, codec.EventCitation, codec.EventMedia:
		k.said += eventKept
	}
}

// bytes is what is kept, and what the next event will take: it is read, decoded,
// and written; what was said stands in the answer and in its last event.
func (k *keeping) bytes() int {
	n := 3 * k.said
	if k.unread > largeEvent {
		n += 4*k.unread + budget.ValueDecoded*k.values
	}
	return n
}

package codec

import (
	"encoding/json"

	"uniapi/codec/estimate"
)

// Response is a whole answer.
type Response struct {
	// Format names the format it was decoded from.
	Format string
	// ID and Model are the upstream's. Created is in Unix seconds, 0 if the upstream did not say.
	ID, Model string
	Created   int64
	Choices   []Choice
	Usage     Usage
	// HasUsage is false if the upstream gave none.
	HasUsage    bool
	ServiceTier string
	Extra       Fields
}

// Choice is one of the answers to a request; nearly always there is only one.
type Choice struct {
	Index   int64
	Message Message
	Finish  Finish
	// LogProbs is OpenAI's logprobs object.
	LogProbs json.RawMessage
	Extra    Fields
}

// Finish is why an answer ended.
type Finish struct {
	Reason FinishReason
	// Native is the upstream's own word, and StopSequence the one that was met, where it tells.
	Native, StopSequence string
}

// FinishReason is Finish in the few words that all formats share. The zero value is an answer that has not ended.
type FinishReason uint8

const (
	FinishNone FinishReason = iota
	FinishStop
	FinishLength
	FinishToolCalls
	FinishFilter
	// FinishError is an answer that the upstream gave up.
	FinishError
)

// Event is a step of a streamed answer. What it points to belongs to the decoder and is valid until its next Push.
type Event struct {
	Kind EventKind
	// Choice is the answer that it belongs to, 0 but for requests with N > 1.
	Choice int64
	// Index counts the tool calls of a choice from 0, for the tool events. A decoder counts tool calls only, not
	// blocks.
	Index int64

	// Text is the piece of text, reasoning, refusal or arguments, decoded.
	Text []byte
	// ID and Name are those of the tool call for EventToolStart, of the answer and its model for EventStart.
	ID, Name string
	// Custom is whether a tool call is to a custom tool. Answer is Part.Answer of a text.
	Custom, Answer bool
	// Created is EventStart's time in Unix seconds, 0 if unknown.
	Created int64

	Finish    Finish
	Usage     Usage
	Signature Signature
	Reasoning *ReasoningInfo
	Media     *Media
	Citation  *Citation
	// LogProbs is OpenAI's logprobs object for Text.
	LogProbs json.RawMessage
}

// Said is what the event adds to what the answer says, in characters as estimate weighs them.
func (e *Event) Said() int64 {
	switch e.Kind {
	case EventText, EventRefusal, EventReasoning, EventToolArguments:
		return estimate.Weight(e.Text)
	case EventMedia:
		return estimate.MediaTokens * estimate.CharactersPerToken
	}
	return 0
}

// Size is how many bytes the event points to, which is about what keeping it takes; of its LogProbs see LogProbsKeeper.
func (e *Event) Size() int {
	n := len(e.Text) + len(e.ID) + len(e.Name) + len(e.Finish.Native) + len(e.Finish.StopSequence) + len(e.Signature.Provider) + len(e.Signature.Value) + len(e.Usage.Tier)
	if r := e.Reasoning; r != nil {
		n += len(r.Encrypted) + len(r.ID) + len(r.Format)
	}
	if m := e.Media; m != nil {
		n += len(m.MIME) + len(m.Data) + len(m.URL) + len(m.FileID) + len(m.Name) + len(m.Detail) + len(m.Transcript)
	}
	if c := e.Citation; c != nil {
		n += len(c.URL) + len(c.Title) + len(c.Text) + len(c.Raw)
	}
	return n
}

// EventKind tells what happened.
type EventKind uint8

const (
	// EventStart is the first event of a stream: ID, Name, Created, and Usage if the input is counted already.
	EventStart EventKind = iota
	EventText
	EventRefusal
	// EventReasoning is a piece of thinking. EventReasoningEnd ends a block of it, with the Signature of the whole
	// block or the encrypted thinking in Reasoning; formats that do not sign never send it.
	EventReasoning
	EventReasoningEnd
	// EventToolStart begins a tool call: Index, ID, Name. EventToolArguments adds to its arguments. EventToolEnd ends
	// it, where the format tells; calls may overlap.
	EventToolStart
	EventToolArguments
	EventToolEnd
	// EventMedia is an image or a sound, or a piece of one.
	EventMedia
	EventCitation
	// EventFinish ends a choice. Usage may follow.
	EventFinish
	// EventUsage is the running total; the last one counts.
	EventUsage
	// EventPing is a sign of life.
	EventPing
)

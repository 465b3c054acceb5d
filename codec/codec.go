// Package codec is the neutral form of what all LLM formats say: requests, answers, events of a stream, usage, errors.
// A format (a folder of codec/formats) is written once against it, in both directions, so that any client can be served
// by any provider. Where client and provider speak the same format nothing here is used but Usage and Error: the bytes
// pass through.
//
// The model holds what the richest formats can say: ordered parts, signed thinking, tool results with images, cache
// markers. What only one format has stays in Extra as that format's own JSON: it is written again by the same format
// and known to others by its name only.
package codec

// Format is one wire format. A value of it is also the place for the quirks of a provider that almost speaks it.
//
// Everything is pure: a request is encoded again for every attempt, and the same input gives the same bytes, or
// providers' prompt caches would never hit. Decoded values may alias the bytes they were decoded from and are valid as
// long as those.
type Format interface {
	// Name is the format's name as in Request.Format: "openai", "anthropic", ...
	Name() string
	// Properties are what the format says of itself: the same for all, and not to be changed.
	Properties() *Properties

	// DecodeRequest reads a client's request. The error is a *Error with status 400 that names what is wrong.
	DecodeRequest(body []byte) (*Request, error)
	// EncodeRequest appends the request as an upstream of this format gets it, for the upstream's name of the model.
	// The error is a *Error if the format cannot say what the request needs.
	EncodeRequest(dst []byte, r *Request, model string) ([]byte, error)

	// DecodeResponse reads a whole answer that came with a success status. The error is a *Error if it is none.
	DecodeResponse(body []byte) (*Response, error)
	// EncodeResponse appends the answer to r as a client of this format gets it.
	EncodeResponse(dst []byte, a *Response, r *Request) []byte

	// NewStreamDecoder reads an upstream's stream.
	NewStreamDecoder() StreamDecoder
	// NewStreamEncoder writes the stream that answers r.
	NewStreamEncoder(r *Request) StreamEncoder

	// DecodeError reads an upstream's answer with a status outside 200 to 299.
	DecodeError(status int, contentType string, body []byte) *Error
	// EncodeError appends the body of an error answer.
	EncodeError(dst []byte, e *Error) []byte
}

// StreamDecoder turns the bytes of an upstream's stream, split anywhere, into events. It finds the frames itself, since
// not all formats use server-sent events. Memory does not grow with the answer.
type StreamDecoder interface {
	// Push appends the events that p completes to dst. They, and what they point to, are valid until the next Push. The
	// error, a *Error, is the upstream's, or says that its stream cannot be read; the events before it are in the
	// result.
	Push(dst []Event, p []byte) ([]Event, error)
	// End takes the clean end of the connection. The error says that the stream was not complete.
	End(dst []Event) ([]Event, error)
}

// StreamEncoder writes events for one client.
type StreamEncoder interface {
	// Append writes what e means to the client, which may be nothing.
	Append(dst []byte, e *Event) []byte
	// End writes what ends a complete stream.
	End(dst []byte) []byte
	// Fail writes the error as the last thing in a stream that has begun.
	Fail(dst []byte, e *Error) []byte
}

// LogProbsKeeper is a StreamEncoder that repeats the logprobs of all texts in its last event. The others let go of them
// at once.
type LogProbsKeeper interface{ KeepsLogProbs() }

// Field is a member that the neutral model has no place for, with its JSON as it came.
type Field struct {
	Name string
	Raw  []byte
}

// Fields are unknown members in their order.
type Fields []Field

// Get returns the JSON of the last member of that name, nil if there is none.
func (f Fields) Get(name string) []byte {
	for i := len(f) - 1; i >= 0; i-- {
		if f[i].Name == name {
			return f[i].Raw
		}
	}
	return nil
}

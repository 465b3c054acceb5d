// Package relay brings what an upstream answers to the client that waits for it. It has two halves, and what is between
// them is a passthrough.Flow.
//
// An Answer is the upstream's end. Read takes what comes of one attempt until it is certain that it is an answer: a
// whole one, or the first event of a stream. Until then nothing has been promised to the client.
//
// A Delivery is the client's end. It writes a stream as it comes, event by event or whatever a read brought, shows
// that somebody is there while nothing comes, and where an answer breaks off it has another upstream go on with it or
// tells the client that it was cut.
//
// Which upstream is asked, what its failure means and what it all costs is not known here: see Request, Redactor and
// Owner.
package relay

import (
	"bytes"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/fit"
	"uniapi/codec/front"
	"uniapi/codec/passthrough"
	"uniapi/codec/sse"
	"uniapi/pool"
	"uniapi/server/budget"
)

// Answer is what an upstream answers to one attempt, on its way to the client. Whether it is an answer at all is found
// out before the client has any of it: Read returns when all of a whole answer is there, or a stream's first event, and
// until then another attempt may be made instead. A stream goes on in a Delivery.
//
// An Answer is used again for the next attempt, with its buffers.
type Answer struct {
	Terms
	Progress

	Body        []byte // a whole answer as the client gets it, in memory that is kept
	ContentType []byte // of an answer that passes as it comes; else it is the format's

	pass   passthrough.Stream
	mixed  translation
	passes passes
}

// Terms say what an answer is of, and what it must become. They are known when the upstream is asked.
type Terms struct {
	Request  Request
	Redactor Redactor
	Holding  *budget.Holding    // of what the attempt takes
	Response *fasthttp.Response // the client's, whose memory a whole answer is read into
	Blanks   time.Duration      // for how long a whole answer may begin with nothing but white space

	Client       codec.Format  // what the client speaks
	Speaks       front.Inbound // the same, where it passes
	Head         *front.Head   // of the request
	Upstream     string        // the name of the format that the upstream speaks
	From         front.From    // that format, and what the answer is looked through for
	Untranslated bool          // the upstream speaks as the client does
	Raw          bool          // it is no conversation, and passes as it comes
	Streamless   bool          // nothing of its kind is a stream
	Stream       bool          // the client has asked for one
	Buffered     bool          // a stream is to be there whole before the client gets any of it
	Unread       bool          // nothing is looked for in a whole answer

	Names   fit.Names           // the client's, of tools that the upstream knows under others
	Wrapped *codec.OutputFormat // that the answer comes in, which is not what the client gets; nil if it comes as it is
}

// Progress is how far an answer has come. Nothing of it is left for the next attempt.
type Progress struct {
	Open  *pool.Response   // while a stream goes on
	Flow  passthrough.Flow // what a stream goes through
	Joint *Joint           // the client's answer, where this one is a part of it that another may go on with
	First []byte           // what goes out first: what a stream had said when it was found to be an answer

	Usage   codec.Usage // that was told, and at the end what is charged
	Said    int64       // about how many tokens an answer had that is no longer there; 0 if nobody knows
	Halfway bool        // a stream had begun that was to be there whole
	Dropped int         // events that could not be read, of a stream that was put together
	Cut     *Cut        // nil unless such a stream broke off

	broken  error               // that the stream broke off with behind First
	encoder codec.StreamEncoder // writes a translated stream
}

// Cut is what has come of a stream that was to be put together: what it tells of its usage so far, and how many
// characters it has said.
type Cut struct {
	Usage codec.Usage
	Said  int64
}

// Request is what an answer must know of its request. An attempt is one.
type Request interface {
	// DecodedRequest is the request in the neutral form.
	DecodedRequest() (*codec.Request, error)
	// ToldUsage is what the upstream has counted so far; GuessUsage fills in what that lacks, where clients miss it.
	ToldUsage() codec.Usage
	GuessUsage(u *codec.Usage)
}

// Redactor takes secrets out of what an upstream says itself.
type Redactor interface {
	sse.Censor
	Clean(text []byte) []byte
	CleanText(text *string)
	CleanWhole(whole *codec.Response)
}

var (
	// ContentTypeJSON begins the content type of a whole answer.
	ContentTypeJSON = []byte("application/json")
	// ContentTypeEvents is that of a stream whose format has none of its own.
	ContentTypeEvents = []byte("text/event-stream; charset=utf-8")
)

// Read reads what an upstream answers until it is certain that it is an answer. The error is why it is none.
func (a *Answer) Read(from *pool.Response) error {
	a.Cut, a.Dropped = nil, 0
	whole := bytes.HasPrefix(from.Header.ContentType(), ContentTypeJSON)
	switch {
	case a.Raw:
		return a.readRaw(from, whole)
	case a.Stream && !whole:
		if a.Buffered {
			return a.readToEnd(from)
		}
		return a.readFirstEvent(from)
	case !a.Stream && !whole && isEvents(&from.Header):
		return a.collect(from)
	}
	from.Begin()
	if a.Stream {
		return a.replay(from)
	}
	return a.readWhole(from)
}

// IsWhole tells from its content type that an upstream does not send a stream. Some send one where none was asked for,
// or none where one was.
func IsWhole(from *pool.Response) bool {
	return bytes.HasPrefix(from.Header.ContentType(), ContentTypeJSON)
}

// isEvents tells that it sends one.
func isEvents(h *fasthttp.ResponseHeader) bool {
	kind := h.ContentType()
	return bytes.HasPrefix(kind, []byte("text/event-stream")) || bytes.HasPrefix(kind, []byte("application/vnd.amazon.eventstream"))
}

// Room implements front.Room.
func (a *Answer) Room(bytes int) error {
	return a.Holding.Hold(budget.Answer, budget.Beyond(a.Body)+bytes)
}

// Close lets go of a stream that nothing more is read of.
func (a *Answer) Close() {
	if a.Open != nil {
		a.Open.Close()
		a.Open = nil
	}
}

// Images is how many images have come in an answer that passes as it comes and is no JSON; false for another.
func (a *Answer) Images() (made int64, is bool) {
	raw, is := a.Flow.(*rawStream)
	if !is {
		return 0, false
	}
	return raw.made(), true
}

// GoesOn says whether the answer goes on with one that another upstream began.
func (a *Answer) GoesOn() bool { return a.Joint != nil && a.Joint.again }

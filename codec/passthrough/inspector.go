package passthrough

import "uniapi/codec"

// Sign is what an event means to the stream that it is in.
type Sign struct {
	// Begins says that it is part of an answer and not only of what leads to one: once it is out, no other channel can
	// be asked.
	Begins bool
	// Done says that it ends the answer and that nothing can follow.
	Done bool
	// Plain says that it has a piece of the model's answer in the words of the format, and nothing else.
	Plain bool
	// Err is the error that it reports, or that it is; nil for most.
	Err *codec.Error
	// NotJSON says that Err is but that it cannot be read: an answer that has begun goes on without it.
	NotJSON bool
	// Hidden says that the client is not to see it.
	Hidden bool
	// Shaped says that most of those that follow will be like it but for the Holes of a Shaper.
	Shaped bool
	// Lacks says that clients do not read it as it is: a Mender writes it anew.
	Lacks bool
}

// NotJSON is the sign of an event that cannot be read.
func NotJSON(err error) Sign { return Sign{Err: codec.NotJSON(err), NotJSON: true} }

// Inspector reads the events of one format. It keeps what runs through a stream, such as the usage so far.
type Inspector interface {
	// Reset forgets the stream before.
	Reset()
	// Event reads a whole event: its name, which may be missing, and its data, which begins with a brace. Begun says
	// that the answer has begun, so that an event which only goes on with it need not be read closely. Neither slice
	// may be kept.
	Event(name, data []byte, begun bool) Sign
	// Head reads the first 64 KiB of an event that is larger, whose data is therefore cut off.
	Head(name, data []byte, begun bool) Sign
	// Tail reads the last 64 KiB of such an event. What begins there has begun by its head.
	Tail(data []byte) Sign
	// Failure makes an error of what came in the place of an event: bare JSON, a page, words, as a block or, where name
	// is "error", as the data of an event of that name. Nil if it is of no matter.
	Failure(name, block []byte) *codec.Error
	// End is asked when the upstream ended the stream without an event that is Done: which bytes complete it for the
	// client, or which error it is. An answer that is complete though it never began may go out now.
	End(begun bool) (last string, err *codec.Error)
	// Usage is what was reported so far.
	Usage() codec.Usage
	// Said is about how many characters the answer has had so far.
	Said() int64
}

// Shaper is an inspector of a format whose ordinary events differ in a few strings only.
type Shaper interface {
	// Holes are those strings in the last event that was Shaped. Their order is of no matter, and changes.
	Holes() []Hole
}

// Mender is an inspector that writes anew what clients do not read as it comes.
type Mender interface {
	// Mend appends the event that goes out in the place of the last one, which Lacks something.
	Mend(dst, name, data []byte) []byte
}

// Worded is an inspector of a format that ends with a word instead of an event.
type Worded interface {
	// LastWord is the data of the event that nothing follows. It goes out.
	LastWord() string
}

// Counter is an inspector that knows whether the usage is of the whole answer: it was reported at its end.
type Counter interface{ Counted() bool }

// Learner is an inspector for which an event that is like one before is Plain. What was changed behind it is no
// example.
type Learner interface{ Forget() }

package passthrough

import "uniapi/codec"

// Flow is an upstream's stream on its way to the client: passed through, or translated. What Push and End return goes
// out; it is valid until the next call.
type Flow interface {
	Push(p []byte) (out []byte, err error)
	End() (out []byte, err error)
	// Done says that nothing can follow, though the upstream has not ended yet.
	Done() bool
	// Started says that a first event has come that is part of an answer.
	Started() bool
	// Held is how many bytes are held, at the most.
	Held() int
	Usage() (codec.Usage, bool)
	// Dropped is how many events could not be read and were left out.
	Dropped() int
	// Said is about how many characters the answer has had so far.
	Said() int64
}

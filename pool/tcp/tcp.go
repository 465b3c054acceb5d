// Package tcp is TCP connections as the hot path wants them: the net package's, waiting in Go's poller as they do, but
// with reads and writes that do not tell the scheduler of themselves.
//
// A system call that blocks has to be announced to the scheduler, so that another thread can take over the processor
// meanwhile. On a socket that does not block, none is needed: all the call does is copy. But the scheduler's monitor
// wakes every 20 µs while calls are announced, looks at each, and takes the processor from those that it finds twice,
// as it does those that deliver a packet on loopback; a tenth of a gateway's CPU went into that.
package tcp

import "net"

// nothingYet is temporary in the sense of net.Error: crypto/tls goes on after it where it stopped.
type nothingYet struct{}

func (nothingYet) Error() string   { return "nothing to read yet" }
func (nothingYet) Timeout() bool   { return true }
func (nothingYet) Temporary() bool { return true }

// ErrNothingYet says that a read would have to wait.
var ErrNothingYet net.Error = nothingYet{}

// Lender lends a buffer to a read for as long as there is something to read.
type Lender interface {
	Lend() []byte // where to read to, one byte or more
	Return()      // nothing has been read
}

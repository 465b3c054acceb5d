package pool

import (
	"errors"
	"os"
)

// Kind says in which phase an exchange failed; the relay decides by it whether another attempt makes sense and which
// status the client sees.
type Kind int

const (
	Dial             Kind = iota + 1 // no connection: name not found, refused, unreachable, not within Options.Connect
	TLS                              // the handshake failed: certificate, protocol version, hang-up, not within Options.Connect
	Proxy                            // the proxy was not reached, refused, or does not speak its protocol
	Write                            // the request could not be written, and no answer was readable
	FirstByteTimeout                 // no complete head within Deadlines.FirstByte
	IdleTimeout                      // the answer stood still for longer than Deadlines.Idle
	Reset                            // the connection ended or broke before the answer or within it
	Protocol                         // what came is not HTTP: head, chunk or encoding is malformed, or the head is too large
	TooLarge                         // the answer is larger than allowed
	Canceled                         // Call.Cancel was called
	Overdue                          // the time of Call.Until has come
)

var kindNames = [...]string{
	Dial: "dial", TLS: "tls", Proxy: "proxy", Write: "write", FirstByteTimeout: "first byte timeout", IdleTimeout: "idle timeout",
	Reset: "reset", Protocol: "protocol", TooLarge: "too large", Canceled: "canceled", Overdue: "overdue",
}

// String is the kind as logs and metrics name it.
func (k Kind) String() string {
	if k <= 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// Error is every failure of an exchange. Its text holds host names and ports, never a key, a request or a proxy's
// credentials.
type Error struct {
	Kind Kind
	Op   string // what was being done, e.g. "connecting to api.example.com:443"
	Err  error  // the cause
}

func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrCanceled is what Do, Next and AppendBody return once Call.Cancel was called: always this very value, an *Error of
// kind Canceled.
var ErrCanceled error = &Error{Kind: Canceled, Op: "upstream request", Err: errors.New("canceled")}

// ErrOverdue is what they return once the time of Call.Until has come: always this very value, an *Error of kind
// Overdue.
var ErrOverdue error = &Error{Kind: Overdue, Op: "upstream request", Err: errors.New("not done in the time that the whole may take")}

// timedOut tells a deadline of ours from everything else that ends a read or a write.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

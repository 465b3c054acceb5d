package usage

import (
	"context"
	"errors"
	"time"
)

// Ledger is where the books are kept. OpenLedger gives the form of one process, in a file or in memory; a database that
// several instances share can take its place. Requests never wait for it: once a second what was counted is handed
// over, by one goroutine at a time.
//
// Whatever a ledger waits for ends by the deadline of ctx.
type Ledger interface {
	// Count takes over what was counted until a time. It is kept in this process at least, so that Read finds it, until
	// it is written. After an error none of it was taken, and it is handed over again.
	Count(ctx context.Context, now time.Time, what []Counted) error
	// Write has all that was taken over kept for good, and older rows put together and forgotten as they are due. After
	// an error it may or may not have been kept: it is written again, and counts once.
	Write(ctx context.Context, now time.Time) error
	// Read lets ask see rows of some kinds as of one moment, with all that Count took over until now. ask may be called
	// more than once, and hands on what a View's errors are.
	Read(ctx context.Context, now time.Time, kinds []Kind, ask func(View) error) error

	// Credits are what was added to the credits of client keys, ever, by their hashes.
	Credits(ctx context.Context) (map[string]int64, error)
	// AddCredits adds to those of a key, or takes back, and has that and the correction kept before it returns. total
	// is the sum, which never is below zero: the error is a TooMuchTakenBack then. After an error nothing was changed.
	AddCredits(ctx context.Context, key string, c Correction) (total int64, err error)
	// Corrections are all that AddCredits did for a key, the first one first.
	Corrections(ctx context.Context, key string) ([]Correction, error)

	// Limits are what KeepLimits was told to keep and is not to be forgotten yet.
	Limits(ctx context.Context, now time.Time) (map[string][]byte, error)
	// KeepLimits takes over what limits have counted, by names, each in the place of what it had under that name. It is
	// written by the next Write. until says from which second on a value may be forgotten.
	KeepLimits(changed map[string][]byte, until func(value []byte) int64)

	// Status tells how it is, without waiting.
	Status() Status
	// Close lets go of it. What has not been written is lost.
	Close() error
}

// View is the ledger at one moment.
type View interface {
	// Scan adds the rows of a question, span by span in order of time, to what of gives for their series; nil is for
	// those that are not asked for. of is asked once for a series. begun, which may be nil, is called before the rows
	// of each span with when it began.
	Scan(q Question, begun func(at, length int64), of func(Name) *Counts) error
	// Aligned is when the span begins that a scan from a time begins with: where only long ones are left, before it.
	Aligned(k Kind, from int64) int64
	// End is behind all that was counted.
	End() int64
}

// Question says which rows are asked for. Times are seconds since 1970.
type Question struct {
	Kind     Kind
	From, To int64
	// Longest is how long a span may be that is answered with: a minute, an hour or a day. Where the ledger has only
	// longer ones left, it answers with those, beginning with the one that From is in.
	Longest int64
	Columns Columns // that are wanted
}

// Counted is what was counted of a series since it was told last.
type Counted struct {
	Name   Name
	Counts Counts
}

// Status is how a ledger stands.
type Status struct {
	Pending int           // rows that were taken over and are not written
	Rows    int           // that the last Write wrote
	Took    time.Duration // by the last Write that wrote
	Size    int64         // in bytes; 0 is unknown
	Damaged int64         // rows that could not be read and were set aside, ever
	Away    time.Time     // since when a database that instances share does not take what was written; the zero time is that it does
	AwayErr error         // why
}

// errTorn is that a row turned out to be damaged: the question is asked again, without it.
var errTorn = errors.New("a row of the ledger cannot be read")

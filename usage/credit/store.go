// Package credit keeps what client keys have spent of their credits. All amounts are nano-dollars.
package credit

import "context"

// Store keeps the accounts of client keys. NewLocal is the form that lives in one process; a store that several
// instances share can take its place. It need not survive anything: what was spent is added up from the ledger when an
// account is new (Since).
type Store interface {
	// Account is that of a client key, by the hash that the ledger has of it, and the same each time.
	Account(key string) Account
}

// Account is what one client key has spent, and what its requests in flight hold. It is safe for concurrent use. Only
// Confirm waits.
type Account interface {
	// Reserve takes an estimate out of what is left of a limit, until Settle. It is taken as long as anything is left,
	// even if the request turns out to cost more: nobody can know that before. Unsure is that Confirm must be asked: an
	// account that several instances share answers by itself as long as it holds enough of the limit for them not to
	// spend it at the same time.
	Reserve(estimate, limit int64) Answer
	// Confirm is Reserve for what was Unsure. It returns by the deadline of ctx. After an error nobody knows what the
	// others have spent; then the estimate is reserved in this instance, and Settle ends that as it would end any
	// other.
	Confirm(ctx context.Context, estimate, limit int64) (ok bool, err error)
	// Settle ends a reservation of that estimate with what the request cost. An estimate of 0 is a cost without a
	// reservation.
	Settle(estimate, cost int64)

	// Spent is what was settled since Since, Reserved what requests in flight hold beside it, as far as this process
	// knows.
	Spent() int64
	Reserved() int64
	// Added is what was added to the credits of the configuration, ever; SetAdded is told of what the ledger has of it.
	Added() int64
	SetAdded(nano int64)
	// Since is the second from which costs count; 0 is an account that knows nothing of its past yet, and is told by
	// Begin.
	Since() int64
	// Begin lets costs count from another time, which changes what was spent by so much: the one way for it to become
	// less. A store that several instances share does that once for each such time.
	Begin(since, by int64)
}

// Answer is whether a reservation was made.
type Answer int

// The answers.
const (
	Refused Answer = iota
	Reserved
	Unsure
)

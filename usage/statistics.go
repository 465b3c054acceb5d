package usage

import (
	"context"
	"errors"
	"fmt"
)

// Statistics are what the ledger tells. Of gives those of one instance.
type Statistics struct {
	books    *Books
	instance string // "" is all
}

// ErrInstance is that a ledger knows no instance of a name.
var ErrInstance = errors.New("no such instance")

// Of are the statistics of one of the instances that share the ledger; "" is all of them.
func (st Statistics) Of(ctx context.Context, instance string) (Statistics, error) {
	of := Statistics{st.books, instance}
	if instance == "" {
		return of, nil
	}
	l, shared := st.books.ledger.(*sharedLedger)
	if !shared {
		return of, fmt.Errorf("%w: instance needs a ledger that several have (DATABASE_URL); this one has its own", ErrInstance)
	}
	if known, err := l.knows(ctx, instance); err == nil && !known {
		return of, fmt.Errorf("%w: nothing was counted by %q", ErrInstance, instance)
	}
	return of, nil
}

// Instances are the names of those that share the ledger, as they were told at most a moment ago; none if it is of this
// one alone, or cannot be asked.
func (st Statistics) Instances(ctx context.Context) []string {
	l, shared := st.books.ledger.(*sharedLedger)
	if !shared {
		return nil
	}
	return l.instances(ctx)
}

// read is Books.read for these instances.
func (st Statistics) read(ask func(View) error, kinds ...Kind) {
	if st.instance == "" {
		st.books.read(ask, kinds...)
		return
	}
	ctx, cancel := within(readWithin)
	defer cancel()
	now := st.books.options.Now()
	err := st.books.handOver(ctx, now)
	if l, shared := st.books.ledger.(*sharedLedger); shared && err == nil {
		err = l.readOf(ctx, now, st.instance, ask)
	}
	st.books.lacking(err)
}

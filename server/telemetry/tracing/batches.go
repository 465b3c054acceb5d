package tracing

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"uniapi/server/telemetry/tracing/otlp"
)

// batches hold spans, as bytes, until the collector has them, and count those that it does not get.
type batches struct {
	batching
	to       *otlp.Client
	envelope otlp.Envelope
	reports  *reports

	mu      sync.Mutex
	filling batch
	full    []batch
	held    int      // bytes of those that wait or are being sent
	spare   [][]byte // the memory of batches that have been sent

	now, lost atomic.Int64 // spans that wait or are being sent, and that were lost

	ready      chan struct{} // a batch is full
	stop, done chan struct{} // closed by close, and when all has been sent
	last       context.Context
}

// batching is how spans are collected.
type batching struct {
	most    int           // that wait
	size    int           // of a batch
	delay   time.Duration // until a batch that is not full is sent
	timeout time.Duration // until a batch is given up
}

type batch struct {
	data  []byte
	spans int
}

// mostSpare is the memory of how many batches is kept: what comes and goes while one is sent.
const mostSpare = 4

// spanRoom is how many bytes a span is reckoned with where they are bounded by their number: most have half as many. So
// long texts, which somebody without a key may send too, take the places of further spans and no further memory.
const spanRoom = 1 << 10

func newBatches(of batching, to *otlp.Client, envelope otlp.Envelope, reports *reports) *batches {
	b := &batches{batching: of, to: to, envelope: envelope, reports: reports, ready: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go b.run()
	return b
}

// add has a span wait, if there is room.
func (b *batches) add(s *otlp.Span) {
	if b.now.Add(1) > int64(b.most) {
		b.now.Add(-1)
		b.lose(1)
		return
	}
	full, room := b.append(s)
	if !room {
		b.now.Add(-1)
		b.lose(1)
		return
	}
	if full {
		select {
		case b.ready <- struct{}{}:
		default: // it is said already
		}
	}
}

// append adds a span to the batch that is being filled, if there is room for its bytes. full is that the batch is.
func (b *batches) append(s *otlp.Span) (full, room bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held >= b.most*spanRoom {
		return false, false
	}
	before := len(b.filling.data)
	b.filling.data = otlp.AppendSpan(b.filling.data, s)
	b.held += len(b.filling.data) - before
	b.filling.spans++
	if full = b.filling.spans >= b.size || len(b.filling.data) >= b.size*spanRoom; full {
		b.seal()
	}
	return full, true
}

// seal ends the batch that is being filled. It is called under mu.
func (b *batches) seal() {
	b.full, b.filling = append(b.full, b.filling), batch{}
	if last := len(b.spare) - 1; last >= 0 {
		b.filling.data, b.spare = b.spare[last][:0], b.spare[:last]
	}
}

// lose counts spans that there is no room for.
func (b *batches) lose(n int64) {
	lost := b.lost.Add(n)
	b.reports.tell("OpenTelemetry: spans are dropped, since more come than are taken", "waiting", b.most, "lost", lost)
}

// run sends batches that are full, and from time to time one that is not, until close.
func (b *batches) run() {
	defer close(b.done)
	timer := time.NewTicker(b.delay)
	defer timer.Stop()
	for ctx := context.Background(); ; {
		select {
		case <-b.ready:
		case <-timer.C:
			b.flush()
		case <-b.stop:
			b.flush()
			b.sendFull(b.last)
			b.to.Close()
			return
		}
		b.sendFull(ctx)
	}
}

func (b *batches) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.filling.spans > 0 {
		b.seal()
	}
}

func (b *batches) sendFull(ctx context.Context) {
	for {
		b.mu.Lock()
		if len(b.full) == 0 {
			b.mu.Unlock()
			return
		}
		next := b.full[0]
		b.full = append(b.full[:0], b.full[1:]...)
		b.mu.Unlock()
		b.send(ctx, next)
		b.mu.Lock()
		b.held -= len(next.data)
		if len(b.spare) < mostSpare {
			b.spare = append(b.spare, next.data)
		}
		b.mu.Unlock()
	}
}

func (b *batches) send(ctx context.Context, next batch) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	partial, err := b.to.Send(ctx, b.envelope.Around(next.data))
	b.now.Add(-int64(next.spans))
	switch {
	case err != nil:
		lost := b.lost.Add(int64(next.spans))
		b.reports.tell("OpenTelemetry: spans could not be sent", "error", clip(err.Error()), "spans", next.spans, "lost", lost)
	case partial != otlp.Partial{}:
		rejected := min(partial.Rejected, int64(next.spans))
		b.reports.tell("OpenTelemetry: the collector complains of spans", "message", clip(partial.Message), "rejected", rejected, "lost", b.lost.Add(rejected))
	}
}

// close sends what is left, until the context is over.
func (b *batches) close(ctx context.Context) error {
	b.last = ctx
	close(b.stop)
	b.to.Hurry()
	<-b.done
	return nil
}

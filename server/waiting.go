package server

import (
	"time"

	"uniapi/balancer"
	"uniapi/codec"
	"uniapi/server/queue"
)

// How many requests wait for a limit at most. What they hold meanwhile is a part of what all requests may.
const (
	mostInQueue      = 1024
	mostInQueueOfKey = 256
)

// newQueue makes the queue of a gateway whose requests may hold so much memory: a quarter of it for those that wait,
// and a quarter of that for one key.
func newQueue(memory int64) *queue.Queue {
	return queue.New(queue.Bounds{Requests: mostInQueue, RequestsOfKey: mostInQueueOfKey, Bytes: memory / 4, BytesOfKey: memory / 16})
}

// guessed is a time that limits name which nobody knows: for requests under way.
const guessed = time.Second

// waitsFor says whether a request of the key waits for a limit that refuses it: one that has room again in time.
func (k *clientKey) waitsFor(r *balancer.Refused) bool {
	return k.queue > 0 && !r.OutOfCredit && !r.Unknown && r.After <= max(k.queue, guessed)
}

// admitInTurn is admitOnce for a request that waits behind those that came before it. Nothing is reserved for it
// meanwhile.
func (x *exchange) admitInTurn() (refused *balancer.Refused, poor *codec.Error) {
	try := func() queue.Verdict {
		switch refused, poor = x.admitOnce(); {
		case poor != nil:
			return queue.Verdict{After: guessed}
		case refused != nil:
			return queue.Verdict{After: refused.After, Shared: refused.Global || refused.Shared}
		}
		return queue.Verdict{Admitted: true}
	}
	if !x.server.waiting.Behind(x.key.Key, x.model) {
		if try().Admitted || poor != nil || !x.key.waitsFor(refused) {
			return refused, poor
		}
	}
	ctx, release := x.call.Context()
	defer release()
	outcome := x.server.waiting.Wait(ctx, &queue.Waiter{
		Key: x.key.Key, Model: x.model, Bytes: int64(len(x.body)), Until: time.Now().Add(x.key.queue), Try: try,
	})
	if outcome != queue.Admitted && refused == nil && poor == nil { // it was behind others all the time
		try()
	}
	return refused, poor
}

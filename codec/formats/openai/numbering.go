package openai

import "uniapi/codec"

// numbering gives the tool calls of a stream that passes numbers of their own: OpenAI's SDKs put the pieces of a call
// together by its index alone, and some upstreams number every call 0, or none. Which call a piece belongs to is told
// as for clients of other formats. Only events with calls are looked at.
type numbering struct {
	calls   openCalls
	numbers []int64 // of each of them, in its choice
	now     []int64 // the numbers of the pieces in the last event, as they stand there
	anew    bool    // a call has another number than the upstream gave it
}

func (n *numbering) reset() {
	n.calls.reset()
	n.numbers, n.now, n.anew = n.numbers[:0], n.now[:0], false
}

// any says whether there were calls.
func (n *numbering) any() bool { return len(n.calls.list) > 0 }

// read takes the pieces of an event, and says whether one of them is to have another number there.
func (n *numbering) read(pieces []callPiece) (differs bool) {
	n.now = n.now[:0]
	for i := range pieces {
		p := &pieces[i]
		number := n.number(p)
		n.now = append(n.now, number)
		differs = differs || !p.numbered || number != p.index
	}
	n.anew = n.anew || differs
	return differs
}

// number is that of the call that a piece belongs to.
func (n *numbering) number(p *callPiece) int64 {
	if len(n.numbers) == codec.MaxCalls && n.calls.find(p) < 0 { // more are nobody's
		return p.index
	}
	at, begins := n.calls.take(p)
	if begins {
		n.numbers = append(n.numbers, n.free(p))
	}
	return n.numbers[at]
}

// free is the number of a call that begins: the upstream's, unless another has it.
func (n *numbering) free(p *callPiece) int64 {
	taken, next := !p.numbered, int64(0)
	for at, number := range n.numbers {
		if n.calls.list[at].choice == p.choice {
			taken = taken || number == p.index
			next = max(next, number+1)
		}
	}
	if taken {
		return next
	}
	return p.index
}

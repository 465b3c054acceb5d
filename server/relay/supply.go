package relay

import (
	"uniapi/codec"
	"uniapi/codec/estimate"
)

// untold says that a usage does not tell both what was read and what was said. A client of another format would read it
// as zeros, or miss it: Anthropic's SDKs want both numbers in every message, the others leave their usage open. A whole
// answer that is told to have cost nothing is believed; the zeros of a stream are running totals.
func untold(u *codec.Usage, streamed bool) bool {
	switch {
	case u.Gaps&codec.Nothing != 0:
		return streamed
	case u.Zero():
		return true
	}
	return u.Gaps&(codec.NoPrompt|codec.NoCompletion) != 0
}

// supply gives a whole answer the usage that its client and the books are to have: where a half was not told it is what
// the total leaves, else estimated.
func (a *Answer) supply(whole *codec.Response) {
	u := a.Request.ToldUsage()
	if !untold(&u, false) {
		return
	}
	if a.Said == 0 {
		said := int64(0)
		for _, e := range whole.Events(nil) {
			said += e.Said()
		}
		a.Said = max(estimate.Text(said), 1)
	}
	a.Request.GuessUsage(&u)
	whole.Usage, whole.HasUsage = u, true
}

// supplyStream tells the client of a stream at its end what its usage lacks.
func supplyStream(request Request, dst []byte, encoder codec.StreamEncoder) []byte {
	u := request.ToldUsage()
	if !untold(&u, true) {
		return dst
	}
	request.GuessUsage(&u)
	return encoder.Append(dst, &codec.Event{Kind: codec.EventUsage, Usage: u})
}

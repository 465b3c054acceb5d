package server

import (
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/schema"
	"uniapi/pool"
	"uniapi/server/budget"
)

// What a request will hold is taken out of the budget before it is made. Bytes that come are counted as they come; what
// is made of them is reckoned from what there is, at the most that it has been seen to take:
// TestWhatIsMadeOfARequestTakesNoMoreThanWasReckoned tries what is worst in each format.

// bodyRoom is a request's holding as the pool asks it for room for the body: without knowing for what.
type bodyRoom budget.Holding

func (h *bodyRoom) Hold(bytes int) error { return (*budget.Holding)(h).Hold(budget.Body, bytes) }

// failureRoom is for an error, of which the object is kept beside the page.
type failureRoom struct{ holding *budget.Holding }

func (r *failureRoom) Hold(bytes int) error { return r.holding.Hold(budget.Answer, 2*bytes) }

const (
	// partKept is what a message, a part or a tool takes of that afterwards, with room in lists.
	partKept = 512
	// valueEdited is what a value takes while members are looked for, replaced and taken out.
	valueEdited = 128
	// partEncoded is what a message, a part or a tool takes while it is written: roles are put in order, ids found, and
	// what a format wants is added.
	partEncoded = 1 << 10
	// nodeCleaned is what a value of a tool's schema takes while it is cleaned.
	nodeCleaned = 512
)

// decodingOf is what reading a body into the neutral form takes.
func decodingOf(body []byte) int { return budget.Decoding(len(body), rawjson.Values(body)) }

// weight is what a request in the neutral form takes.
type weight struct {
	kept    int // by itself
	encoded int // by its form for an upstream, but for media that were fetched
	work    int // while that is made
}

// weigh reckons it for a request that was read from a body, of which decoding is
// decodingOf.
func weigh(r *codec.Request, body []byte, decoding int) weight {
	parts := len(r.Tools) + len(r.Stop) + len(r.Extra)
	for i := range r.Messages {
		parts += 1 + len(r.Messages[i].Extra) + countParts(r.Messages[i].Parts)
	}
	nodes, inlined := 0, 0 // those of the largest schema, and of all
	add := func(s []byte) {
		more, n := schema.Inlined(s), rawjson.Values(s)
		if more > 0 {
			n += schema.MaxNodes
		}
		nodes, inlined = max(nodes, min(n, 2*schema.MaxNodes)), inlined+more
	}
	if r.Output != nil {
		add(r.Output.Schema)
	}
	for i := range r.Tools {
		add(r.Tools[i].Schema)
	}
	text := len(body)
	if !utf8.Valid(body) { // U+FFFD takes the place of each byte
		text *= len("\ufffd")
	}
	return weight{
		kept:    min(len(body)+partKept*parts, decoding),
		encoded: text + text/8 + inlined,
		work:    partEncoded*parts + nodeCleaned*nodes,
	}
}

func countParts(parts []codec.Part) int {
	n := 0
	for i := range parts {
		p := &parts[i]
		n += 1 + len(p.Extra) + len(p.Citations)
		if p.Result != nil {
			n += countParts(p.Result.Parts)
		}
	}
	return n
}

// holdDecoding takes what decoding the request needs, for as long as that goes on.
func (in *inbound) holdDecoding() error {
	return in.holding.Hold(budget.Request, decodingOf(in.body))
}

// holdRewriting takes what decoding the request and writing it anew needs, where it
// is no conversation.
func (in *inbound) holdRewriting() error {
	return in.holding.Hold(budget.Request, decodingOf(in.body)+2*len(in.body))
}

// holdEncoding takes what writing the request for an upstream needs, and makes
// room for the usual length of it.
func (a *attempt) holdEncoding(fetched int) error {
	w := a.weight
	if err := a.holding.Hold(budget.Request, w.kept+w.encoded+w.work+fetched); err != nil {
		return err
	}
	if usual := len(a.body) + len(a.body)/8 + fetched + 1<<10; usual > cap(a.encoded) {
		pool.Recycle(a.encoded)
		a.encoded = pool.Buffer(usual)
	}
	return nil
}

// holdEncoded keeps what the request takes now that it is written.
func (a *attempt) holdEncoded(more int) error {
	return a.holding.Hold(budget.Request, a.weight.kept+budget.Beyond(a.encoded)+more)
}

// holdEditing takes what changing a body of the client's own format needs.
func (a *attempt) holdEditing(body []byte) error {
	return a.holding.Hold(budget.Request, 3*len(body)+valueEdited*rawjson.Values(body))
}

// holdEdited keeps what the changed body takes; nothing if it is the client's own.
func (a *attempt) holdEdited(body []byte) error {
	n := 0
	if !sameBytes(body, a.body) {
		n = len(body)
	}
	return a.holding.Hold(budget.Request, n)
}

// forgoRoom gives back what nothing of the last attempt needs any more.
func (a *attempt) forgoRoom() {
	a.holding.Hold(budget.Media, 0)
	a.holding.Hold(budget.Inflater, 0)
	a.holding.Hold(budget.Stream, 0)
}

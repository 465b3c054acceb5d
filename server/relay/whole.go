package relay

import (
	"io"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/front"
	"uniapi/codec/toolid"
	"uniapi/codec/trigger"
	"uniapi/pool"
	"uniapi/server/budget"
)

// MaxAnswer is how large a whole answer may be, in bytes; images come inside JSON.
const MaxAnswer = 256 << 20

// readWhole reads a whole answer to its end and looks whether it is one: some upstreams say 200 and mean an error. The
// memory is the client's connection's, which keeps it, where no other attempt has that.
func (a *Answer) readWhole(from *pool.Response) error {
	if a.Body == nil {
		a.Body = a.Response.SwapBody(nil)
	}
	// Some providers keep a connection open by white space before the JSON, while a request waits for its turn.
	from.Memory, from.Blanks = (*room)(a.Holding), a.Blanks
	body, err := from.AppendBody(a.Body[:0], MaxAnswer)
	from.Close()
	a.Body = body
	switch {
	case err != nil, a.Unread:
		return err
	case a.Raw:
		a.Usage, err = codec.CheckObject(body)
		if recoder, is := a.Speaks.(front.Recoder); is && err == nil {
			var anew []byte
			if anew, err = recoder.Recode(body, a.From, a); anew != nil {
				return a.replaced(anew)
			}
		}
		return err
	case a.Untranslated:
		var anew []byte
		if a.Usage, anew, err = a.Speaks.Check(body, a.From, a); err == nil && anew != nil {
			return a.replaced(anew)
		}
		return err
	}
	whole, err := a.decode(body)
	if err != nil {
		return err
	}
	return a.write(whole)
}

// replaced takes an answer that was written anew.
func (a *Answer) replaced(anew []byte) error {
	a.Body = anew
	return a.Holding.Hold(budget.Answer, budget.Beyond(anew))
}

// decode reads a whole answer. What it tells of its usage is noted where it cannot be read any further.
func (a *Answer) decode(body []byte) (*codec.Response, error) {
	err := a.holdDecoding(body)
	if err == nil {
		var whole *codec.Response
		if whole, err = a.From.Format.DecodeResponse(body); err == nil {
			return whole, nil
		}
	}
	a.Usage, a.Said = codec.UsageIn(body), max(estimate.Answer(body), 1)
	return nil, err
}

// write makes the client's answer of a decoded one, in its format.
func (a *Answer) write(whole *codec.Response) error {
	request, err := a.checked(whole)
	if err != nil {
		return err
	}
	a.finish(whole)
	body := a.Client.EncodeResponse(nil, whole, request) // what is decoded may point into the old one
	a.Body = body
	return a.Holding.Hold(budget.Answer, budget.Beyond(body))
}

// checked looks whether a decoded answer is one, and what it is an answer to.
func (a *Answer) checked(whole *codec.Response) (*codec.Request, error) {
	a.Usage = whole.Usage
	unwrapWhole(whole, a.Wrapped)
	if err := trigger.Check(whole, a.From.Triggers); err != nil {
		return nil, err
	}
	return a.Request.DecodedRequest()
}

// finish gives a decoded answer what its client is to find in it.
func (a *Answer) finish(whole *codec.Response) {
	a.Redactor.CleanWhole(whole)
	a.Names.Response(whole)
	new(toolid.Distinct).Response(whole)
	a.supply(whole)
}

// collect serves a client that asked for no stream from an upstream that streams all the same.
func (a *Answer) collect(from *pool.Response) error {
	decoder := a.From.Format.NewStreamDecoder()
	defer func() { a.Dropped += droppedBy(decoder) }()
	var c codec.Collector
	var events []codec.Event
	k := keeping{logprobs: true}
	said := int64(0)
	for {
		in, err := from.Next()
		switch err {
		case nil:
			if events, err = decoder.Push(events[:0], in); err == nil && hasEnded(decoder) {
				err = io.EOF
			}
			if k.came(in, len(events)); len(events) > 0 {
				from.Begin()
			}
		case io.EOF:
			events, err = decoder.End(events[:0])
			if err == nil {
				err = io.EOF
			}
		}
		for i := range events {
			k.event(&events[i])
			said += events[i].Said()
			c.Add(&events[i])
		}
		if cap(events) > mostEvents {
			events = nil
		}
		if n := k.bytes(); n > budget.Free && err == nil {
			err = a.Holding.Hold(budget.Answer, n)
		}
		if err == io.EOF {
			err = a.write(c.Response())
			from.CloseLater()
			return err
		}
		if err != nil {
			from.Close()
			a.Cut = &Cut{c.Response().Usage, said}
			return err
		}
	}
}

// replay serves a client that asked for a stream from an upstream that answered at once.
func (a *Answer) replay(from *pool.Response) error {
	from.Memory, from.Blanks = (*room)(a.Holding), a.Blanks
	body, err := from.AppendBody(nil, MaxAnswer)
	from.Close()
	if err != nil {
		a.Said = max(estimate.Answer(body), 1)
		return err
	}
	whole, err := a.decode(body)
	if err != nil {
		return err
	}
	request, err := a.checked(whole)
	if err != nil {
		return err
	}
	encoder := a.Client.NewStreamEncoder(request)
	if a.GoesOn() {
		a.Joint.begin()
		encoder = a.Joint
	}
	if a.Usage.Gaps != 0 || a.Usage.Zero() {
		a.Said = estimate.Answer(body)
	}
	a.First = nil
	a.finish(whole)
	for _, e := range whole.Events(nil) {
		a.First = encoder.Append(a.First, &e)
		if err := a.Holding.Hold(budget.Stream, budget.Beyond(a.First)); err != nil {
			return err
		}
	}
	a.First = encoder.End(a.First)
	return a.Holding.Hold(budget.Stream, budget.Beyond(a.First))
}

package relay

import (
	"io"

	"uniapi/codec/front"
	"uniapi/codec/passthrough"
	"uniapi/pool"
	"uniapi/server/budget"
)

// readFirstEvent waits for a stream's first event. Until it has come, nothing has been promised to the client.
func (a *Answer) readFirstEvent(from *pool.Response) error {
	if err := a.openFlow(); err != nil {
		from.Close()
		return err
	}
	for !a.Flow.Started() {
		in, err := from.Next()
		if err == io.EOF {
			a.First, err = a.Flow.End()
		} else if err == nil {
			if a.First, err = a.Flow.Push(in); err == nil {
				err = a.holdFlow()
			}
		}
		if err != nil && a.GoesOn() && len(a.First) > 0 {
			a.broken, err = err, nil // what has come of it is a part of the answer already
		}
		if err != nil {
			from.Close()
			return err
		}
	}
	from.Begin()
	a.Open = from
	return nil
}

// MostBuffered is how much of a stream waits for its end, in bytes. One that is longer goes out from there on as it
// comes.
const MostBuffered = 4 << 20

// readToEnd reads a stream to its end, and has it go out then.
func (a *Answer) readToEnd(from *pool.Response) error {
	if err := a.openFlow(); err != nil {
		from.Close()
		return err
	}
	var all []byte
	for {
		in, err := from.Next()
		var out []byte
		switch err {
		case nil:
			if out, err = a.Flow.Push(in); err == nil && a.Flow.Done() {
				err = io.EOF
			}
		case io.EOF:
			if out, err = a.Flow.End(); err == nil {
				err = io.EOF
			}
		}
		all = append(all, out...) // it is theirs until the next call
		if err == nil || err == io.EOF {
			if refused := a.Holding.Hold(budget.Stream, budget.Beyond(all)+a.Flow.Held()); refused != nil {
				err = refused
			}
		}
		switch {
		case err == io.EOF:
			a.First = all
			from.CloseLater()
			return nil
		case err != nil:
			a.Halfway = a.Flow.Started()
			from.Close()
			return err
		case !a.Flow.Started():
			continue
		}
		from.Begin()
		if len(all) > MostBuffered {
			a.First, a.Open = all, from
			return nil
		}
	}
}

// openFlow prepares what the stream goes through.
func (a *Answer) openFlow() error {
	a.encoder = nil
	switch {
	case a.Joint != nil:
		a.Joint.begin()
		a.encoder = a.Joint
		a.mixed.reset(a.From.Format.NewStreamDecoder(), a.Joint, a.From.Triggers)
		a.mixed.joint = a.Joint
	case a.Untranslated:
		a.Flow = a.passing()
		return nil
	default:
		request, err := a.Request.DecodedRequest()
		if err != nil {
			return err
		}
		a.encoder = a.Client.NewStreamEncoder(request)
		a.mixed.reset(a.From.Format.NewStreamDecoder(), a.encoder, a.From.Triggers)
		a.mixed.request, a.mixed.unwrap = a.Request, unwrapping(a.Wrapped)
	}
	a.mixed.redactor, a.mixed.names = a.Redactor, a.Names
	a.Flow = &a.mixed
	return nil
}

// passes are the ways of streams that need no translation. An answer keeps those that it has needed with their buffers;
// most need one.
type passes []struct {
	client, upstream string
	pass             front.Pass
}

// passing is the way of a stream that needs no translation.
func (a *Answer) passing() passthrough.Flow {
	o := front.Opening{Client: a.Client, Head: a.Head, Triggers: a.From.Triggers, Censor: a.Redactor, ItemIDs: a.From.ItemIDs}
	client := a.Client.Name()
	for i := range a.passes {
		if p := &a.passes[i]; p.client == client && p.upstream == a.Upstream {
			return p.pass.Open(&a.pass, o)
		}
	}
	pass := a.Speaks.NewPass(a.From.Format)
	a.passes = append(a.passes, struct {
		client, upstream string
		pass             front.Pass
	}{client, a.Upstream, pass})
	return pass.Open(&a.pass, o)
}

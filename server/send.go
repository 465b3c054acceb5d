package server

import (
	"crypto/rand"
	"strings"

	"github.com/valyala/fasthttp"

	"uniapi/balancer/limit/told"
	"uniapi/codec"
	"uniapi/codec/front"
	"uniapi/codec/override"
	"uniapi/codec/toolid"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
)

// write makes the request's body for a channel: the client's bytes with what
// must change spliced in where both speak the same format, else translated. It
// returns whether the upstream is asked for a stream.
func (a *attempt) write(channel *provider.Channel, to codec.Format) (stream bool, err error) {
	section := a.chosen.Provider.Config
	var rules *override.Edits
	if all := a.backend.overrides[a.model]; all != nil {
		rules = all.rulesOf(a)
	}
	stream = a.stream
	if rules != nil && rules.Stream != nil {
		stream = *rules.Stream
	}
	if !a.untranslated {
		err := a.writeTranslated(to, section, rules, stream)
		return stream && !a.cannotStream(), err
	}
	a.asksUsage = (a.stream || stream) && channel.AskUsage && a.asks() && (rules == nil || !rules.Touches("stream_options")) &&
		!(a.endpoint == provider.Chat && a.rules.Refuses("stream_options"))
	body := a.body
	edits := rules != nil || a.choosing || a.namer != nil || !section.Tools || !section.Image || a.backend.searching != nil && a.searching() != nil ||
		a.rules.MayEdit(a.endpoint, &a.head, body) || a.snap.translates && (toolid.Carries(body) || a.sealer() != nil && a.sealer().MaySeal(body))
	if edits { // what changes beside the model
		if body, err = a.edit(rules, section, stream); err != nil {
			return stream, err
		}
	}
	a.scratch = a.scratch[:0]
	a.parts, err = a.speaks.Splice(a.parts[:0], body, &a.head, front.To{
		Format: a.to, Model: a.chosen.Upstream, AskUsage: a.asksUsage, Asked: a, Target: a.known,
		Edited: edits && !sameBytes(body, a.body), Spare: &a.edited,
	}, &a.scratch)
	a.request.Body = a.parts
	if edits && err == nil {
		err = a.holdEdited(body)
	}
	return stream, err
}

// send sends the request that was written and waits for the head of an answer. One that
// is a failure is an error. Until the answer is told that it has begun, it must do so
// in the time of its channel.
func (a *attempt) send(channel *provider.Channel, ask provider.Ask, from codec.Format) (*pool.Response, error) {
	target, err := channel.Prepare(a.call, &a.request, ask, a.key.Key)
	if err != nil {
		return nil, err
	}
	a.target = target
	a.writeHeader()
	if a.tap != nil {
		a.recordAsked()
	}
	a.sent = true
	limits := a.limits
	limits.UntilBegun = true
	answer, err := target.Do(a.call, &a.request, limits)
	if err != nil {
		return nil, err
	}
	if a.recorded != nil {
		a.recorded.Answered(answer.Status, answer.Header.All())
		answer.Tap = a.recorded.Answers.Add
	}
	if a.stages&withDebug != 0 {
		a.listen(answer)
	}
	a.learn(answer)
	if answer.Status < 200 || answer.Status > 299 {
		answer.Begin()
		return nil, a.readFailure(answer, from)
	}
	a.answered = true
	if err := a.holding.Hold(budget.Inflater, answer.Inflating()); err != nil { // until the request has ended, or the next attempt
		answer.Close()
		return nil, err
	}
	return answer, nil
}

// learn has the plan know what the head of an answer tells is left to the key. It
// is a function of its own so that its room on the stack, half a kilobyte, is not
// taken while the answer is waited for.
func (a *attempt) learn(answer *pool.Response) {
	if t := told.By(answer.Header.All()); t.Any() {
		a.chosen.Learn(&t)
	}
}

// sameBytes says whether two slices are the same piece of memory.
func sameBytes(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// writeHeader finishes the request's header, which the channel has prepared but
// for what is the client's own.
func (a *attempt) writeHeader() {
	if provider := a.chosen.Provider.Config; len(provider.Preferences.PassthroughHeaders) > 0 {
		a.lazy.Lock()
		a.header = passHeaders(a.header, a.request.Header, &a.ctx.Request.Header, provider)
		a.lazy.Unlock()
		a.request.Header = a.header
	}
	if a.chosen.Provider.Config.Preferences.OAIXRoutingAttemptID {
		a.setHeader("X-OAIX-Routing-Attempt-ID", rand.Text())
	}
	if a.place != nil {
		a.writeTrace()
	}
	if a.path.Raw && a.head.IsForm {
		a.passType()
	}
	as := a.to.Properties()
	for _, line := range as.Passed {
		if value := a.headerLine(line); len(value) > 0 && a.untranslated {
			a.setHeader(line, string(value))
		}
	}
	if as.Flags == "" {
		return
	}
	if flagger, is := a.to.(codec.Flagger); is {
		if flags := a.flags(flagger, as.Flags); len(flags) > 0 {
			a.setHeader(as.Flags, strings.Join(flags, ","))
		}
	}
}

// passType keeps the client's own Content-Type, whose boundary the body needs.
func (a *attempt) passType() {
	a.setHeader(fasthttp.HeaderContentType, string(a.ctx.Request.Header.ContentType()))
}

package server

import (
	"errors"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/fit"
	"uniapi/codec/formats"
	"uniapi/codec/modifier"
	"uniapi/codec/override"
	"uniapi/codec/rawjson"
	"uniapi/codec/strip"
	"uniapi/codec/toolid"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/server/budget"
	"uniapi/server/media"
)

// edit changes the client's body by more than its model, for an upstream that speaks as it does.
func (a *attempt) edit(rules *override.Edits, section *config.Provider, stream bool) (body []byte, err error) {
	body = a.body
	if err := a.holdEditing(body); err != nil {
		return nil, err
	}
	if a.choosing {
		if body, err = a.withNames(body, a.upstream); err != nil {
			return nil, err
		}
	}
	if edited := a.rules.Edit(a.endpoint, body); !sameBytes(edited, body) {
		body = a.without(edited)
	}
	if search := a.searching(); search != nil {
		body = search.WithSearch(body)
	}
	if s := a.sealer(); s != nil && a.snap.translates && s.MaySeal(body) {
		body = s.Unsealed(body)
	}
	if rules != nil || !section.Tools || !section.Image || a.snap.translates && toolid.Carries(body) {
		body = a.overridden(rules, strip.Request(toolid.Strip(body), !section.Tools, !section.Image), stream)
	}
	head := &a.head
	if !sameBytes(body, a.body) {
		head = nil
	}
	body = a.rules.Settle(a.endpoint, head, body)
	if a.namer != nil {
		body = a.namer.WithItemIDs(body)
	}
	a.noteChanges(body)
	return body, nil
}

// sealer is the format of a host that is known to refuse what other providers have sealed; nil where the client's words
// may stay: another gateway may stand there.
func (a *attempt) sealer() codec.Sealer {
	if a.known == nil || !a.known.Known {
		return nil
	}
	s, _ := a.to.(codec.Sealer)
	return s
}

// writeTranslated makes the request's body in another format.
func (a *attempt) writeTranslated(to codec.Format, provider *config.Provider, rules *override.Edits, stream bool) error {
	body, err := a.translated(to, provider)
	if err != nil {
		return err
	}
	a.asksUsage = false
	rewrite := a.rules
	if rewrite.MayEditTranslated() || rules != nil || a.leaves() != nil {
		if err := a.holdEncoded(3*len(body) + valueEdited*rawjson.Values(body)); err != nil {
			return err
		}
		edited := a.without(rewrite.EditTranslated(body))
		if asker, is := to.(codec.UsageAsker); is {
			if a.asksUsage = a.asks(); !a.asksUsage {
				edited = asker.WithoutUsage(edited)
			}
		}
		if prefixer, is := to.(codec.Prefixer); is && a.answer.GoesOn() && a.answer.Joint.Marked {
			edited = prefixer.MarkPrefix(edited)
		}
		if search := a.searching(); search != nil {
			edited = search.WithSearch(edited)
		}
		if edited = a.overridden(rules, edited, stream); !sameBytes(edited, body) {
			pool.Recycle(a.encoded)
			a.encoded, body = edited, edited
		}
	}
	a.parts = append(a.parts[:0], body)
	a.request.Body = a.parts
	return a.holdEncoded(0)
}

// translated is the request in another format.
func (a *attempt) translated(to codec.Format, provider *config.Provider) ([]byte, error) {
	request, err := a.wanted()
	if err != nil {
		return nil, err
	}
	came := request
	var fetched int
	if !provider.Tools || !provider.Image {
		request = request.Without(!provider.Tools, !provider.Image)
	}
	if request, fetched, err = a.inlined(request, to); err != nil {
		return nil, err
	}
	if request, a.leftOut, err = alternation.Repair(request, formats.All[request.Format], to, a.known); err != nil {
		return nil, err
	}
	if to.Properties().Functions {
		request = request.WithoutCustom()
	}
	request = modifier.Apply(request, a.chosen.Upstream)
	if a.answer.GoesOn() {
		fetched += 2 * len(a.answer.Joint.Text())
	}
	if err := a.holdEncoding(fetched); err != nil {
		return nil, err
	}
	if target := a.known; target != nil {
		if refused := fit.Check(request, target); refused != nil {
			return nil, refused
		}
		a.leftOut = append(a.leftOut, fit.LeftOut(request, target)...)
		request, a.answer.Names = fit.Request(request, target)
		a.sending = *request
		a.sending.Target = target
		request = &a.sending
	}
	if a.keepsRequests() {
		a.changed = fit.Changed(came, request)
	}
	if o := request.Output; o != nil && (o.Wrapped || o.ByTool) {
		a.answer.Wrapped = o
	}
	a.encoded, err = a.withFlags(to).EncodeRequest(a.encoded[:0], request, a.chosen.Upstream)
	if err == nil && a.tellsLeftOut() {
		a.leftOut = append(a.leftOut, fit.SettingsLeftOut(came, a.encoded)...)
	}
	if err == nil && a.choosing {
		a.encoded, err = a.withNames(a.encoded, to.Name())
	}
	return a.encoded, err
}

// inlined is the request with what the upstream cannot fetch fetched for it, and
// how many bytes that is.
func (a *attempt) inlined(request *codec.Request, to codec.Format) (*codec.Request, int, error) {
	ctx, release := a.call.Context()
	defer release()
	inlined, fetched, err := media.Inline(ctx, a.backend.fetcher, request, media.TakesURL(to), a.holding, a.fetchPlace)
	if over := a.call.Err(); over != nil {
		return nil, 0, over
	}
	if not, is := errors.AsType[*media.NotFetched](err); is && not.Failed.Cause() != nil {
		a.server.log.Info("an image or a file was not fetched", "id", string(a.id), "address", not.Failed.Address, "error", clip(not.Failed.Cause().Error()))
	}
	return inlined, fetched, err
}

var errManyFetches = errorf(fasthttp.StatusServiceUnavailable, "server_error", "overloaded",
	"As many images and files are being fetched as may be at a time, or as this API key's part of them is. Try again soon, or send their content instead of addresses.")

// fetchPlace takes one of the places for what is fetched.
func (in *inbound) fetchPlace() (leave func(), err error) {
	leave = func() { in.server.fetches.Give(in.key.share) }
	if !in.server.fetches.Take(in.key.share, in.key.only) {
		leave()
		return nil, &notHere{errManyFetches}
	}
	return leave, nil
}

// DecodedRequest is the client's request in the neutral form, decoded when it is
// first needed.
func (in *inbound) DecodedRequest() (*codec.Request, error) {
	in.lazy.Lock()
	defer in.lazy.Unlock()
	if in.decoded != nil {
		return in.decoded, nil
	}
	if err := in.holdDecoding(); err != nil {
		return nil, err
	}
	request, err := in.speaks.Decode(in.body, &in.head)
	if err != nil {
		return nil, err
	}
	request.Body = in.body
	in.decoded, in.weight = request, weigh(request, in.body, in.holding.Held(budget.Request))
	return request, in.holding.Hold(budget.Request, in.weight.kept)
}

package server

import (
	"errors"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/alias"
	"uniapi/codec/fit"
	"uniapi/codec/formats"
	"uniapi/codec/formats/openai"
	"uniapi/codec/override"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
	"uniapi/codec/turns"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/media"
)

// write makes the request's body for a channel: the client's bytes with what
// must change spliced in where both speak the same format, else translated. It
// returns whether the upstream is asked for a stream.
func (a *attempt) write(channel *provider.Channel, to codec.Format) (stream bool, err error) {
	section := a.chosen.Provider.Config
	rules := a.backend().overrides[a.model].rulesOf(a)
	stream = a.stream
	if rules != nil && rules.Stream != nil {
		stream = *rules.Stream
	}
	if !a.untranslated() {
		err := a.writeTranslated(to, section, rules, stream)
		return stream && !a.cannotStream(), err
	}
	body := a.body
	edits := a.edits(section, rules)
	if edits {
		if err := a.holdEditing(body); err != nil {
			return stream, err
		}
	}
	if a.choosing {
		if body, err = a.withNames(body, a.upstream); err != nil {
			return stream, err
		}
	}
	if edited := a.suited().edit(a, body); !sameBytes(edited, body) {
		body = a.without(edited)
	}
	if a.searches() {
		body = openai.WithSearch(body)
	}
	if rules != nil || !section.Tools || !section.Image || a.snap.translates && toolid.Carries(body) {
		body = a.overridden(rules, openai.Strip(toolid.Strip(body), !section.Tools, !section.Image), stream)
	}
	body = a.suited().settle(a, body)
	a.asksUsage = channel.AskUsage && a.asks() && (rules == nil || !rules.Touches("stream_options")) && !(a.endpoint == provider.Chat && a.suited().refuses("stream_options"))
	err = a.face.splice(a, body, spliced{format: a.upstream, model: a.chosen.Upstream, askUsage: a.asksUsage})
	a.request.Body = a.parts
	if edits && err == nil {
		err = a.holdEdited(body)
	}
	return stream, err
}

// edits says whether the client's body may be changed by more than its model.
func (a *attempt) edits(provider *config.Provider, rules *override.Rules) bool {
	return rules != nil || a.choosing || a.searches() || !provider.Tools || !provider.Image || a.suited().mayEdit(a) || a.upstream == "bedrock-invoke" ||
		a.snap.translates && toolid.Carries(a.body)
}

// writeTranslated makes the request's body in another format.
func (a *attempt) writeTranslated(to codec.Format, provider *config.Provider, rules *override.Rules, stream bool) error {
	body, err := a.translated(to, provider)
	if err != nil {
		return err
	}
	a.asksUsage = false
	suited := a.suited()
	if suited.edits() || a.upstream == "openai" || rules != nil || a.leaves() != nil {
		if err := a.holdEncoded(3*len(body) + valueEdited*rawjson.Values(body)); err != nil {
			return err
		}
		edited := a.without(suited.editTranslated(a.upstream, body))
		if a.upstream == "openai" {
			if a.asksUsage = a.asks(); !a.asksUsage {
				edited = openai.WithoutStreamOptions(edited)
			}
		}
		if a.goesOn() && a.upstream == "openai" && a.joint.marks {
			edited = openai.MarkPrefix(edited)
		}
		if a.searches() {
			edited = openai.WithSearch(edited)
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

// untranslated says whether the attempt's upstream speaks as the client does, and is asked what the client asks.
func (a *attempt) untranslated() bool { return !a.goesOn() && a.face.speaks(a.upstream) && !a.anew() }

// translated is the request in another format.
func (a *attempt) translated(to codec.Format, provider *config.Provider) ([]byte, error) {
	request, err := a.wanted()
	if err != nil {
		return nil, err
	}
	fetched := 0
	if !provider.Tools || !provider.Image {
		request = request.Without(!provider.Tools, !provider.Image)
	}
	if request, fetched, err = a.inlined(request, to); err != nil {
		return nil, err
	}
	if request, a.leftOut, err = turns.Repair(request, formats.All[request.Format], to, a.suited().known()); err != nil {
		return nil, err
	}
	if to.Name() == "openai" {
		request = request.WithoutCustom()
	}
	request = alias.Apply(request, a.chosen.Upstream)
	if a.goesOn() {
		fetched += 2 * len(a.joint.text)
	}
	if err := a.holdEncoding(fetched); err != nil {
		return nil, err
	}
	if target := a.suited().known(); target != nil {
		a.leftOut = append(a.leftOut, fit.LeftOut(request, target)...)
		request, a.names = fit.Request(request, target)
		a.sending = *request
		a.sending.Target = target
		request = &a.sending
	}
	if o := request.Output; o != nil && (o.Wrapped || o.ByTool) {
		a.wrapped = o
	}
	a.encoded, err = a.withBetas(to).EncodeRequest(a.encoded[:0], request, a.chosen.Upstream)
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
	inlined, fetched, err := media.Inline(ctx, a.backend().fetcher, request, media.TakesURL(to), a.holding, a.fetchPlace)
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

// decodedRequest is the client's request in the neutral form, decoded when it is
// first needed.
func (in *inbound) decodedRequest() (*codec.Request, error) {
	in.lazy.Lock()
	defer in.lazy.Unlock()
	if in.decoded != nil {
		return in.decoded, nil
	}
	if err := in.holdDecoding(); err != nil {
		return nil, err
	}
	request, err := in.face.decode(in)
	if err != nil {
		return nil, err
	}
	in.decoded, in.weight = request, weigh(request, in.body, in.holding.Held(budget.Request))
	return request, in.holding.Hold(budget.Request, in.weight.kept)
}

package server

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/alias"
	"uniapi/codec/openai"
	"uniapi/codec/override"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/provider"
	"uniapi/server/budget"
	"uniapi/server/media"
)

// write makes the request's body for a channel: the client's bytes with what
// must change spliced in where both speak the same format, else translated. It
// returns whether the upstream is asked for a stream.
func (x *exchange) write(channel *provider.Channel, to codec.Format) (stream bool, err error) {
	section := x.attempt.Provider.Config
	rules := x.backend().overrides[x.model]
	stream = x.stream
	if rules != nil && rules.Stream != nil {
		stream = *rules.Stream
	}
	if !x.untranslated() {
		return stream, x.writeTranslated(to, section, rules)
	}
	body := x.body
	edits := x.edits(section, rules)
	if edits {
		if err := x.holdEditing(body); err != nil {
			return stream, err
		}
	}
	if x.choosing {
		if body, err = x.withNames(body, x.upstream); err != nil {
			return stream, err
		}
	}
	if accent := x.accent(); accent != nil && x.upstream == "openai" && x.endpoint == provider.Chat {
		body = accent.Edit(body)
	}
	if rules != nil || !section.Tools || !section.Image || x.snap.translates && toolid.Carries(body) {
		body = overridden(rules, openai.Strip(toolid.Strip(body), !section.Tools, !section.Image))
	}
	x.asksUsage = channel.AskUsage && x.asks() && (rules == nil || !rules.Touches("stream_options")) && !(x.endpoint == provider.Chat && x.accent().Refuses("stream_options"))
	err = x.face.splice(x, body, spliced{format: x.upstream, model: x.attempt.Upstream, askUsage: x.asksUsage})
	x.request.Body = x.parts
	if edits && err == nil {
		err = x.holdEdited(body)
	}
	return stream, err
}

// edits says whether the client's body may be changed by more than its model.
func (x *exchange) edits(provider *config.Provider, rules *override.Rules) bool {
	return rules != nil || x.choosing || !provider.Tools || !provider.Image || x.accent() != nil || x.upstream == "bedrock-invoke" ||
		x.snap.translates && toolid.Carries(x.body)
}

// writeTranslated makes the request's body in another format.
func (x *exchange) writeTranslated(to codec.Format, provider *config.Provider, rules *override.Rules) error {
	body, err := x.translated(to, provider)
	if err != nil {
		return err
	}
	x.asksUsage = false
	if x.upstream == "openai" || rules != nil {
		if err := x.holdEncoded(3*len(body) + valueEdited*rawjson.Values(body)); err != nil {
			return err
		}
		edited := body
		if x.upstream == "openai" {
			edited = x.accent().EditTranslated(body)
			if x.asksUsage = x.asks(); !x.asksUsage {
				edited = openai.WithoutStreamOptions(edited)
			}
		}
		if edited = overridden(rules, edited); !sameBytes(edited, body) {
			pool.Recycle(x.encoded)
			x.encoded, body = edited, edited
		}
	}
	x.parts = append(x.parts[:0], body)
	x.request.Body = x.parts
	return x.holdEncoded(0)
}

// accent is what the attempt's upstream wants otherwise than OpenAI's format has
// it; nil for most.
func (x *exchange) accent() *openai.Rules {
	return x.backend().accents[x.model]
}

// compileAccents finds the rules for each of a provider's models that has any.
func compileAccents(p *config.Provider, models []config.Model) map[string]*openai.Rules {
	base, err := url.Parse(p.BaseURL)
	if err != nil {
		return nil // there is no channel either
	}
	rules := make(map[string]*openai.Rules)
	for _, m := range models {
		if r := openai.RulesFor(base.Hostname(), m.Alias, m.Upstream); r != nil {
			rules[m.Alias] = r
		}
	}
	return rules
}

// untranslated says whether the attempt's upstream speaks as the client does.
func (x *exchange) untranslated() bool { return x.face.speaks(x.upstream) }

// translated is the request in another format.
func (x *exchange) translated(to codec.Format, provider *config.Provider) ([]byte, error) {
	request, err := x.decodedRequest()
	if err != nil {
		return nil, err
	}
	fetched := 0
	if !provider.Tools || !provider.Image {
		request = request.Without(!provider.Tools, !provider.Image)
	}
	if request, fetched, err = x.inlined(request, to); err != nil {
		return nil, err
	}
	if to.Name() == "openai" {
		request = request.WithoutCustom()
	}
	request = alias.Apply(request, x.attempt.Upstream)
	if err := x.holdEncoding(fetched); err != nil {
		return nil, err
	}
	x.encoded, err = x.withBetas(to).EncodeRequest(x.encoded[:0], request, x.attempt.Upstream)
	if err == nil && x.choosing {
		x.encoded, err = x.withNames(x.encoded, to.Name())
	}
	return x.encoded, err
}

// inlined is the request with what the upstream cannot fetch fetched for it, and
// how many bytes that is.
func (x *exchange) inlined(request *codec.Request, to codec.Format) (*codec.Request, int, error) {
	ctx, release := x.call.Context()
	defer release()
	inlined, fetched, err := media.Inline(ctx, x.backend().fetcher, request, media.TakesURL(to), x.holding, x.fetchPlace)
	if over := x.call.Err(); over != nil {
		return nil, 0, over
	}
	if not, is := errors.AsType[*media.NotFetched](err); is && not.Failed.Cause() != nil {
		x.server.log.Info("an image or a file was not fetched", "id", string(x.id), "address", not.Failed.Address, "error", clip(not.Failed.Cause().Error()))
	}
	return inlined, fetched, err
}

var errManyFetches = errorf(fasthttp.StatusServiceUnavailable, "server_error", "overloaded",
	"As many images and files are being fetched as may be at a time, or as this API key's part of them is. Try again soon, or send their content instead of addresses.")

// fetchPlace takes one of the places for what is fetched.
func (x *exchange) fetchPlace() (leave func(), err error) {
	leave = func() { x.server.fetches.Give(x.key.share) }
	if !x.server.fetches.Take(x.key.share, x.key.only) {
		leave()
		return nil, &notHere{errManyFetches}
	}
	return leave, nil
}

// decodedRequest is the client's request in the neutral form, decoded when it is
// first needed.
func (x *exchange) decodedRequest() (*codec.Request, error) {
	if x.decoded != nil {
		return x.decoded, nil
	}
	if err := x.holdDecoding(); err != nil {
		return nil, err
	}
	request, err := x.face.decode(x)
	if err != nil {
		return nil, err
	}
	x.decoded, x.weight = request, weigh(request, x.body, x.holding.Held(budget.Request))
	return request, x.holdEncoded(0)
}

// overridden is a body with post_body_parameter_overrides laid over it.
func overridden(rules *override.Rules, body []byte) []byte {
	if rules == nil {
		return body
	}
	var s rawjson.Splicer
	rules.Edit(&s, body)
	if rules.Stream != nil && !*rules.Stream && !rules.Touches("stream_options") {
		s.Remove("stream_options") // providers refuse it without a stream
	}
	parts, err := s.Parts(nil, body)
	if err != nil {
		return body // it is not an object: the provider says so
	}
	return slices.Concat(parts...)
}

// compileOverrides prepares a provider's overrides for each of its models. The errors are of the models for which they are not used.
func compileOverrides(p *config.Provider, models []config.Model) (rules map[string]*override.Rules, problems []error) {
	if len(p.Preferences.Overrides) == 0 {
		return nil, nil
	}
	entries := make([]override.Entry, len(p.Preferences.Overrides))
	for i, o := range p.Preferences.Overrides {
		entries[i] = override.Entry{Name: o.Key, Value: o.Value}
	}
	isModel := func(name string) bool {
		return slices.ContainsFunc(models, func(m config.Model) bool { return m.Alias == name })
	}
	rules = make(map[string]*override.Rules, len(models))
	for _, m := range models {
		r, err := override.Compile(entries, m.Alias, isModel)
		if err != nil {
			problems = append(problems, fmt.Errorf("post_body_parameter_overrides is not used for model %q: %w", m.Alias, err))
			continue
		}
		rules[m.Alias] = r
	}
	return rules, problems
}

package server

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec/formats"
	"uniapi/codec/rawjson"
)

// refusal is a member of the gateway's own that a model at a provider refuses, with
// those before it, and until when that is believed.
type refusal struct {
	members []string
	until   time.Time
}

// leaves are the members that the attempt leaves out: what was learnt of the channel, and
// what it has met itself.
func (a *attempt) leaves() []string {
	if a.unwanted != nil {
		return a.unwanted
	}
	known := a.backend.asking[a.model]
	if known == nil {
		return nil
	}
	if r := known.refused.Load(); r != nil && a.began.Before(r.until) {
		return r.members
	}
	return nil
}

// added are the members that the gateway may put into an upstream's request of its own
// accord. Of chat's stream_options see asking.
func (a *attempt) added() []string { return formats.Properties(a.upstream).Added }

// adds says whether a member of the request is the gateway's own and not what the
// client asked for.
func (a *attempt) adds(name string) bool {
	if !slices.Contains(a.added(), name) {
		return false
	}
	if a.untranslated {
		v, err := rawjson.One(a.body)
		return err == nil && !v.Get(a.body, name).Present()
	}
	q := a.decoded
	switch name {
	case "temperature":
		return q != nil && q.Temperature == ""
	case "reasoning_effort", "thinking", "enable_thinking", "reasoning":
		// A client of another format has said it in other words, and what was made of them is the gateway's.
		return q != nil && (q.Reasoning == nil || q.Format != a.upstream)
	}
	return true
}

// without is a body without what the upstream is known to refuse of the gateway's own.
func (a *attempt) without(body []byte) []byte {
	var s rawjson.Splicer
	some := false
	for _, name := range a.leaves() {
		if a.adds(name) {
			s.Remove(name)
			some = true
		}
	}
	if !some {
		return body
	}
	parts, err := s.Parts(nil, body)
	if err != nil {
		return body
	}
	return slices.Concat(parts...)
}

// refusesAdded is the member of the gateway's own that an attempt's error names, "" if it
// names none.
func (a *attempt) refusesAdded(err error) string {
	refused, is := errors.AsType[*upstreamError](err)
	if !is || refused.status != fasthttp.StatusBadRequest && refused.status != fasthttp.StatusUnprocessableEntity {
		return ""
	}
	if known := a.backend.asking[a.model]; a.upstream != formats.Chat.Name() && known != nil && known.took.Load() {
		return "" // it is the request's own: an error can repeat what a client has made up
	}
	for _, name := range a.added() {
		if !slices.Contains(a.leaves(), name) && isAbout(refused.said.Param, refused.said.Message, name) && a.adds(name) {
			return name
		}
	}
	return ""
}

// took notes that a request was served with what the gateway always adds.
func (a *attempt) took() {
	if a.upstream == formats.Chat.Name() || a.unwanted != nil || a.added() == nil {
		return
	}
	if known := a.backend.asking[a.model]; known != nil && !known.took.Load() {
		known.took.Store(true)
	}
}

// thinkless is what Ollama says of a model that is asked to think and does not know how
// (github.com/Gitlawb/openclaude/issues/1371).
const thinkless = "does not support thinking"

// isAbout says whether an error is about a member: its parameter is that, or its text has the name in quotation marks,
// or, if that is no word of its own, as a word.
func isAbout(param, message, name string) bool {
	if param == name || strings.HasPrefix(param, name+".") || strings.HasPrefix(param, name+"[") {
		return true
	}
	if (name == "reasoning_effort" || name == "thinking") && strings.Contains(message, thinkless) || strings.Contains(name, "_") && hasWord(message, name) {
		return true
	}
	for at := 0; ; {
		i := strings.Index(message[at:], name)
		if i < 0 {
			return false
		}
		end := at + i + len(name)
		if i += at; i > 0 && strings.IndexByte("'\"`", message[i-1]) >= 0 && end < len(message) && strings.IndexByte("'\"`.[", message[end]) >= 0 {
			return true
		}
		at = end
	}
}

// hasWord says whether a text has a word.
func hasWord(text, word string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		i += at
		if at = i + len(word); (i == 0 || !partOfName(text[i-1])) && (at == len(text) || !partOfName(text[at])) {
			return true
		}
	}
}

func partOfName(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// askWithoutAdded asks once more without a member. If that is served it was that which
// was refused, and the channel is not sent it for a while.
func (a *attempt) askWithoutAdded(name string) error {
	a.trace, a.unwanted = nil, append(slices.Clone(a.leaves()), name)
	if err := a.ask(); err != nil {
		return err
	}
	if known := a.backend.asking[a.model]; known != nil {
		known.refused.Store(&refusal{a.unwanted, a.began.Add(unaskedFor)})
	}
	a.server.log.Warn("this provider refuses a member of requests that the gateway adds; it is left out for an hour. Say so for good by refuses in capabilities",
		"member", name, "provider", a.chosen.Provider.Config.Name, "upstream_model", a.chosen.Upstream, "id", string(a.id))
	return nil
}

// again is for an attempt that has failed: what the gateway adds of its own and the provider refuses is left out, and
// the provider asked again.
func (a *attempt) again(err error) error {
	if name := a.refusesAdded(err); name != "" {
		err = a.askWithoutAdded(name)
	}
	switch {
	case a.refusesOptions(err):
		return a.askWithout()
	case err == nil && a.stream && a.asksUsage:
		a.backend.asking[a.model].served()
	}
	return err
}

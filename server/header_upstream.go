package server

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/bedrock"
)

const (
	headerAnthropicVersion = "Anthropic-Version"
	headerAnthropicBeta    = "Anthropic-Beta"
)

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
	a.passType()
	if a.upstream != "anthropic" && a.upstream != "anthropic-vertex" {
		return
	}
	if version := a.headerLine(headerAnthropicVersion); len(version) > 0 && a.untranslated() {
		a.setHeader(headerAnthropicVersion, string(version))
	}
	if flags := a.betas(); len(flags) > 0 {
		a.setHeader(headerAnthropicBeta, strings.Join(flags, ","))
	}
}

// betas are the flags of anthropic-beta: what the provider's headers have, the
// client's, and what a translated request needs.
func (a *attempt) betas() []string {
	var f flags
	f.add(string(headerValue(a.request.Header, headerAnthropicBeta)))
	if a.untranslated() {
		f.add(string(a.headerLine(headerAnthropicBeta)))
		return f.list
	}
	if a.decoded != nil {
		for _, flag := range anthropic.Betas(a.decoded, a.suited().known()) {
			f.add(flag)
		}
	}
	return f.list
}

// flags are words of lists, each once.
type flags struct {
	list []string
	seen map[string]bool // nil as long as they are few
}

// fewFlags are looked for one by one: a map of them would cost more.
const fewFlags = 16

// add takes those of a list with commas. It takes time by the list's length alone.
func (f *flags) add(list string) {
	for flag := range strings.SplitSeq(list, ",") {
		if flag = strings.TrimSpace(flag); flag == "" || f.has(flag) {
			continue
		}
		f.list = append(f.list, flag)
		if f.seen != nil {
			f.seen[flag] = true
		}
	}
}

func (f *flags) has(flag string) bool {
	if len(f.list) < fewFlags {
		return slices.Contains(f.list, flag)
	}
	if f.seen == nil {
		f.seen = make(map[string]bool)
		for _, known := range f.list {
			f.seen[known] = true
		}
	}
	return f.seen[flag]
}

// withBetas is the format of an upstream that takes the flags in the body.
func (a *attempt) withBetas(to codec.Format) codec.Format {
	invoke, is := to.(bedrock.InvokeFormat)
	if !is {
		return to
	}
	flags := anthropic.Betas(a.decoded, a.suited().known())
	if a.decoded.Format == to.Name() {
		flags = append(flags, a.clientBetas()...)
	}
	return invoke.WithBetas(flags, a.suited().known())
}

// headerValue is the value of a line of a prepared header, nil if it has none
// of that name.
func headerValue(lines []byte, name string) []byte {
	for line := range bytes.Lines(lines) {
		if n, value, _ := bytes.Cut(line, []byte(":")); strings.EqualFold(string(n), name) {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}

// setHeader puts a value into the request's header, in the place of one that is
// there. What the client sent has no line breaks: fasthttp has read it.
func (a *attempt) setHeader(name, value string) {
	var out []byte
	for line := range bytes.Lines(a.request.Header) {
		if n, _, _ := bytes.Cut(line, []byte(":")); !strings.EqualFold(string(n), name) {
			out = append(out, line...)
		}
	}
	out = append(append(append(append(out, name...), ": "...), value...), "\r\n"...)
	a.request.Header = out
}

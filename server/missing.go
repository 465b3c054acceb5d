package server

import (
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/config"
	"uniapi/pool/provider"
)

// mostNear is how many models are named in the place of one that is not there, and mostSought among how many of a key's
// they are looked for.
const (
	mostNear   = 3
	mostSought = 2000
)

// nearModels are the names that may be meant by one that is not there, the likeliest first: those that differ in
// nothing but case, punctuation or what stands before a slash, else the one that the fewest edits make of it.
func nearModels(model string, known []string) []string {
	known = known[:min(len(known), mostSought)]
	wanted := plainModel(model)
	var near []string
	for _, name := range known {
		if plainModel(name) == wanted && wanted != "" && name != model {
			near = append(near, name)
		}
	}
	if near == nil {
		if name := config.Nearest(afterSlash(model), known); name != "" {
			near = []string{name}
		}
	}
	return near[:min(len(near), mostNear)]
}

func afterSlash(model string) string { return model[strings.LastIndexByte(model, '/')+1:] }

// plainModel is a name as people remember it: without the vendor before it, case and punctuation.
func plainModel(model string) string {
	const longest = 128
	model = afterSlash(model)
	if len(model) > longest {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_.: ", r) {
			return -1
		}
		return r
	}, strings.ToLower(model))
}

// withDetail is what the log and admins are told of an error.
func withDetail(e *codec.Error) string {
	if e.Detail == "" || strings.HasSuffix(e.Message, e.Detail) {
		return e.Message
	}
	return e.Message + " (" + e.Detail + ")"
}

// tellAddress adds where a provider was asked to its 404: nothing there may be what the base_url leads to.
func (a *attempt) tellAddress(told *codec.Error, status int) {
	if told.Detail != "" {
		told.Detail = a.snap.secrets.Clean(told.Detail)
	}
	if status != fasthttp.StatusNotFound || a.target == nil {
		return
	}
	told.Detail = a.snap.secrets.Clean("asked at " + provider.ShownAddress(a.target, a.request.Path))
}

// sdks are how the users of each name a gateway, by what their User-Agent begins with.
var sdks = []struct{ agents, sdk, setting, path string }{
	{"anthropic claude-cli", "Anthropic's SDK", "base_url, or the environment's ANTHROPIC_BASE_URL", ""},
	{"google-genai-sdk", "Google's SDK", "http_options' base_url, or the environment's GOOGLE_GEMINI_BASE_URL", ""},
	{"geminicli", "Gemini CLI", "the environment's GOOGLE_GEMINI_BASE_URL", ""},
	{"openai asyncopenai", "OpenAI's SDK", "base_url, or the environment's OPENAI_BASE_URL", "/v1"},
}

// notFound answers where nothing is, with the address that who asks is to be given.
func notFound(ctx *fasthttp.RequestCtx) {
	scheme := "http://"
	if ctx.IsTLS() || string(ctx.Request.Header.Peek(fasthttp.HeaderXForwardedProto)) == "https" {
		scheme = "https://"
	}
	base := scheme + clip(string(ctx.Host()))
	agent := strings.ToLower(string(ctx.UserAgent()))
	hint := "Chat is POST /v1/chat/completions, models are GET /v1/models; SDKs of OpenAI want the base URL " + base + "/v1, those of Anthropic and Google " + base + "."
	for _, of := range sdks {
		if slices.ContainsFunc(strings.Fields(of.agents), func(name string) bool { return strings.HasPrefix(agent, name) }) {
			hint = "The base URL for " + of.sdk + " is " + base + of.path + " (" + of.setting + ")."
		}
	}
	writeError(ctx, errorf(fasthttp.StatusNotFound, "invalid_request_error", "not_found", "There is no %s here. %s", clip(string(ctx.Path())), hint))
}

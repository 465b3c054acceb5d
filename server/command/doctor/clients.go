package doctor

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/klauspost/compress/zstd"
)

func claudeCode() client {
	return client{
		name: "claude-code", title: "Claude Code", dialect: messages(),
		after: []step{{"count tokens", countMessages}},
		settings: func(base, model string) string {
			return fmt.Sprintf(`    export ANTHROPIC_BASE_URL=%s    # without /v1
    export ANTHROPIC_AUTH_TOKEN="$UNI_API_KEY"
    export ANTHROPIC_MODEL=%s
    export ANTHROPIC_DEFAULT_HAIKU_MODEL=%[2]s    # for small tasks: a cheaper one does
`, base, model)
		},
	}
}

// countMessages asks what Claude Code asks to know how long the conversation is.
func countMessages(e *examination) verdict {
	body := messagesBody(e, "How long is this?", nil, "")
	for _, member := range []string{"max_tokens", "stream", "metadata"} {
		delete(body, member)
	}
	a := e.send(request{method: "POST", path: "/v1/messages/count_tokens?beta=true", body: body})
	var count struct {
		Tokens int `json:"input_tokens"`
	}
	switch {
	case a.status == http.StatusNotFound:
		return noted("", "there is no count_tokens; Claude Code estimates by itself")
	case a.status != http.StatusOK || a.err != nil:
		return e.refused(a)
	case json.Unmarshal(a.body, &count) != nil || count.Tokens <= 0:
		return failed("another gateway or provider for this model", "the count is none: %s", short(string(a.body)))
	}
	return counted(count.Tokens, a)
}

func counted(tokens int, a *answer) verdict {
	if a.header.Get("X-Token-Count") == "estimate" {
		return fine("%d, an estimate of the gateway's", tokens)
	}
	return fine("%d", tokens)
}

func codex() client {
	return client{
		name: "codex", title: "Codex CLI", dialect: responses(),
		before: []step{{"websocket", socket}},
		after:  []step{{"zstd body", compressed}},
		settings: func(base, model string) string {
			return fmt.Sprintf(`    # ~/.codex/config.toml
    model = %q
    model_provider = "gateway"

    [model_providers.gateway]
    name = "gateway"
    base_url = %q
    env_key = "UNI_API_KEY"       # the variable that holds the key
    wire_api = "responses"
`, model, base+"/v1")
		},
	}
}

// socket asks for a WebSocket, as Codex's built-in provider does. Codex goes on over HTTP at once if it is refused with
// 426 only.
func socket(e *examination) verdict {
	a := e.send(request{method: "GET", path: "/v1/responses", header: []string{
		"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "OpenAI-Beta", "responses_websockets=2026-02-06"}})
	const advice = "leave supports_websockets out of the provider in config.toml, and do not use openai_base_url: Codex would try for some seconds at each start"
	switch {
	case a.err != nil && a.status == 0:
		return e.unreachable(a.err)
	case a.status == http.StatusUpgradeRequired:
		return fine("it is refused with 426, and Codex goes on over HTTP")
	case a.status == http.StatusSwitchingProtocols:
		return noted("leave supports_websockets out of the provider in config.toml", "it is taken, and what comes over it is not looked at here")
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return e.refused(a)
	}
	return noted(advice, "it is refused with %d where Codex waits for 426", a.status)
}

// compressed sends a body as Codex does to a provider that is named OpenAI.
func compressed(e *examination) verdict {
	model := e.model
	e.model = noModel // what is of interest is who reads the body
	raw, err := json.Marshal(responsesBody(e, "Hello.", nil, ""))
	e.model = model
	if err != nil {
		return failed("", "%v", err)
	}
	packer, err := zstd.NewWriter(nil)
	if err != nil {
		return failed("", "%v", err)
	}
	defer packer.Close()
	a := e.send(request{method: "POST", path: "/v1/responses", header: []string{"Content-Encoding", "zstd"}, body: packer.EncodeAll(raw, nil)})
	if a.err != nil && a.status == 0 {
		return e.unreachable(a.err)
	}
	if a.status == http.StatusOK || strings.Contains(a.message(), noModel) { // the model was read, so the body was
		return fine("it is read")
	}
	if !isJSON(a.body) {
		return e.foreign(a)
	}
	return failed("name the provider in config.toml otherwise than OpenAI: Codex compresses for that name only", "a compressed body is not read, %d: %s", a.status, a.message())
}

func geminiCLI() client {
	return client{
		name: "gemini-cli", title: "Gemini CLI", dialect: gemini(),
		before: []step{{"https", onlyHTTPS}},
		after:  []step{{"count tokens", countGemini}},
		settings: func(base, model string) string {
			return fmt.Sprintf(`    export GOOGLE_GEMINI_BASE_URL=%s    # without /v1beta
    export GEMINI_API_KEY="$UNI_API_KEY"
    gemini --model %s

    # ~/.gemini/settings.json
    {"security": {"auth": {"selectedType": "gemini-api-key"}}}
`, base, model)
		},
	}
}

// local says whether an address is this machine's own.
func (e *examination) local() bool {
	host := e.base.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func onlyHTTPS(e *examination) verdict {
	if e.base.Scheme == "http" && !e.local() {
		return failed("an https:// address: --tls-cert and --tls-key of the gateway, or a proxy in front", "Gemini CLI takes http:// for localhost only")
	}
	return fine("Gemini CLI takes the address")
}

// countGemini asks what Gemini CLI asks before it sends files.
func countGemini(e *examination) verdict {
	a := e.send(request{method: "POST", path: "/v1beta/models/" + escaped(e.model) + ":countTokens",
		body: object{"contents": []any{object{"role": "user", "parts": []any{object{"text": "How long is this?"}}}}}})
	var count struct{ TotalTokens int }
	switch {
	case a.status != http.StatusOK || a.err != nil:
		return e.refused(a)
	case json.Unmarshal(a.body, &count) != nil || count.TotalTokens <= 0:
		return failed("another gateway or provider for this model", "the count is none: %s", short(string(a.body)))
	}
	return counted(count.TotalTokens, a)
}

func cursor() client {
	return client{
		name: "cursor", title: "Cursor", dialect: chat("OpenAI/JS"),
		before: []step{{"key", cursorKey}, {"internet", fromOutside}},
		settings: func(base, model string) string {
			return fmt.Sprintf(`    Settings → Models
    OpenAI API Key:            the key in UNI_API_KEY
    Override OpenAI Base URL:  %s/v1
    Add model:                 %s
`, base, model)
		},
	}
}

func cursorKey(e *examination) verdict {
	if !strings.HasPrefix(e.key, "sk-") {
		return failed("a key that begins with sk-, as uni-api keygen makes them", "Cursor takes keys only that begin with sk-")
	}
	return fine("Cursor takes it")
}

// fromOutside looks at whether Cursor's servers can reach the address.
func fromOutside(e *examination) verdict {
	ip := net.ParseIP(e.base.Hostname())
	switch {
	case e.local() || ip != nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast()):
		return noted("an address on the internet, with https://, and a rate limit for the key", "Cursor's requests are reported to come from its own servers, which cannot reach %s", e.base.Hostname())
	case e.base.Scheme == "http":
		return noted("an https:// address", "the key goes over the internet unencrypted")
	}
	return fine("nothing in the address keeps Cursor's servers from reaching it")
}

func openWebUI() client {
	return client{
		name: "open-webui", title: "Open WebUI", dialect: chat("Python/3.11 aiohttp"),
		settings: func(base, model string) string {
			return fmt.Sprintf(`    OPENAI_API_BASE_URL=%s/v1
    OPENAI_API_KEY="$UNI_API_KEY"
    # then choose %s
`, base, model)
		},
	}
}

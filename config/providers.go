package config

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"uniapi/codec/capability"
)

// Addresses of the providers that have a fixed one.
const (
	vertexURL     = "https://aiplatform.googleapis.com/"
	cloudflareURL = "https://api.cloudflare.com/"
	cohereURL     = "https://api.cohere.com/v2/chat"
)

var requestTypes = []string{"compaction"}

var providerFields = []field[Provider]{
	take("provider", text, func(p *Provider) *string { return &p.Name }),
	take("base_url", text, func(p *Provider) *string { return &p.BaseURL }),
	{"api", func(d *decoder, n *yaml.Node, p *Provider) { d.providerKeys(n, p) }},
	take("model", models, func(p *Provider) *[]Model { return &p.Models }),
	take("project_id", listOf(text), func(p *Provider) *[]string { return &p.ProjectIDs }),
	take("private_key", pemText, func(p *Provider) *string { return &p.PrivateKey }),
	take("client_email", text, func(p *Provider) *string { return &p.ClientEmail }),
	take("token_uri", text, func(p *Provider) *string { return &p.TokenURI }),
	take("region", listOf(text), func(p *Provider) *[]string { return &p.Regions }),
	take("cf_account_id", text, func(p *Provider) *string { return &p.CFAccountID }),
	take("aws_access_key", secretText, func(p *Provider) *string { return &p.AWSAccessKey }),
	take("aws_secret_key", secretText, func(p *Provider) *string { return &p.AWSSecretKey }),
	take("aws_session_token", secretText, func(p *Provider) *string { return &p.AWSSessionToken }),
	{"engine", func(d *decoder, n *yaml.Node, p *Provider) {
		word, _ := text(d, n)
		p.Engine = strings.ToLower(word)
		p.engineAt = Problem{File: d.file, Line: max(1, n.Line), Column: max(1, n.Column), Word: maskRule(p.Engine)}
	}},
	take("tools", flag, func(p *Provider) *bool { return &p.Tools }),
	take("image", flag, func(p *Provider) *bool { return &p.Image }),
	ignore[Provider]("notes"),
	ignore[Provider]("_model_dict_cache"), // uni-api leaves it behind in files that it rewrites
	take("exclude_endpoints", endpoints, func(p *Provider) *[]string { return &p.ExcludeEndpoints }),
	take("exclude_request_types", listOf(oneOf(requestTypes...)), func(p *Provider) *[]string { return &p.ExcludeRequestTypes }),
	take("only_request_types", listOf(oneOf(requestTypes...)), func(p *Provider) *[]string { return &p.OnlyRequestTypes }),
	take("exclude_request_rules", excludeRules, func(p *Provider) *[]ExcludeRule { return &p.ExcludeRules }),
	{"preferences", func(d *decoder, n *yaml.Node, p *Provider) {
		var more providerPreferences
		more.ProviderPreferences = p.Preferences
		level(d, n, "the preferences of a provider", providerPreferenceFields, &more)
		p.Preferences = more.ProviderPreferences
		p.ExcludeEndpoints = append(p.ExcludeEndpoints, more.excludeEndpoints...)
		p.ExcludeRequestTypes = slices.Compact(append(p.ExcludeRequestTypes, more.excludeRequestTypes...)) // there is only one type
		p.OnlyRequestTypes = slices.Compact(append(p.OnlyRequestTypes, more.onlyRequestTypes...))
		p.ExcludeRules = append(p.ExcludeRules, more.excludeRules...)
	}},
}

// providerPreferences has room for the keys that may stand in the preferences or beside them.
type providerPreferences struct {
	ProviderPreferences
	excludeEndpoints, excludeRequestTypes, onlyRequestTypes []string
	excludeRules                                            []ExcludeRule
}

var providerPreferenceFields = slices.Concat(providerRetryFields, []field[providerPreferences]{
	take("proxy", proxy, func(p *providerPreferences) *string { return &p.Proxy }),
	take("headers", headers, func(p *providerPreferences) *[]Header { return &p.Headers }),
	take("model_timeout", modelTable(someSeconds), func(p *providerPreferences) *ModelTable[time.Duration] { return &p.ModelTimeout }),
	take("keepalive_interval", modelTable(someSeconds), func(p *providerPreferences) *ModelTable[time.Duration] { return &p.KeepaliveInterval }),
	take("timeout_policy", nested(timeoutPolicyFields, TimeoutPolicy{}), func(p *providerPreferences) *TimeoutPolicy { return &p.TimeoutPolicy }),
	take("cooldown_period", optional(seconds), func(p *providerPreferences) **time.Duration { return &p.Cooldown }),
	take("api_key_schedule_algorithm", oneOf(string(RoundRobin), string(Random), string(FixedPriority), string(SmartRoundRobin), string(LeastBusy)),
		func(p *providerPreferences) *string { return &p.KeySchedule }),
	take("api_key_rate_limit", modelTable(rateLimit), func(p *providerPreferences) *ModelTable[RateLimit] { return &p.KeyRateLimit }),
	take("api_key_cooldown_period", seconds, func(p *providerPreferences) *time.Duration { return &p.KeyCooldown }),
	take("api_key_quota_cooldown_period", seconds, func(p *providerPreferences) *time.Duration { return &p.KeyQuotaCooldown }),
	take("api_key_rate_limit_cooldown_period", seconds, func(p *providerPreferences) *time.Duration { return &p.KeyRateLimitCooldown }),
	take("post_body_parameter_overrides", overrides, func(p *providerPreferences) *[]Override { return &p.Overrides }),
	take("passthrough_request_headers", listOf(headerName), func(p *providerPreferences) *[]string { return &p.PassthroughHeaders }),
	take("max_request_body_bytes", byteSize, func(p *providerPreferences) *int64 { return &p.MaxRequestBody }),
	take("responses_stream_commit_policy", oneOf("real_output", "completed_usage"), func(p *providerPreferences) *string { return &p.ResponsesCommit }),
	take("normalize_responses_custom_tool_call_ids", modelsOrFlag, func(p *providerPreferences) *[]string { return &p.NormalizeToolCallIDs }),
	take("search_defaults", jsonObject, func(p *providerPreferences) *json.RawMessage { return &p.SearchDefaults }),
	without(take("access_key", secretText, func(p *providerPreferences) *string { return &p.AccessKey }),
		"there are no video tasks here; keep uni-api for them, or remove it"),
	without(take("secret_key", secretText, func(p *providerPreferences) *string { return &p.SecretKey }),
		"there are no video tasks here; keep uni-api for them, or remove it"),
	take("oaix_routing_attempt_id", flag, func(p *providerPreferences) *bool { return &p.OAIXRoutingAttemptID }),
	take("gemini_key_in_query", flag, func(p *providerPreferences) *bool { return &p.GeminiKeyInQuery }),
	take("model_price", modelPrices, func(p *providerPreferences) *[]ModelPrice { return &p.ModelPrice }),
	take("isolate_keys", optional(flag), func(p *providerPreferences) **bool { return &p.IsolateKeys }),
	take("affinity", optional(flag), func(p *providerPreferences) **bool { return &p.Affinity }),
	take("hedging", hedging, func(p *providerPreferences) **Hedging { return &p.Hedging }),
	take("stream_recovery", recovery, func(p *providerPreferences) *Recovery { return &p.Recovery }),
	take("capabilities", capabilities, func(p *providerPreferences) *[]capability.Rule { return &p.Capabilities }),
	take("exclude_endpoints", endpoints, func(p *providerPreferences) *[]string { return &p.excludeEndpoints }),
	take("exclude_request_types", listOf(oneOf(requestTypes...)), func(p *providerPreferences) *[]string { return &p.excludeRequestTypes }),
	take("only_request_types", listOf(oneOf(requestTypes...)), func(p *providerPreferences) *[]string { return &p.onlyRequestTypes }),
	take("exclude_request_rules", excludeRules, func(p *providerPreferences) *[]ExcludeRule { return &p.excludeRules }),
})

// newProvider has the defaults of uni-api.
func newProvider() *Provider {
	return &Provider{Tools: true, Image: true, Preferences: ProviderPreferences{
		KeySchedule:      string(RoundRobin),
		KeyQuotaCooldown: defaultQuotaCooldown,
		ResponsesCommit:  "real_output",
	}}
}

// defaultQuotaCooldown also stands for a written 0: a key without quota must rest.
const defaultQuotaCooldown = 6 * time.Hour

// provider reads one entry of providers.
func (d *decoder) provider(n *yaml.Node) {
	p, read := newProvider(), false
	whole := true
	d.of(p.called, func() {
		whole = d.within(ItemProvider, func() {
			if n.Kind == yaml.ScalarNode {
				d.fail(n, "", "a provider must be a mapping that begins with \"- provider: NAME\", not %s", kindOf(n))
				return
			}
			read = level(d, n, "a provider", providerFields, p)
		})
	})
	if !whole {
		d.leaveProvider(p)
	}
	if !read {
		return
	}
	if p.Preferences.KeyQuotaCooldown == 0 {
		p.Preferences.KeyQuotaCooldown = defaultQuotaCooldown
	}
	if p.BaseURL == "" && len(p.ProjectIDs) > 0 {
		p.BaseURL = vertexURL
	}
	if p.BaseURL == "" && p.Engine == "cohere" {
		p.BaseURL = cohereURL
	}
	if p.BaseURL == "" && p.CFAccountID != "" {
		p.BaseURL = cloudflareURL
	}
	d.providers[p] = n
	p.at = Problem{File: d.file, Line: max(1, n.Line), Column: max(1, n.Column), Word: p.Name}
	d.cfg.Providers = append(d.cfg.Providers, p)
}

// providerKeys reads the keys of a provider. One of several that cannot be read is left out by itself.
func (d *decoder) providerKeys(n *yaml.Node, p *Provider) {
	items := d.items(n)
	for _, item := range items {
		read := func() {
			key, ok := secretText(d, item)
			if what := unsendable(key); ok && what != "" {
				d.fail(item, "", "this key has %s in it, which no header can carry; copy the key again", what)
				ok = false
			}
			if ok && key != "" {
				p.Keys = append(p.Keys, key)
			}
		}
		if len(items) == 1 {
			read()
		} else if !d.within(ItemProviderKey, read) {
			d.lostKeys[p] = true
		}
	}
	if d.lostKeys[p] && len(p.Keys) == 0 {
		d.fail(n, "", "none of these keys can be read, so that the provider would be asked without one")
	}
}

// pemText is a private key as people paste it, with line breaks or with \n for them.
func pemText(d *decoder, n *yaml.Node) (string, bool) {
	s, ok := secretText(d, n)
	return strings.ReplaceAll(s, `\n`, "\n"), ok
}

// models reads names and renames. Of two models with one alias the last wins, in the place of the first.
func models(d *decoder, n *yaml.Node) ([]Model, bool) {
	out := []Model{} // also where none can be read: such a provider is not asked what it has
	place := map[string]int{}
	add := func(at *yaml.Node, upstream, alias string) {
		upstream, alias = strings.TrimSpace(upstream), strings.TrimSpace(alias)
		if upstream == "" || alias == "" {
			d.fail(at, "", "a model has an empty name; write - NAME, or - UPSTREAM-NAME: ALIAS")
			return
		}
		i, twice := place[alias]
		if !twice {
			place[alias] = len(out)
			out = append(out, Model{upstream, alias})
			return
		}
		if out[i].Upstream != upstream {
			d.warn(at, alias, "model %s is given to two upstream models of this provider, %s and %s; the last one is used",
				shown(alias), shown(out[i].Upstream), shown(upstream))
		}
		out[i].Upstream = upstream
	}
	read := func(item *yaml.Node) {
		switch {
		case item.Kind == yaml.MappingNode:
			for _, p := range d.pairs(item) {
				switch {
				case isNull(p.value):
					d.warn(p.at, p.key, "model %s has a colon and no alias; remove the colon, or write the alias after it", shown(p.key))
					add(p.at, p.key, p.key)
				case p.value.Kind != yaml.ScalarNode:
					d.fail(p.value, p.key, "the alias of model %s must be a text, not %s", shown(p.key), kindOf(p.value))
				default:
					add(p.at, p.key, p.value.Value)
				}
			}
		case isPlain(item):
			add(item, item.Value, item.Value)
		default:
			d.fail(item, "", "a model must be a name or UPSTREAM-NAME: ALIAS, not %s", kindOf(item))
		}
	}
	items := d.items(n)
	for _, item := range items {
		d.within(ItemModel, func() { read(item) })
	}
	if len(items) == 0 {
		return nil, true
	}
	return out, true
}

// modelsOrFlag reads true (all models), false (none), or the models.
func modelsOrFlag(d *decoder, n *yaml.Node) ([]string, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!bool" {
		if on, _ := flag(d, n); on {
			return []string{"*"}, true
		}
		return nil, true
	}
	return listOf(text)(d, n)
}

// headers reads a mapping of names to values.
func headers(d *decoder, n *yaml.Node) ([]Header, bool) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, "", "%s must be a mapping (Name: value), not %s", d.key, kindOf(n))
		return nil, false
	}
	var out []Header
	for _, p := range d.pairs(n) {
		switch {
		case !validHeaderName(p.key):
			d.fail(p.at, p.key, "%s is no header name; it may hold letters, digits and -", shown(p.key))
		case isNull(p.value):
		case p.value.Kind != yaml.ScalarNode:
			d.fail(p.value, p.key, "header %s must be a text, not %s", shown(p.key), kindOf(p.value))
		case strings.ContainsFunc(p.value.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			d.fail(p.value, p.key, "header %s has a line break or a control character in its value; remove it", shown(p.key))
		default:
			d.secret(p.value.Value)
			out = append(out, Header{p.key, p.value.Value})
		}
	}
	return out, true
}

func headerName(d *decoder, n *yaml.Node) (string, bool) {
	s, ok := text(d, n)
	if ok && !validHeaderName(s) {
		d.fail(n, s, "%s is no header name; it may hold letters, digits and -", shown(s))
		return "", false
	}
	return s, ok
}

func validHeaderName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// globalProxy reads the proxy for all. One that cannot be read takes the providers with it that would go around it,
// unless it is a form that nobody has filled in, as it stands in examples: socks5://[username]:[password]@[ip]:[port].
func (d *decoder) globalProxy(n *yaml.Node) string {
	s, ok := proxy(d, n)
	d.badProxy = !ok && !isForm.MatchString(n.Value[strings.LastIndexByte(n.Value, '@')+1:])
	return s
}

// isForm finds a word in brackets in the place of a host. In an address only numbers may stand in them.
var isForm = regexp.MustCompile(`[\[<{][^\[\]<>{}:]*[^0-9A-Fa-f:.%\[\]<>{}][^\[\]<>{}:]*[\]>}]`)

// proxySchemes are the kinds of proxies; the names of hosts are resolved here with socks5 and by the proxy with
// socks5h.
var proxySchemes = []string{"http", "https", "socks5", "socks5h"}

// proxy reads the URL of a proxy. It holds a password more often than not, so no message shows it.
func proxy(d *decoder, n *yaml.Node) (string, bool) {
	s, ok := secretText(d, n)
	if !ok || s == "" {
		return "", ok
	}
	if strings.EqualFold(s, Direct) {
		return Direct, true
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || !validPort(u.Port()) || !slices.Contains(proxySchemes, u.Scheme) {
		d.fail(n, "", "this proxy is no proxy URL; write http://, https://, socks5:// or socks5h:// and user:password@host:port (special characters in the password as %%XX), or direct for none")
		return "", false
	}
	return s, true
}

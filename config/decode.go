package config

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"uniapi/codec/capability"
)

var rootFields = []field[Config]{
	{"providers", func(d *decoder, n *yaml.Node, _ *Config) { d.each(n, d.provider) }},
	{"api_keys", func(d *decoder, n *yaml.Node, _ *Config) { d.each(n, d.apiKey) }},
	{"preferences", func(d *decoder, n *yaml.Node, c *Config) {
		d.within(ItemPreference, func() { level(d, n, d.key, preferenceFields, &c.Preferences) })
	}},
	{"video_providers", func(d *decoder, n *yaml.Node, _ *Config) {
		d.warn(n, "video_providers", "video_providers is not supported: there is no video API; remove it")
	}},
}

// DefaultMaxRetryAfter is how long a provider's own word keeps something away at most if preferences.max_retry_after
// does not say.
const DefaultMaxRetryAfter = 600 * time.Second

var newPreferences = Preferences{MaxRetryAfter: DefaultMaxRetryAfter, ImageFetch: newImageFetch, ConnectionMaxAge: 300 * time.Second, RequestLog: newRequestLog, Retries: newRetries, Recovery: RecoverError}

var preferenceFields = slices.Concat(retryFields, []field[Preferences]{
	take("model_timeout", modelTable(someSeconds), func(p *Preferences) *ModelTable[time.Duration] { return &p.ModelTimeout }),
	take("keepalive_interval", modelTable(someSeconds), func(p *Preferences) *ModelTable[time.Duration] { return &p.KeepaliveInterval }),
	take("cooldown_period", optional(seconds), func(p *Preferences) **time.Duration { return &p.Cooldown }),
	take("max_retry_after", seconds, func(p *Preferences) *time.Duration { return &p.MaxRetryAfter }),
	{"rate_limit", globalRateLimit},
	take("queue", waiting, func(p *Preferences) *time.Duration { return &p.Queue }),
	take("error_triggers", listOf(text), func(p *Preferences) *[]string { return &p.ErrorTriggers }),
	{"proxy", func(d *decoder, n *yaml.Node, p *Preferences) { p.Proxy = d.globalProxy(n) }},
	take("model_price", modelPrices, func(p *Preferences) *[]ModelPrice { return &p.ModelPrice }),
	take("price_source", priceSource, func(p *Preferences) *PriceSource { return &p.PriceSource }),
	take("unpriced_media", unpricedMedia, func(p *Preferences) *UnpricedMedia { return &p.UnpricedMedia }),
	take("timeout_policy", nested(timeoutPolicyFields, TimeoutPolicy{}), func(p *Preferences) *TimeoutPolicy { return &p.TimeoutPolicy }),
	take("image_fetch", nested(imageFetchFields, newImageFetch), func(p *Preferences) *ImageFetch { return &p.ImageFetch }),
	take("hedging", hedging, func(p *Preferences) **Hedging { return &p.Hedging }),
	take("isolate_keys", flag, func(p *Preferences) *bool { return &p.IsolateKeys }),
	take("affinity", flag, func(p *Preferences) *bool { return &p.Affinity }),
	take("stream_recovery", recovery, func(p *Preferences) *Recovery { return &p.Recovery }),
	take("capabilities", capabilities, func(p *Preferences) *[]capability.Rule { return &p.Capabilities }),
	take("alerts", alertSettings, func(p *Preferences) *Alerts { return &p.Alerts }),
	take("request_log", requestLog, func(p *Preferences) *RequestLog { return &p.RequestLog }),
	take("cluster", cluster, func(p *Preferences) *Cluster { return &p.Cluster }),
	take("connection_max_age", seconds, func(p *Preferences) *time.Duration { return &p.ConnectionMaxAge }),
})

var apiKeyFields = []field[APIKey]{
	take("api", secretText, func(k *APIKey) *string { return &k.Key }),
	{"model", func(d *decoder, n *yaml.Node, k *APIKey) { d.ruleNodes(n, k) }},
	take("role", text, func(k *APIKey) *string { return &k.Role }),
	{"weights", func(d *decoder, n *yaml.Node, k *APIKey) { d.weightNodes(n, k) }},
	take("preferences", nested(keyPreferenceFields, newKeyPreferences), func(k *APIKey) *KeyPreferences { return &k.Preferences }),
}

var newKeyPreferences = KeyPreferences{Schedule: FixedPriority, AutoRetry: RetryAll}

var keyPreferenceFields = slices.Concat(accessFields, []field[KeyPreferences]{
	take("SCHEDULING_ALGORITHM", schedule, func(p *KeyPreferences) *Schedule { return &p.Schedule }),
	take("AUTO_RETRY", autoRetry, func(p *KeyPreferences) *int { return &p.AutoRetry }),
	take("rate_limit", modelTable(rateLimit), func(p *KeyPreferences) *ModelTable[RateLimit] { return &p.RateLimit }),
	take("queue", optional(waiting), func(p *KeyPreferences) **time.Duration { return &p.Queue }),
	take("ENABLE_MODERATION", flag, func(p *KeyPreferences) *bool { return &p.Moderation }),
	take("fail_open", flag, func(p *KeyPreferences) *bool { return &p.FailOpen }),
	take("credits", optional(money), func(p *KeyPreferences) **int64 { return &p.Credits }),
	take("created_at", optional(timestamp), func(p *KeyPreferences) **time.Time { return &p.CreatedAt }),
	take("renews", renewal, func(p *KeyPreferences) **Renewal { return &p.Renews }),
	take("affinity", optional(flag), func(p *KeyPreferences) **bool { return &p.Affinity }),
	take("hedging", hedging, func(p *KeyPreferences) **Hedging { return &p.Hedging }),
	take("stream_recovery", recovery, func(p *KeyPreferences) *Recovery { return &p.Recovery }),
})

// Parse is Load for bytes; name stands for the file in problems and getenv answers for ${NAME} and TIMEOUT (nil = the
// process's environment). The error is an Unusable and holds everything that is wrong, the warnings
// included.
func Parse(name string, data []byte, getenv func(string) string) (*Config, error) {
	return parseFile(name, data, getenv, false)
}

// ParseLenient is Parse for a start: what an error costs is left out of the configuration, which has the errors in
// LeftOut. It is refused only if it is no YAML, or if nothing is left that could serve.
func ParseLenient(name string, data []byte, getenv func(string) string) (*Config, error) {
	return parseFile(name, data, getenv, true)
}

func parseFile(name string, data []byte, getenv func(string) string, lenient bool) (*Config, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	d := &decoder{
		file: name, getenv: getenv, cfg: &Config{Preferences: newPreferences}, scope: scope{item: ItemFile},
		providers: map[*Provider]*yaml.Node{}, keys: map[*APIKey]*yaml.Node{}, rules: map[*APIKey][]ruleNode{}, lostRules: map[*APIKey]bool{},
		weights:  map[*APIKey][]ruleNode{},
		lostKeys: map[*Provider]bool{},
	}
	if doc, ok := d.document(data); ok {
		d.foreign(doc) // before what variables hold is put in
		d.expand(doc)
		d.root(resolve(doc.Content[0]))
	}
	if usable := d.leaveOut(); len(d.errors) > 0 && !(lenient && usable) {
		return nil, &Unusable{d.tidy(append(d.errors, d.warnings...)), d.tidy(d.advice), d.hash(data)}
	}
	d.cfg.LeftOut = d.tidy(d.errors)
	d.cfg.Warnings, d.cfg.Advice = d.tidy(d.warnings), d.tidy(d.advice)
	d.cfg.Hash = d.hash(data)
	d.cfg.Proxies = proxiesOf(getenv)
	d.cfg.environment = secretsOfEnvironment(getenv)
	d.cfg.source = bytes.Clone(data)
	return d.cfg, nil
}

func (d *decoder) root(n *yaml.Node) {
	if !level(d, n, "the file", rootFields, d.cfg) {
		return
	}
	if d.lacks(n, "api_keys") {
		d.fail(n, "", "api_keys is missing: nobody could use the gateway; add api_keys: with an entry - api: sk-…")
	}
	if d.lacks(n, "providers") {
		d.warn(n, "", "providers is missing or empty: there is nothing to send requests to")
	}
	d.cfg.timeout = d.baseTimeout(n)
	d.clusterOfEnvironment(n)
	d.checkProviders()
	d.checkKeys()
}

// lacks tells whether the list is missing or empty.
func (d *decoder) lacks(n *yaml.Node, key string) bool {
	list := d.valueOf(n, key)
	return list == n || isNull(list) || list.Kind == yaml.SequenceNode && len(list.Content) == 0
}

// each reads the entries of a list at the top of the file.
func (d *decoder) each(n *yaml.Node, read func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, "", "%s must be a list; begin each entry with \"- \"", d.key)
		return
	}
	for _, item := range d.items(n) {
		read(item)
	}
}

func (d *decoder) apiKey(n *yaml.Node) {
	k, read := &APIKey{Preferences: newKeyPreferences}, false
	whole := true
	d.of(k.called, func() {
		whole = d.within(ItemKey, func() {
			if n.Kind == yaml.ScalarNode {
				d.fail(n, "", "an entry of api_keys must be a mapping; write - api: before the key")
				return
			}
			read = level(d, n, "an entry of api_keys", apiKeyFields, k)
		})
	})
	if !whole {
		d.leaveKey(k)
	}
	if read {
		d.keys[k] = n
		d.cfg.APIKeys = append(d.cfg.APIKeys, k)
	}
}

func recovery(d *decoder, n *yaml.Node) (Recovery, bool) {
	r, ok := oneOf(string(RecoverError), string(RecoverBuffer), string(RecoverContinue))(d, n)
	return Recovery(r), ok
}

func schedule(d *decoder, n *yaml.Node) (Schedule, bool) {
	s, ok := oneOf(schedules...)(d, n)
	return Schedule(s), ok
}

// autoRetry reads true, false, or how many retries at most.
func autoRetry(d *decoder, n *yaml.Node) (int, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!bool" {
		if _, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return integer(0, 1000)(d, n)
		}
	}
	on, ok := flag(d, n)
	if on {
		return RetryAll, ok
	}
	return 0, ok
}

// baseTimeout reads env TIMEOUT. It is not in the file, so a bad one is noted at its beginning.
func (d *decoder) baseTimeout(n *yaml.Node) time.Duration {
	value := strings.TrimSpace(d.getenv("TIMEOUT"))
	if value == "" {
		return DefaultTimeout
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(f) || f <= 0 || f > maxSeconds {
		d.warn(n, "TIMEOUT", "environment variable TIMEOUT is %s; it must be a number of seconds. %v is used", shown(value), DefaultTimeout)
		return DefaultTimeout
	}
	return time.Duration(f * float64(time.Second))
}

func (d *decoder) tidy(p Problems) Problems {
	p.scrub(d.secrets)
	p.Sort()
	return p.once()
}

func (d *decoder) hash(data []byte) (sum [32]byte) {
	h := sha256.New()
	h.Write(data)
	for _, v := range d.expanded {
		fmt.Fprintf(h, "\x00%d:%s", len(v), v)
	}
	h.Sum(sum[:0])
	return sum
}

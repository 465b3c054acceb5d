package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"uniapi/config/price"
)

// Summary is what `uni-api check` prints of a good configuration: what was understood, without any secret. more are
// lines about each provider, of a name and a value, that others know, and nil for one that is left out.
func (c *Config) Summary(more [][][2]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "providers: %d\n", len(c.Providers))
	for i, p := range c.Providers {
		fmt.Fprintf(&b, "  %s: %s\n", p.Name, maskURL(p.BaseURL))
		if leftOut(i, more) {
			line(&b, "left out", "yes, as the error says")
		} else if i < len(more) {
			for _, pair := range more[i] {
				line(&b, pair[0], pair[1])
			}
		} else {
			line(&b, "engine", p.Engine)
		}
		p.summarise(&b)
	}
	fmt.Fprintf(&b, "api_keys: %d\n", len(c.APIKeys))
	for _, k := range c.APIKeys {
		k.summarise(&b)
	}
	fmt.Fprintf(&b, "admin: %s\n", c.summariseAdmins())
	c.summarisePreferences(&b)
	c.summarisePrices(&b, more)
	return b.String()
}

func leftOut(i int, more [][][2]string) bool { return i < len(more) && more[i] == nil }

// summariseAdmins names the keys that administrate, and how to have one if there is none.
func (c *Config) summariseAdmins() string {
	if only := c.LoneAdmin(); only != nil {
		return only.Alias + ", since it is the only key and has no role; give it one if it is a user's"
	}
	var names []string
	for _, k := range c.APIKeys {
		if c.IsAdmin(k) {
			names = append(names, k.Alias)
		}
	}
	if names == nil {
		return "nobody; give a key a role with admin in it to administrate by HTTP"
	}
	return strings.Join(names, ", ")
}

// line writes "    name: value" unless the value is empty.
func line(b *strings.Builder, name, value string) {
	if value != "" {
		fmt.Fprintf(b, "    %s: %s\n", name, value)
	}
}

func (p *Provider) summarise(b *strings.Builder) {
	keys := make([]string, len(p.Keys))
	for i, k := range p.Keys {
		keys[i] = Mask(k)
	}
	if len(keys) > 1 {
		keys = append(keys, "("+p.Preferences.KeySchedule+")")
	}
	line(b, "api", strings.Join(keys, " "))
	line(b, "project_id", strings.Join(p.ProjectIDs, ", "))
	line(b, "region", strings.Join(p.Regions, ", "))
	names := make([]string, len(p.Models))
	for i, m := range p.Models {
		names[i] = m.Alias
		if m.Alias != m.Upstream {
			names[i] += " (" + m.Upstream + ")"
		}
	}
	if p.Models == nil {
		names = []string{"as the provider lists them"}
	}
	line(b, "model", strings.Join(names, ", "))
	if !p.Tools {
		line(b, "tools", "false")
	}
	if !p.Image {
		line(b, "image", "false")
	}
	line(b, "exclude_endpoints", strings.Join(p.ExcludeEndpoints, ", "))
	line(b, "only_request_types", strings.Join(p.OnlyRequestTypes, ", "))
	line(b, "exclude_request_types", strings.Join(p.ExcludeRequestTypes, ", "))
	line(b, "exclude_request_rules", count(len(p.ExcludeRules)))
	p.Preferences.summarise(b)
}

func (p *ProviderPreferences) summarise(b *strings.Builder) {
	line(b, "proxy", maskURL(p.Proxy))
	var names []string
	for _, h := range p.Headers {
		names = append(names, h.Name)
	}
	line(b, "headers", strings.Join(names, ", "))
	line(b, "model_timeout", table(p.ModelTimeout, time.Duration.String))
	line(b, "keepalive_interval", table(p.KeepaliveInterval, time.Duration.String))
	line(b, "timeout_policy", count(len(p.TimeoutPolicy.Rules)))
	if p.Cooldown != nil {
		line(b, "cooldown_period", p.Cooldown.String())
	}
	if p.KeyCooldown > 0 {
		line(b, "api_key_cooldown_period", p.KeyCooldown.String())
	}
	line(b, "api_key_rate_limit", table(p.KeyRateLimit, RateLimit.String))
	if p.MaxRequestBody > 0 {
		line(b, "max_request_body_bytes", fmt.Sprint(p.MaxRequestBody))
	}
	names = nil
	for _, o := range p.Overrides {
		names = append(names, o.Key)
	}
	line(b, "post_body_parameter_overrides", strings.Join(names, ", "))
	line(b, "passthrough_request_headers", strings.Join(p.PassthroughHeaders, ", "))
	line(b, "model_price", prices(p.ModelPrice))
	p.Retries.summarise(b)
	if p.IsolateKeys != nil {
		line(b, "isolate_keys", strconv.FormatBool(*p.IsolateKeys))
	}
	if p.Affinity != nil {
		line(b, "affinity", strconv.FormatBool(*p.Affinity))
	}
	line(b, "stream_recovery", string(p.Recovery))
	line(b, "hedging", p.Hedging.String())
	line(b, "capabilities", count(len(p.Capabilities)))
}

func (k *APIKey) summarise(b *strings.Builder) {
	fmt.Fprintf(b, "  %s: %s\n", k.Alias, Mask(k.Key))
	rules := make([]string, len(k.Rules))
	for i, r := range k.Rules {
		rules[i] = r.Text
		if r.Weight > 0 {
			rules[i] += fmt.Sprintf(" (weight %d)", r.Weight)
		}
	}
	line(b, "model", strings.Join(rules, ", "))
	line(b, "SCHEDULING_ALGORITHM", string(k.Preferences.Schedule))
	retry := fmt.Sprint(k.Preferences.AutoRetry)
	switch k.Preferences.AutoRetry {
	case RetryAll:
		retry = "true"
	case 0:
		retry = "false"
	}
	line(b, "AUTO_RETRY", retry)
	line(b, "rate_limit", table(k.Preferences.RateLimit, RateLimit.String))
	if q := k.Preferences.Queue; q != nil {
		line(b, "queue", q.String())
	}
	if k.Preferences.Moderation {
		line(b, "ENABLE_MODERATION", "true")
		line(b, "fail_open", strconv.FormatBool(k.Preferences.FailOpen))
	}
	if c := k.Preferences.Credits; c != nil {
		line(b, "credits", dollars(*c, nanoDollarPlaces))
	}
	if t := k.Preferences.CreatedAt; t != nil {
		line(b, "created_at", t.Format(time.RFC3339))
	}
	if r := k.Preferences.Renews; r != nil {
		line(b, "renews", r.String())
	}
	if t := k.Preferences.Access.ExpiresAt; t != nil {
		line(b, "expires_at", t.Format(time.RFC3339))
	}
	line(b, "allow_ips", k.Preferences.Access.summary())
	if k.Preferences.Access.Disabled {
		line(b, "disabled", "true")
	}
	if a := k.Preferences.Affinity; a != nil {
		line(b, "affinity", strconv.FormatBool(*a))
	}
	line(b, "stream_recovery", string(k.Preferences.Recovery))
	line(b, "hedging", k.Preferences.Hedging.String())
}

func (c *Config) summarisePreferences(b *strings.Builder) {
	p := &c.Preferences
	b.WriteString("preferences:\n")
	line(b, "proxy", maskURL(p.Proxy))
	line(b, "model_timeout", table(p.ModelTimeout, time.Duration.String))
	if _, ok := p.ModelTimeout.Default(); !ok {
		line(b, "model_timeout of all other models", c.ModelTimeout(&Provider{}, "", "").String())
	}
	line(b, "keepalive_interval", table(p.KeepaliveInterval, time.Duration.String))
	line(b, "timeout_policy", count(len(p.TimeoutPolicy.Rules)))
	cooldown := "from 1s, doubled with each failed probe, to 5m0s"
	if p.Cooldown != nil {
		cooldown = p.Cooldown.String()
	}
	line(b, "cooldown_period", cooldown)
	line(b, "max_retry_after", p.MaxRetryAfter.String())
	line(b, "rate_limit", p.RateLimit.String())
	if p.Queue > 0 {
		line(b, "queue", p.Queue.String())
	}
	line(b, "rate_limit by model", table(p.ModelRateLimit, RateLimit.String))
	line(b, "error_triggers", count(len(p.ErrorTriggers)))
	line(b, "model_price", prices(p.ModelPrice))
	line(b, "price_source", p.PriceSource.String())
	line(b, "unpriced_media", p.UnpricedMedia.String())
	line(b, "image_fetch.allow", p.ImageFetch.allowed())
	line(b, "isolate_keys", strconv.FormatBool(p.IsolateKeys))
	line(b, "affinity", strconv.FormatBool(p.Affinity))
	line(b, "stream_recovery", string(p.Recovery))
	line(b, "request_log", p.RequestLog.String())
	line(b, "alerts", p.Alerts.String())
	line(b, "cluster", p.Cluster.String())
	p.Retries.summarise(b)
	line(b, "connection_max_age", p.ConnectionMaxAge.String())
	line(b, "hedging", p.Hedging.String())
	line(b, "capabilities", count(len(p.Capabilities)))
}

func prices(list []ModelPrice) string {
	words := make([]string, len(list))
	for i, m := range list {
		words[i] = m.Prefix + " " + m.Price.String()
	}
	return strings.Join(words, "; ")
}

// count is a number of things; nothing for none.
func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func table[T any](t ModelTable[T], text func(T) string) string {
	var parts []string
	for name, value := range t.All() {
		parts = append(parts, name+" "+text(value))
	}
	return strings.Join(parts, "; ")
}

// String is the limit as it would be written in the file, with windows in full.
func (l RateLimit) String() string {
	var parts []string
	for _, x := range l.Limits {
		parts = append(parts, fmt.Sprintf("%d/%s", x.Count, windowName(x.Window)))
	}
	if l.TokensPerRequest > 0 {
		parts = append(parts, fmt.Sprintf("%d/%s", l.TokensPerRequest, tokensPerRequest))
	}
	for _, q := range l.Quotas {
		parts = append(parts, q.String())
	}
	return strings.Join(parts, ",")
}

// windowName is the longest unit for a window: "minute".
func windowName(window time.Duration) string {
	name := ""
	for unit, d := range rateUnits {
		if d == window && len(unit) > len(name) {
			name = unit
		}
	}
	return name
}

// dollars writes an amount in units of 10^-places.
func dollars(amount int64, places int) string { return price.Dollars(amount, places) }

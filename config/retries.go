package config

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// Retries is what follows when an attempt has failed, at whatever provider.
type Retries struct {
	SameFirst       bool          // a channel that failed for a moment is asked once more before another
	ShortRetryAfter time.Duration // the longest Retry-After that is waited out; default 5 s, 0 = none
	ContentPolicy   string        // what follows a refusal for what was said: ContentFinal (default) or ContentNext
}

// ProviderRetries is what follows at one provider.
type ProviderRetries struct {
	SameFirst     *bool  // nil = the global one
	ContentPolicy string // "" = the global one
	On            []int  // statuses after which another channel is asked, whatever else is said of them
	Never         []int  // statuses after which none is
}

// The words of content_policy.
const (
	ContentFinal = "final" // nobody else is asked
	ContentNext  = "next"  // the other channels are
)

var newRetries = Retries{ShortRetryAfter: 5 * time.Second, ContentPolicy: ContentFinal}

// ContentPolicy says what follows when a provider refuses a request for what it says.
func (c *Config) ContentPolicy(p *Provider) string {
	return cmp.Or(p.Preferences.Retries.ContentPolicy, c.Preferences.Retries.ContentPolicy)
}

var contentPolicy = oneOf(ContentFinal, ContentNext)

var retryFields = []field[Preferences]{
	take("retry_same_first", flag, func(p *Preferences) *bool { return &p.Retries.SameFirst }),
	take("short_retry_after", seconds, func(p *Preferences) *time.Duration { return &p.Retries.ShortRetryAfter }),
	take("content_policy", contentPolicy, func(p *Preferences) *string { return &p.Retries.ContentPolicy }),
}

var providerRetryFields = []field[providerPreferences]{
	take("retry_same_first", optional(flag), func(p *providerPreferences) **bool { return &p.Retries.SameFirst }),
	take("content_policy", contentPolicy, func(p *providerPreferences) *string { return &p.Retries.ContentPolicy }),
	take("retry_on", statuses, func(p *providerPreferences) *[]int { return &p.Retries.On }),
	take("never_retry_on", statuses, func(p *providerPreferences) *[]int { return &p.Retries.Never }),
}

// statuses reads one or more statuses of failures.
func statuses(d *decoder, n *yaml.Node) ([]int, bool) {
	out := []int{}
	for _, item := range d.items(n) {
		status, ok := integer(300, 599)(d, item)
		if !ok {
			return nil, false
		}
		out = append(out, status)
	}
	return out, true
}

func (r *ProviderRetries) summarise(b *strings.Builder) {
	if r.SameFirst != nil {
		line(b, "retry_same_first", strconv.FormatBool(*r.SameFirst))
	}
	line(b, "content_policy", r.ContentPolicy)
	line(b, "retry_on", numbers(r.On))
	line(b, "never_retry_on", numbers(r.Never))
}

func (r *Retries) summarise(b *strings.Builder) {
	if r.SameFirst {
		line(b, "retry_same_first", "true")
	}
	line(b, "short_retry_after", r.ShortRetryAfter.String())
	line(b, "content_policy", r.ContentPolicy)
}

// numbers writes numbers one after the other.
func numbers(list []int) string {
	text := make([]string, len(list))
	for i, n := range list {
		text[i] = strconv.Itoa(n)
	}
	return strings.Join(text, ", ")
}

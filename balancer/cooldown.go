package balancer

import "time"

// cooldown says for how long something rests. Its zero value is not at all.
type cooldown struct {
	fixed time.Duration
	grows growth
	most  time.Duration // 0 is as it comes
	asked time.Duration // by the provider, within bounds: at least so long, and where nobody else can serve, too
	dead  bool          // all of it holds where nobody else can serve
}

// growth is a cooldown that is longer after each further failure.
type growth uint8

const (
	asProbed  growth = 1 + iota // of what may be well again at any time
	asRefused                   // of keys that somebody must mend
)

const (
	firstCooldown   = time.Second // twice as long with each failed probe
	longestCooldown = 5 * time.Minute

	deadKeyCooldown = time.Minute // four times as long each time it is refused again
	deadKeyMost     = 4 * time.Hour
	loneKeyMost     = 5 * time.Minute // of a provider's only key: whoever pays the bill does not want to wait for hours
)

func (p *cooldown) length(failures int) time.Duration {
	d := p.fixed
	switch n := min(failures-1, 10); p.grows {
	case asProbed:
		d = min(firstCooldown<<n, longestCooldown)
	case asRefused:
		d = min(deadKeyCooldown<<(2*min(n, 4)), deadKeyMost)
	}
	if p.most > 0 {
		d = min(d, p.most)
	}
	return max(d, p.asked)
}

// cooling is the cooldown that cooldown_period sets, or that it leaves to growth.
func (p *Provider) cooling() cooldown {
	if p.cooldown == nil {
		return cooldown{grows: asProbed}
	}
	return cooldown{fixed: *p.cooldown}
}

// cooldowns says for how long an attempt's channel, its key and the two together rest
// after an outcome.
func (a *Attempt) cooldowns(o *Outcome) (channel, key, pair cooldown) {
	p := a.Provider
	prefs := &p.Config.Preferences
	several := len(p.ring.keys) > 1
	asked := min(o.RetryAfter, p.longest)
	switch o.Verdict {
	case Unavailable, Broken:
		channel = p.cooling()
		if p.cooldown == nil {
			channel.asked = asked
		}
		if several {
			pair.fixed = prefs.KeyCooldown
		}
		if o.Hurried && channel != (cooldown{}) { // what cooldown_period says is for failures
			channel, pair = cooldown{grows: asProbed}, cooldown{}
		}
	case NoModel:
		channel = p.cooling()
	case RateLimited:
		pair = limited(p, asked)
	case OutOfQuota:
		key = cooldown{fixed: prefs.KeyQuotaCooldown, asked: asked, dead: several}
	case KeyRefused:
		key = cooldown{grows: asRefused, dead: several}
	}
	if !several {
		key.most, pair.most = mostOf(key), mostOf(pair)
	}
	if a.Key < 0 { // a provider without keys rests as a whole
		for _, p := range []cooldown{key, pair} {
			if p != (cooldown{}) {
				channel = p
			}
		}
		key, pair = cooldown{}, cooldown{}
	}
	return channel, key, pair
}

// limited is the cooldown after a limit of the provider's. Its own word comes before
// all that is set here; where nothing is set it is no shorter than that of what failed.
func limited(p *Provider, asked time.Duration) cooldown {
	prefs := &p.Config.Preferences
	switch {
	case asked > 0 && p.cooldown == nil:
		return cooldown{grows: asProbed, asked: asked}
	case asked > 0:
		return cooldown{asked: asked}
	case prefs.KeyCooldown > 0:
		return cooldown{fixed: prefs.KeyCooldown}
	case prefs.KeyRateLimitCooldown > 0 && len(p.ring.keys) > 1:
		return cooldown{fixed: prefs.KeyRateLimitCooldown}
	}
	return p.cooling()
}

// mostOf bounds the cooldown of a provider's only key.
func mostOf(p cooldown) time.Duration {
	if p == (cooldown{}) {
		return 0
	}
	return loneKeyMost
}

package balancer

import "time"

// pause says for how long something rests. Its zero value is not at all.
type pause struct {
	fixed time.Duration
	grows growth
	most  time.Duration // 0 is as it comes
	asked time.Duration // by the provider, within bounds: at least so long, and where nobody else can serve, too
	dead  bool          // all of it holds where nobody else can serve
}

// growth is a pause that is longer after each further failure.
type growth uint8

const (
	asProbed  growth = 1 + iota // of what may be well again at any time
	asRefused                   // of keys that somebody must mend
)

const (
	firstRest   = time.Second // twice as long with each failed probe
	longestRest = 5 * time.Minute

	deadKeyRest = time.Minute // four times as long each time it is refused again
	deadKeyMost = 4 * time.Hour
	loneKeyMost = 5 * time.Minute // of a provider's only key: whoever pays the bill does not want to wait for hours
)

func (p *pause) length(failures int) time.Duration {
	d := p.fixed
	switch n := min(failures-1, 10); p.grows {
	case asProbed:
		d = min(firstRest<<n, longestRest)
	case asRefused:
		d = min(deadKeyRest<<(2*min(n, 4)), deadKeyMost)
	}
	if p.most > 0 {
		d = min(d, p.most)
	}
	return max(d, p.asked)
}

// cooldown is the pause that cooldown_period sets, or that it leaves to growth.
func (p *Provider) cooling() pause {
	if p.cooldown == nil {
		return pause{grows: asProbed}
	}
	return pause{fixed: *p.cooldown}
}

// rests says for how long an attempt's channel, its key and the two together rest
// after an outcome.
func (a *Attempt) rests(o *Outcome) (channel, key, pair pause) {
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
		if o.Hurried && channel != (pause{}) { // what cooldown_period says is for failures
			channel, pair = pause{grows: asProbed}, pause{}
		}
	case NoModel:
		channel = p.cooling()
	case RateLimited:
		pair = limited(p, asked)
	case OutOfQuota:
		key = pause{fixed: prefs.KeyQuotaCooldown, asked: asked, dead: several}
	case KeyRefused:
		key = pause{grows: asRefused, dead: several}
	}
	if !several {
		key.most, pair.most = mostOf(key), mostOf(pair)
	}
	if a.Key < 0 { // a provider without keys rests as a whole
		for _, p := range []pause{key, pair} {
			if p != (pause{}) {
				channel = p
			}
		}
		key, pair = pause{}, pause{}
	}
	return channel, key, pair
}

// limited is the pause after a limit of the provider's. Its own word comes before
// all that is set here; where nothing is set it is no shorter than that of what failed.
func limited(p *Provider, asked time.Duration) pause {
	prefs := &p.Config.Preferences
	switch {
	case asked > 0 && p.cooldown == nil:
		return pause{grows: asProbed, asked: asked}
	case asked > 0:
		return pause{asked: asked}
	case prefs.KeyCooldown > 0:
		return pause{fixed: prefs.KeyCooldown}
	case prefs.KeyRateLimitCooldown > 0 && len(p.ring.keys) > 1:
		return pause{fixed: prefs.KeyRateLimitCooldown}
	}
	return p.cooling()
}

// mostOf bounds the pause of a provider's only key.
func mostOf(p pause) time.Duration {
	if p == (pause{}) {
		return 0
	}
	return loneKeyMost
}

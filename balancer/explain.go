package balancer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/config"
)

// Explanation is what a request of a key for a model would meet at this moment.
type Explanation struct {
	Key, Model string
	Schedule   config.Schedule
	Attempts   int    // at most
	Refused    string // why it would be refused before any channel is asked; "" if it would not. Who asks for the explanation fills it in
	Steps      []Step
}

// Step is one channel in the order in which it would be tried.
type Step struct {
	Provider, Upstream string
	Why                string        // for its place
	Excluded           string        // why it would be left out now; "" if it would be tried
	Timeout            time.Duration // to the first byte
	FirstToken         time.Duration // a stream is left after that for another channel, if one could serve; 0 is no such limit
	Idle, Total        time.Duration // between two bytes, and of the whole; 0 is no limit
	KeyOrder           string        // which of the provider's keys comes first, and why; "" if there is no choice
	Breaking           string        // what becomes of a stream that breaks off (stream_recovery); "" if there is none, or the client is told. Who asks for the explanation fills it in
	Keys               []string      // of the provider, in their order: "" is fit, else why it would be passed over

	filtered bool // it does not take such a request
}

// Explain tells what would be tried for a request, in which order, and what would
// be left out, without taking a turn. False if the rules give its model no
// channel.
func (k *Key) Explain(attributes Attributes) (Explanation, bool) {
	e := Explanation{Key: k.Config.Alias, Model: attributes.Model, Schedule: k.Config.Preferences.Schedule}
	if e.Schedule == "" {
		e.Schedule = config.FixedPriority
	}
	route := k.Find(attributes.Model)
	if route == nil {
		return e, false
	}
	p := Plan{peek: true, Attributes: attributes}
	p.Start(k, route)
	e.Attempts = p.left
	now := k.state.now()
	for c := p.advance(); c != nil; c = p.advance() {
		if p.tried(c) {
			continue
		}
		p.tries = append(p.tries, try{candidate: c})
		e.Steps = append(e.Steps, p.step(c, now))
	}
	if !slices.ContainsFunc(e.Steps, func(s Step) bool { return s.Excluded == "" }) {
		p.before(now, e.Steps)
	}
	return e, true
}

// step explains one channel.
func (p *Plan) step(c *Candidate, now int64) Step {
	d := c.Deadlines(&p.Attributes)
	s := Step{Provider: c.Provider.Config.Name, Upstream: c.Upstream, Timeout: d.FirstByte, Idle: d.Idle, Total: d.Total, Why: p.place(c)}
	if within := c.FirstToken(&p.Attributes); within < s.Timeout || s.Timeout == 0 {
		s.FirstToken = within
	}
	var keyless string
	s.Keys, keyless = p.excuses(c, now)
	s.KeyOrder = p.keyOrder(c)
	if !p.lone {
		s.Excluded = excuse(c.breaker.Look(now, p.key.client), now)
	}
	s.Excluded = cmp.Or(s.Excluded, keyless)
	if why, out := c.Provider.filter.Exclude(&p.Attributes, c.channel()); out {
		s.Excluded, s.filtered = cmp.Or(s.Excluded, why.Reason), true
	}
	return s
}

// before explains what is asked before its time, where all that could serve rests.
func (p *Plan) before(now int64, steps []Step) {
	for i := range steps {
		s, t := &steps[i], &p.tries[i]
		k := asking{p.key.client, now, true, p.since(t, now), false}
		if s.filtered || !p.lone && !p.may(t.candidate.breaker, &k) {
			continue
		}
		k.anyway = p.lone
		ring := t.candidate.Provider.ring
		usable := func(i int) bool {
			return p.may(ring.keys[i].breaker, &k) && p.may(t.candidate.pairs.of(ring.keys[i]), &k) && p.hasLimit(ring, i, t.candidate.Upstream, now)
		}
		for n := range ring.keys {
			if usable(n) {
				s.due()
				break
			}
		}
		if len(ring.keys) == 0 {
			s.due()
		}
	}
}

// due makes a step one that is asked although it rests.
func (s *Step) due() {
	s.Why += "; asked before its time, since nobody else can serve: " + s.Excluded
	s.Excluded = ""
}

// excuses words of each of a channel's keys why it would be passed over now, and why the channel would be if that is so
// of all.
func (p *Plan) excuses(c *Candidate, now int64) (words []string, all string) {
	ring, usable := c.Provider.ring, len(c.Provider.ring.keys) == 0
	all = "all its keys rest"
	for i, key := range ring.keys {
		word := cmp.Or(excuse(key.breaker.Look(now, p.key.client), now), excuse(c.pairs.of(key).Look(now, p.key.client), now))
		if spent := p.spent(c, key, now); word == "" && spent != "" {
			word, all = spent, "all its keys rest or have too little left"
		}
		fit := word == ""
		if ring.limits != nil && fit {
			if refusal, ok := ring.limits[i].Check(c.Upstream, p.Attributes.Need, now); !ok {
				fit, word = false, "has had its "+refusal.String()+" (api_key_rate_limit)"
				all = "all its keys rest or have reached their limits"
			}
		}
		words, usable = append(words, word), usable || fit
	}
	if usable {
		return words, ""
	}
	return words, all
}

// keyOrder words which key of a channel comes first.
func (p *Plan) keyOrder(c *Candidate) string {
	ring := c.Provider.ring
	if len(ring.keys) < 2 {
		return ""
	}
	policy := ring.walk(p)
	first := policy.Pick(&p.keys)
	return fmt.Sprintf("key %d first, %s", first+1, policy.Explain(&p.keys, first))
}

// place words why the channel that advance has just given comes now.
func (p *Plan) place(c *Candidate) string {
	f := &p.frames[len(p.frames)-1]
	why := "the only channel"
	if len(f.route.entries) > 1 {
		why = f.policy.Explain(&f.walk, slices.IndexFunc(f.route.entries, func(e entry) bool { return e.Candidate == c && e.via == nil }))
	}
	if len(p.frames) > 1 {
		why = "by way of key " + f.key.Config.Alias + ", " + why
	}
	return why
}

// excuse words why something that rests would be left out now.
func excuse(v breaker.View, now int64) string {
	switch {
	case v.State != breaker.Open:
		return "" // the next request may probe it
	case v.Until <= now:
		return "waits for the probe that is under way, after: " + v.Reason
	}
	whom, wait := "", time.Duration(v.Until-now).Round(time.Second)
	if v.Alone {
		whom = "for this client key alone "
	}
	return fmt.Sprintf("rests %sfor another %v after: %s", whom, wait, v.Reason)
}

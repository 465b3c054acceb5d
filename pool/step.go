package pool

import "time"

// step is what speaks for a connection being in step with its upstream, each answer that to the request before it. One
// that is off by one under steady load looks no different: the next request is sent before the answer too much has
// come, and that takes as long as its own would. But an answer is always outstanding. It comes when the connection is
// let alone for as long as an answer takes; so every connection is, now and then.
type step struct {
	provedAt int64 // when nothing was outstanding
	answers  int   // since then
	longest  int64 // that one of them took
	suspect  bool  // one of them came much sooner than any before, though not so soon that it was not believed
}

const (
	// restAfter is how many answers a connection brings, restEvery how long it serves, before it rests: of a connection
	// that is off by one no more go wrong than that.
	restAfter = 16
	restEvery = time.Second
	// shortestRest bounds the rest from below, which else is twice the longest time that an answer took.
	shortestRest = time.Second
	// restRoom is the part of the idle connections that may rest at the same time: whatever the load is, that is all it
	// adds to them.
	restRoom = 4
)

// due says at a time whether the connection is to rest.
func (s *step) due(at int64) bool {
	return s.suspect || s.answers >= restAfter && at-s.provedAt >= int64(restEvery)
}

// suspects looks at an answer that is believed over a connection which has served before. One that took much less than
// any before it will most often be one of the channel's own, and costs the connection a rest.
func (s *step) suspects(took int64, pace *Pace, refusal bool) {
	if least, _ := pace.shortest(refusal); pace.tooShort(refusal) > 0 && took < least-least/4 {
		s.suspect = true
		s.longest = max(s.longest, least)
	}
}

// rest is how long it has to be silent to be in step.
func (s *step) rest() int64 { return max(int64(shortestRest), 2*s.longest) }

// believe takes down the answer whose head has come as the one to the request.
func (c *conn) believe(pace *Pace) {
	took := c.took()
	c.step.answers++
	c.step.longest = max(c.step.longest, took)
	pace.learn(c.resp.refusal(), took)
}

package balancer

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"uniapi/config"
)

const (
	simulatedChannels = 12

	arrivals = time.Millisecond        // between requests, on the average
	patience = 1500 * time.Millisecond // until a request comes by what may be probed
)

// simulatedKey is a client key in the simulation.
type simulatedKey struct {
	name     string
	turns    []int // the order of turns; nil if chance or another key decides
	fixed    bool
	channels []int
	requests int

	lineup, next []int                  // the turns without those that rest; next is room for the next one
	length       int                    // of the stretch: the requests in a row with the same lineup
	counts       [simulatedChannels]int // of its requests, by channel
	slots        [simulatedChannels]int // in the lineup
	hostile      bool                   // its requests make attempts fail that would be served
}

// flight is a request on its way.
type flight struct {
	key     *simulatedKey
	plan    Plan
	began   int64
	attempt Attempt
	at, end int64 // of the attempt
	verdict Verdict
	wait    time.Duration // that the provider asks for
	sure    bool          // beyond doubt
	real    bool          // by script, and not by the client's doing
	tried   [simulatedChannels]int
	wrong   bool // a client's mistake: it is tried once elsewhere, and no more
}

type flights []*flight

func (f flights) Len() int           { return len(f) }
func (f flights) Less(i, j int) bool { return f[i].end < f[j].end }
func (f flights) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)        { *f = append(*f, x.(*flight)) }
func (f *flights) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	*f = (*f)[:last]
	return x
}

// simulation runs requests of several client keys over channels and provider
// keys that fail and recover by a script. Attempts take time and are reported in
// the order in which they end, so that hundreds are always in flight. Time is a
// clock that the events move, and the events come from a seeded generator: the
// only chance left is that of the schedules lottery and random themselves.
//
// A ledger beside the balancer knows from the reports alone what must rest and
// until when. By it every event is checked:
//
//   - Cooling: what rests is not used, and after its rest by one attempt at a
//     time, of each of two client keys, until one was served. While it rests it is
//     used only by a request that nobody else could serve: one after the other once
//     it has failed twice, and once a minute if the provider itself has said so. A
//     client key's single channel never rests for it.
//   - Blame: it rests for the client key that has met a failure; for all when two
//     have and nobody else was served in between, or when it is beyond doubt.
//   - Drift: the ideal of a schedule that takes turns is its order of turns
//     without the channels that rest at the moment; the n-th request of a client
//     key is owed to the channel at n modulo the length of that order. The first
//     attempt must be at exactly that channel. From this follows, and is checked
//     apart: while the same channels are available, round_robin never gives a
//     channel one request more or less than an equal share, and weighted_round_robin
//     gives exactly its weight in every pass.
//   - Loss: every request ends served, left by its client, or exhausted. It may be
//     exhausted, and may try a channel again, only when every channel that was
//     available all the time since the request began has been tried.
//   - Recovery: when a rest is over a probe begins within patience, so a channel
//     that is well again serves within one period after its last failure.
type simulation struct {
	*testing.T
	random   *rand.Rand
	fixture  *fixture
	clock    int64
	channels []simulatedChannel
	keys     []*simulatedKey
	air      flights
	spare    []*flight

	served, left, exhausted, attempts, most int
	ending                                  bool // no further request comes by
	forced                                  int  // asks of what rests, since nobody else could serve
	alone                                   int  // failures for which something rests for one client key alone
}

func newSimulation(t *testing.T, random *rand.Rand) *simulation {
	f := providers("a=0", "b", "c=3", "d=0", "e=2", "f", "g=0", "h", "i=3", "j=4", "k", "l=2").
		key("sk-fixed", config.FixedPriority, "c/m", "all").
		key("sk-round", config.RoundRobin).
		key("sk-weighted", config.WeightedRoundRobin, "k/m", "a/m: 5", "e/m: 3", "j/m: 2").
		key("sk-lottery", config.Lottery, "b/m: 5", "c/m: 3", "h/m: 2", "i/m").
		key("sk-random", config.Random).
		key("sk-nested", config.RoundRobin, "d/m", "sk-inner/*", "l/m").
		key("sk-lone", config.RoundRobin, "e/m").
		key("sk-inner", config.WeightedRoundRobin, "f/m: 2", "g/m: 1", "sk-innermost/m").
		key("sk-innermost", config.Random, "h/m", "i/m", "d/m").
		key("sk-hostile", config.RoundRobin).growing()
	s := &simulation{T: t, random: random, fixture: f, clock: f.clock.Load()}
	for i, p := range f.cfg.Providers {
		c := simulatedChannel{
			cooldown: time.Duration(4+i) * time.Second,
			trouble:  script(random, 60*time.Second, 20*time.Second),
			account:  account{alone: map[*simulatedKey]*single{}},
		}
		if i%4 == 3 {
			c.cooldown = 0 // it is left out
		} else {
			p.Preferences.Cooldown = &c.cooldown
		}
		if i%3 == 2 {
			c.keyCooldown = time.Duration(20+i) * time.Second
			p.Preferences.KeyCooldown = c.keyCooldown
		}
		for range p.Keys {
			c.keys = append(c.keys, account{alone: map[*simulatedKey]*single{}})
			c.pairs = append(c.pairs, account{alone: map[*simulatedKey]*single{}})
			c.keyTrouble = append(c.keyTrouble, script(random, 300*time.Second, 60*time.Second))
		}
		s.channels = append(s.channels, c)
	}
	f.build()
	letters := func(text string) (channels []int) {
		for _, letter := range strings.ReplaceAll(text, " ", "") {
			channels = append(channels, int(letter-'a'))
		}
		return channels
	}
	s.keys = []*simulatedKey{
		{name: "sk-fixed", fixed: true, turns: letters("c a b d e f g h i j k l")},
		{name: "sk-round", turns: letters("a b c d e f g h i j k l")},
		{name: "sk-weighted", turns: letters("a e j a e a j a e a"), channels: letters("a e j k")}, // as in uni-api
		{name: "sk-lottery", channels: letters("b c h i")},
		{name: "sk-random", channels: letters("a b c d e f g h i j k l")},
		{name: "sk-nested", channels: letters("d l f g h i")},
		{name: "sk-lone", channels: letters("e")},
		{name: "sk-hostile", turns: letters("a b c d e f g h i j k l"), hostile: true},
	}
	for _, k := range s.keys {
		if k.channels == nil {
			k.channels = k.turns
		}
	}
	return s
}

// run makes requests, and lets all of them end.
func (s *simulation) run(requests int) {
	for range requests {
		s.until(s.clock + int64(s.random.ExpFloat64()*float64(arrivals)))
		s.arrive()
	}
	s.ending = true
	s.until(s.clock + int64(time.Hour))
}

// until runs the attempts that end before a moment, and then it is that moment.
func (s *simulation) until(moment int64) {
	for len(s.air) > 0 && s.air[0].end <= moment {
		f := heap.Pop(&s.air).(*flight)
		s.clock = f.end
		s.fixture.clock.Store(s.clock)
		s.land(f)
	}
	s.clock = moment
	s.fixture.clock.Store(s.clock)
}

// arrive begins a request.
func (s *simulation) arrive() {
	f := new(flight)
	if n := len(s.spare); n > 0 {
		f, s.spare = s.spare[n-1], s.spare[:n-1]
		*f = flight{plan: f.plan}
	}
	f.key, f.began = s.keys[s.random.IntN(len(s.keys))], s.clock
	s.lineup(f.key)
	key := s.fixture.table.Key(f.key.name)
	f.plan.Start(key, key.Find("m"))
	f.key.requests++
	s.fly(f)
	if len(f.key.lineup) > 0 {
		s.owed(f)
	}
}

// fly makes the next attempt of a request, if there is one.
func (s *simulation) fly(f *flight) {
	a, more := f.plan.Next()
	if !more {
		s.exhausted++
		s.nothingLeft(f, "is exhausted")
		s.spare = append(s.spare, f)
		return
	}
	s.attempts++
	index := a.Provider.Index
	if f.tried[index]++; f.tried[index] > 1 {
		s.nothingLeft(f, "tries "+a.Provider.Config.Name+" again")
	}
	f.attempt, f.at = a, s.clock
	f.sure, f.real, f.wait = false, false, 0
	s.use(f, &s.channels[index], a)

	c := &s.channels[index]
	sent := s.clock + int64(a.Wait)
	latency := 50*time.Millisecond + time.Duration(s.random.Int64N(int64(2*time.Second)))
	switch {
	case c.trouble.at(sent):
		f.verdict, f.real, latency = Unavailable, true, latency*2
		f.sure = s.random.IntN(4) == 0
	case a.Key >= 0 && c.keyTrouble[a.Key].at(sent):
		f.verdict, f.real = KeyRefused, true
	case f.key.hostile && s.random.IntN(3) > 0:
		f.verdict = []Verdict{Unavailable, NoModel, KeyRefused, RateLimited}[s.random.IntN(4)]
		f.wait = time.Duration(1+s.random.IntN(9)) * time.Second
	case s.random.IntN(100) == 0:
		f.verdict = Over
	case s.random.IntN(200) == 0:
		f.verdict, f.wrong = Mistaken, true
	default:
		f.verdict = Served
	}
	f.end = sent + int64(latency)
	heap.Push(&s.air, f)
	s.most = max(s.most, len(s.air))
}

// lineup makes the order of turns without the channels that rest. If it is
// another than before, a new stretch begins.
func (s *simulation) lineup(k *simulatedKey) {
	k.next = k.next[:0]
	for _, i := range k.turns {
		if s.channels[i].since(s.clock, k) < never {
			k.next = append(k.next, i)
		}
	}
	if slices.Equal(k.lineup, k.next) {
		return
	}
	k.lineup, k.next = k.next, k.lineup
	k.length = 0
	clear(k.counts[:])
	clear(k.slots[:])
	for _, i := range k.lineup {
		k.slots[i]++
	}
}

// owed checks that the first attempt is at the channel whose turn it is, and the
// shares of the stretch.
func (s *simulation) owed(f *flight) {
	k := f.key
	n := len(k.lineup)
	turn := k.lineup[0]
	if !k.fixed {
		turn = k.lineup[(k.requests-1)%n]
	}
	if got := f.attempt.Provider; got == nil || got.Index != turn || f.attempt.Number != 1 {
		s.Fatalf("request %d of %s had attempt %+v, it is owed to %d of %v", k.requests, k.name, f.attempt, turn, k.lineup)
	}
	if k.fixed {
		return
	}
	k.length++
	k.counts[turn]++
	for i, slots := range k.slots {
		drift := k.counts[i]*n - k.length*slots // in parts of a request
		if k.name == "sk-round" && max(drift, -drift) >= n || k.length%n == 0 && drift != 0 {
			s.Fatalf("%s: of %d requests channel %d had %d, its share is %d of %d", k.name, k.length, i, k.counts[i], slots, n)
		}
	}
}

// nothingLeft checks that a request has tried what was available all the time.
func (s *simulation) nothingLeft(f *flight, what string) {
	if f.wrong {
		return
	}
	for _, i := range f.key.channels {
		if f.tried[i] == 0 && s.channels[i].since(s.clock, f.key) <= f.began {
			s.Fatalf("a request of %s %s after %v; it has not tried %s", f.key.name, what, f.tried, s.fixture.cfg.Providers[i].Name)
		}
	}
}

//go:build !race

package balancer

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"uniapi/balancer/breaker"
	"uniapi/config"
)

// The second simulation has providers that misbehave each in its own way, by a script:
// one fails for a while, one cannot be reached, one says nothing, one is slow, one has
// limits, one lies: it says that it will be back in half a day, breaks streams off, or
// answers with errors. Requests are streams of client keys with several schedules, and
// do what the relay does: they leave slow channels, and wait where another request
// finds out whether something is fit again. It is checked that
//
//   - no request is refused while a channel was well from its beginning to its end, and
//     for as long before as an attempt may take to fail there (one that has said itself
//     when it will be back is believed, and so is not among them),
//   - a channel that is well again serves within twice the time from one probe to the
//     next, which is what the last attempt took and the rest that followed,
//   - while it is not, it is probed by two requests for each rest, and rests grow as
//     soon as what was under way when it fell ill has failed,
//   - conversations stay where they are while one key of many is out,
//   - turns do not drift.
func TestMillionRequestsOverMisbehavingProviders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, rand.New(rand.NewPCG(2, 71)))
	for range simulatedRequests {
		w.until(w.clock + int64(w.random.ExpFloat64()*float64(2*time.Millisecond)))
		w.arrive()
	}
	w.until(w.clock + int64(time.Hour))
	w.finish()
}

const (
	simulatedTimeout = 30 * time.Second // model_timeout
	lookEvery        = 25 * time.Millisecond
)

// actor is a provider in the world.
type actor struct {
	name   string
	script trouble
	ill    func(w *world, v *visit) // what becomes of an attempt while it is ill; nil is never ill
	lasts  time.Duration            // an attempt then, at most
	strict bool                     // what it says of when it will be back is no reason to refuse anybody

	firsts int   // first attempts of sk-turns
	rest   int64 // how long its last rest was
	took   int64 // what the last attempt took that failed
	due    int64 // when that was over
	opened int64 // when it began to rest for all in its present illness; 0 if it does not
	probes int   // since then
}

// visit is a request on its way.
type visit struct {
	key     string
	plan    Plan
	began   int64
	attempt Attempt
	end     int64 // of what it does at the moment
	outcome Outcome
	breaks  bool // its stream breaks off
	serving bool
	waited  time.Duration // for what others find out
}

type visits []*visit

func (v visits) Len() int           { return len(v) }
func (v visits) Less(i, j int) bool { return v[i].end < v[j].end }
func (v visits) Swap(i, j int)      { v[i], v[j] = v[j], v[i] }
func (v *visits) Push(x any)        { *v = append(*v, x.(*visit)) }
func (v *visits) Pop() any {
	last := len(*v) - 1
	x := (*v)[last]
	*v = (*v)[:last]
	return x
}

type world struct {
	*testing.T
	random  *rand.Rand
	fixture *fixture
	clock   int64
	actors  []*actor
	keys    []string
	may     map[string][]*actor
	air     visits
	spare   []*visit
	window  [3]struct{ second, count int64 } // of the one with limits

	served, refused, hurried, forced, outages, recoveries int
	kept, moved                                           int
}

func newWorld(t *testing.T, random *rand.Rand) *world {
	f := providers("flapping=2", "unreachable", "silent", "slow", "limiting=3", "lying=2", "many=40", "steady", "solid").growing().
		key("sk-round", config.RoundRobin, "flapping/m", "unreachable/m", "silent/m", "slow/m", "limiting/m", "lying/m").
		key("sk-busy", config.LeastBusy, "flapping/m", "unreachable/m", "silent/m", "slow/m", "lying/m").
		key("sk-quick", config.LeastLatency, "flapping/m", "unreachable/m", "silent/m", "slow/m").
		key("sk-fixed", config.FixedPriority, "slow/m", "silent/m", "flapping/m").
		key("sk-two", config.RoundRobin, "flapping/m", "unreachable/m").
		key("sk-turns", config.RoundRobin, "steady/m", "flapping/m", "silent/m", "solid/m").
		key("sk-affine", config.RoundRobin, "many/m")
	f.state.chance = random.IntN
	yes := true
	f.cfg.APIKeys[6].Preferences.Affinity = &yes
	f.cfg.Preferences.ModelTimeout.Set("default", simulatedTimeout)
	f.build()
	w := &world{T: t, random: random, fixture: f, clock: f.clock.Load(), may: map[string][]*actor{}}
	minute := time.Minute
	fails := func(d time.Duration, o Outcome) func(*world, *visit) {
		return func(w *world, v *visit) { v.outcome, v.end = o, w.clock+int64(d) }
	}
	takes := func(after func(w *world) time.Duration) func(*world, *visit) {
		return func(w *world, v *visit) { w.begins(v, after(w)) }
	}
	w.actors = []*actor{
		{name: "flapping", script: script(random, minute, minute/3), strict: true, lasts: 80 * time.Millisecond, ill: fails(80*time.Millisecond, Outcome{Verdict: Unavailable, Status: 500})},
		{name: "unreachable", script: script(random, 2*minute, minute), strict: true, lasts: 5 * time.Millisecond, ill: fails(5*time.Millisecond, Outcome{Verdict: Unavailable, Unsent: true, Sure: true})},
		{name: "silent", script: script(random, minute, minute), strict: true, lasts: simulatedTimeout, ill: takes(func(*world) time.Duration { return time.Hour })},
		{name: "slow", script: script(random, minute, minute), strict: true, lasts: simulatedTimeout, ill: takes(func(w *world) time.Duration { return 12*time.Second + time.Duration(w.random.Int64N(30e9)) })},
		{name: "limiting"},
		{name: "lying", script: script(random, minute, minute), ill: (*world).lie},
		{name: "many", script: script(random, 2*minute, 2*minute), ill: (*world).refuseOneKey},
		{name: "steady"}, {name: "solid"},
	}
	for _, k := range f.cfg.APIKeys {
		w.keys = append(w.keys, k.Key)
		for _, r := range k.Rules {
			w.may[k.Key] = append(w.may[k.Key], w.actors[slices.IndexFunc(w.actors, func(a *actor) bool { return a.name == r.Provider })])
		}
	}
	return w
}

// lie is what the liar does while it is ill.
func (w *world) lie(v *visit) {
	switch w.begins(v, w.soon()); w.random.IntN(3) {
	case 0:
		v.outcome = Outcome{Verdict: RateLimited, Status: 429, RetryAfter: 12 * time.Hour}
	case 1:
		v.outcome = Outcome{Verdict: Unavailable, Status: 200, Answered: true}
	default:
		v.breaks = true
	}
}

// refuseOneKey has one of many keys be good for nothing.
func (w *world) refuseOneKey(v *visit) {
	if w.begins(v, w.soon()); v.attempt.Key == 7 {
		v.outcome = Outcome{Verdict: KeyRefused, Status: 401}
	}
}

// soon is how long a stream takes to begin at who is well.
func (w *world) soon() time.Duration {
	return 50*time.Millisecond + time.Duration(w.random.Int64N(int64(700*time.Millisecond)))
}

// begins has the stream begin after a time, unless it is left before.
func (w *world) begins(v *visit, after time.Duration) {
	within, hurried := simulatedTimeout, false
	if first := v.plan.FirstToken(v.attempt.Candidate); first > 0 && first < within {
		within, hurried = first, true
	}
	if v.outcome = (Outcome{Verdict: Served, FirstByte: after}); after > within {
		v.outcome = Outcome{Verdict: Unavailable, Hurried: hurried}
		if after = within; hurried {
			v.outcome.FirstByte = within
			w.hurried++
		}
	}
	v.end = w.clock + int64(after)
}

func (w *world) until(moment int64) {
	for len(w.air) > 0 && w.air[0].end <= moment {
		v := heap.Pop(&w.air).(*visit)
		w.clock = v.end
		w.fixture.clock.Store(w.clock)
		w.land(v)
	}
	w.clock = moment
	w.fixture.clock.Store(moment)
}

func (w *world) arrive() {
	v := new(visit)
	if n := len(w.spare); n > 0 {
		v, w.spare = w.spare[n-1], w.spare[:n-1]
		*v = visit{plan: v.plan}
	}
	v.key, v.began = w.keys[w.random.IntN(len(w.keys))], w.clock
	v.plan.Attributes = Attributes{Model: "m", Stream: true, Conversation: 1 + w.random.Uint64N(5000)*0x9e3779b97f4a7c15}
	key := w.fixture.table.Key(v.key)
	v.plan.Start(key, key.Find("m"))
	w.fly(v)
}

// fly makes the next attempt of a request.
func (w *world) fly(v *visit) {
	key := w.fixture.table.Key(v.key)
	var resting [9]bool
	for _, a := range w.may[v.key] {
		i := slices.Index(w.actors, a)
		resting[i] = w.channel(i).breaker.Back(w.clock, key.client) > 0
	}
	attempt, more := v.plan.Next()
	v.serving = false
	switch {
	case !more && v.plan.Probed() && v.waited < 2*breaker.Patience:
		v.attempt, v.end = Attempt{}, w.clock+int64(lookEvery)
		v.waited += lookEvery
		heap.Push(&w.air, v)
		return
	case !more:
		w.refuse(v)
		return
	}
	v.attempt, v.breaks = attempt, false
	i := attempt.Provider.Index
	a := w.actors[i]
	if v.key == "sk-turns" && attempt.Number == 1 {
		a.firsts++
	}
	if resting[i] {
		w.forced++
	} else if a.opened > 0 {
		a.probes++
	}
	ill := a.ill != nil && a.script.at(w.clock+int64(attempt.Wait))
	switch {
	case a.name == "limiting" && !w.within(attempt.Key):
		v.outcome = Outcome{Verdict: RateLimited, Status: 429, RetryAfter: time.Duration(1e9 - w.clock%1e9)}
		v.end = w.clock + 1e7
	case ill:
		a.ill(w, v)
	default:
		w.begins(v, w.soon())
	}
	v.end += int64(attempt.Wait)
	heap.Push(&w.air, v)
}

func (w *world) channel(i int) *channelState { return w.fixture.table.Providers[i].channels[0] }

// within counts a request against the limit of one of the keys: thirty a second.
func (w *world) within(key int) bool {
	k := &w.window[key]
	if second := w.clock / 1e9; k.second != second {
		k.second, k.count = second, 0
	}
	k.count++
	return k.count <= 30
}

// land has what a request does come to its end.
func (w *world) land(v *visit) {
	if v.attempt.Candidate == nil {
		w.fly(v)
		return
	}
	i := v.attempt.Provider.Index
	a, rest := w.actors[i], w.channel(i).breaker
	if v.serving { // its stream breaks off
		v.plan.Report(v.attempt, Outcome{Verdict: Broken, Reason: "by script"})
		w.spare = append(w.spare, v)
		return
	}
	v.outcome.Reason = "by script"
	if v.plan.Report(v.attempt, v.outcome); v.outcome.Verdict != Served {
		a.took = w.clock - v.attempt.at
		if until, open := rest.OpenForAll(w.clock); open && until > w.clock {
			if until != a.due {
				a.due, a.rest = until, until-w.clock
			}
			if a.opened == 0 {
				a.opened, a.probes = w.clock, 0
				w.outages++
			}
		}
		w.fly(v)
		return
	}
	w.serve(v, a)
	if v.breaks {
		v.serving, v.end = true, w.clock+int64(time.Second)
		heap.Push(&w.air, v)
		return
	}
	v.plan.Report(v.attempt, Outcome{Verdict: Ended, Whole: time.Duration(w.clock - v.began)})
	w.spare = append(w.spare, v)
}

// serve notes that a request was served, and checks how its channel came to be.
func (w *world) serve(v *visit, a *actor) {
	w.served++
	switch v.attempt.Affinity {
	case Kept:
		w.kept++
	case Moved:
		w.moved++
	}
	if a.opened > 0 && a.strict {
		n, _ := slices.BinarySearch(a.script, w.clock)
		if n%2 == 0 && n > 0 { // it is well, and was since then
			if late := w.clock - max(a.script[n-1], a.opened) - 2*(a.rest+a.took); late > int64(time.Second) {
				w.Fatalf("%s was well for %v when it served again, after attempts that took %v its last rest was %v", a.name, time.Duration(w.clock-a.script[n-1]), time.Duration(a.took), time.Duration(a.rest))
			}
			w.recoveries++
		}
		lasted := time.Duration(w.clock - a.opened).Seconds()
		if most := breaker.ProbesAtOnce * int(4+math.Log2(1+lasted)+1.5*a.lasts.Seconds()); a.probes > most {
			w.Fatalf("%s was probed %d times in %.0f s", a.name, a.probes, lasted)
		}
	}
	if until, open := w.channel(v.attempt.Provider.Index).breaker.OpenForAll(w.clock); !open || until < w.clock {
		a.opened = 0
	}
}

// refuse checks that nobody would have served.
func (w *world) refuse(v *visit) {
	w.refused++
	for _, a := range w.may[v.key] {
		from, _ := slices.BinarySearch(a.script, v.began-int64(a.lasts))
		to, _ := slices.BinarySearch(a.script, w.clock)
		if a.ill == nil && a.name != "limiting" || a.name == "many" || a.strict && from == to && from%2 == 0 {
			w.Fatalf("a request of %s is refused after %v and %d attempts, and %s was well", v.key, time.Duration(w.clock-v.began), v.plan.number, a.name)
		}
	}
	w.spare = append(w.spare, v)
}

func (w *world) finish() {
	if w.served+w.refused != simulatedRequests || len(w.air) != 0 {
		w.Errorf("%d requests were served and %d refused of %d", w.served, w.refused, simulatedRequests)
	}
	if share := float64(w.kept) / float64(w.kept+w.moved); share < 0.95 || w.moved == 0 {
		w.Errorf("affinity was kept for %d requests and not for %d", w.kept, w.moved)
	}
	steady, solid := float64(w.actors[7].firsts), float64(w.actors[8].firsts)
	if math.Abs(steady-solid) > 0.01*steady+2 {
		w.Errorf("steady had %v first attempts of sk-turns, solid %v", steady, solid)
	}
	if w.refused == 0 || w.hurried == 0 || w.forced == 0 || w.recoveries < 10 {
		w.Error("the script tests too little")
	}
	w.Logf("%d served, %d refused, %d left for being slow, %d asked before their time, %d outages, %d recoveries, affinity kept for %d of %d, in %v",
		w.served, w.refused, w.hurried, w.forced, w.outages, w.recoveries, w.kept, w.kept+w.moved, time.Duration(w.clock))
}

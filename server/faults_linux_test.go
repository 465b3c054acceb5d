package server

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"uniapi/codec"
)

var (
	stormFor  = flag.Duration("storm.for", stormTime, "how long the storm of faults lasts")
	stormSeed = flag.Uint64("storm.seed", 0, "repeats the faults of a run; 0 is another run each time")
)

// TestEachFaultIsAnErrorOrNoneAtAll has every fault answered on its own terms.
func TestEachFaultIsAnErrorOrNoneAtAll(t *testing.T) {
	s := startTrouble(t, seedOf(t))
	names := slices.Sorted(maps.Keys(faults))
	work := make(chan *inquiry)
	go func() {
		defer close(work)
		rng := rand.New(rand.NewPCG(s.seed, 0))
		for _, name := range names {
			for _, stream := range []bool{false, true} {
				for range draws {
					if f := faults[name]; stream && f.on&streaming != 0 || !stream && f.on&plainly != 0 {
						work <- s.draw(f, stream, rng)
					}
				}
			}
		}
	}()
	var visitors sync.WaitGroup
	late := make(chan *inquiry, len(names)*2*draws)
	for range 32 {
		visitors.Go(func() {
			v := &visitor{trouble: s}
			defer v.hangUp()
			for i := range work {
				r, err := v.inquire(i, false, false)
				if err != nil && r != nil && r.took >= faultyPatience {
					late <- i
				} else if err != nil {
					s.complain(i, r, err)
				}
			}
		})
	}
	visitors.Wait()
	close(late)
	v := &visitor{trouble: s}
	for i := range late { // alone, and until the machine is quick enough for the gateway not to give the provider up
		for end := time.Now().Add(patience); ; {
			r, err := v.inquire(i, false, false)
			if err != nil && r != nil && r.took >= faultyPatience && time.Now().Before(end) {
				continue
			}
			if err != nil {
				s.complain(i, r, err)
			}
			break
		}
	}
	v.hangUp()
	s.quiet(false)
}

// seedOf is what the faults of a test depend on.
func seedOf(t *testing.T) uint64 {
	seed := *stormSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano() & 0xffff)
	}
	t.Logf("repeat this with -storm.seed %d", seed)
	return seed
}

// TestNothingIsLeftOfAStormOfFaults lets hundreds of clients, of which some behave
// badly, meet all faults at once.
func TestNothingIsLeftOfAStormOfFaults(t *testing.T) {
	seed := seedOf(t)
	storm(t, seed, 200*time.Millisecond) // makes what is made once for all
	runtime.GC()
	goroutines, files, heap := runtime.NumGoroutine(), descriptors(t), heapInUse()
	storm(t, seed, *stormFor)
	goroutines++ // fasthttp's cleaner of idle workers sleeps for 10 s before it sees that its server has ended
	eventually(t, fmt.Sprintf("the goroutines end; there were %d", goroutines), func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, fmt.Sprintf("the descriptors are closed; there were %d", files), func() bool { return descriptors(t) <= files })
	if grown := heapInUse() - heap; grown > 16<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	} else {
		t.Logf("the heap has grown by %d KB", grown>>10)
	}
}

// TestNoIDIsTakenForTheWordsOfAnother holds that a judge of the storm is not fooled by what
// the gateway makes up by chance.
func TestNoIDIsTakenForTheWordsOfAnother(t *testing.T) {
	for range 10_000 {
		if id := codec.NewID("chatcmpl-"); strings.Contains(id, nonceStart) {
			t.Fatalf("the id %s has the start of a nonce, %s, in it", id, nonceStart)
		}
	}
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what sync.Pools hold goes in two steps
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func storm(t *testing.T, seed uint64, length time.Duration) {
	s := startTrouble(t, seed)
	names := slices.Sorted(maps.Keys(faults))
	end := time.Now().Add(length)
	var visitors sync.WaitGroup
	for n := range stormClients {
		visitors.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(n)))
			v := &visitor{trouble: s}
			defer v.hangUp()
			for time.Now().Before(end) {
				s.oneOfMany(v, names, rng)
			}
		})
	}
	visitors.Wait()
	t.Logf("%d requests: %d ended, %d of them refused, %d cut; %d were left by their clients; upstreams were asked %d and %d times",
		s.sent.Load(), s.ended.Load(), s.refusals.Load(), s.broken.Load(), s.left.Load(), s.bad.asked.Load(), s.good.asked.Load())
	s.quiet(length == *stormFor)
}

// oneOfMany makes a request of the storm. Half of them meet no fault.
func (s *trouble) oneOfMany(v *visitor, names []string, rng *rand.Rand) {
	f := soundness
	for rng.IntN(2) == 0 {
		f = faults[names[rng.IntN(len(names))]]
		if (f.heavy || f.long > 0 || strings.HasPrefix(f.name, "page-")) && rng.IntN(4) > 0 {
			continue
		}
		break
	}
	i := s.draw(f, f.on == streaming || f.on == eitherWay && rng.IntN(2) == 0, rng)
	how := patient
	if rng.IntN(5) == 0 {
		how = manner(rng.IntN(int(manners)))
	}
	if how > slow {
		v.hangUp()
		if err := v.dial(); err != nil {
			s.complain(i, nil, err)
			return
		}
		s.sent.Add(1)
		s.left.Add(1)
		v.conn.SetDeadline(time.Now().Add(2 * patience))
		if others := i.strangers(i.misbehave(v.conn, how, rng)); len(others) > 0 {
			s.complain(i, nil, fmt.Errorf("it has words of %v", others))
		}
		v.hangUp()
		return
	}
	if r, err := v.inquire(i, how == slow, true); err != nil {
		s.complain(i, r, err)
	}
}

// quiet checks that nothing of the requests is left, if need be that nothing goes
// on either, and ends the gateway.
func (s *trouble) quiet(idle bool) {
	t := s.t
	t.Helper()
	eventually(t, "no request in flight", func() bool { return s.inFlight.Load() == 0 })
	eventually(t, "no client connection", func() bool { return s.Server.http.GetOpenConnectionsCount() == 0 && s.conns.Size() == 0 })
	eventually(t, "all upstream connections are idle", func() bool { p := s.pool.Stats(); return p.Open == p.Idle })
	eventually(t, "idle upstream connections are closed in time", func() bool { return s.pool.Stats().Open == 0 })
	eventually(t, "no upstream has a connection", func() bool { return s.bad.open() == 0 && s.good.open() == 0 })
	if n := s.budget.Taken(); n != 0 {
		t.Errorf("%d bytes are still reserved for requests", n)
	}
	if n := s.refusing.Load(); n != 0 {
		t.Errorf("%d connections are still being refused", n)
	}
	if state, known := s.books.State(clientKeyText); !known || state.Reserved != 0 || state.Spent == 0 {
		t.Errorf("the account is %+v", state)
	}
	s.checkBooks()
	s.checkLimits()
	if idle {
		used := cpuOfOneSecond()
		for n := 0; n < 5 && used > idleTime; n++ { // what the runtime still does after a storm, it does not do in each
			used = min(used, cpuOfOneSecond())
		}
		if used > idleTime {
			t.Errorf("a second in which nothing happens takes %v of CPU time", used)
		}
	}
	s.alarms.mu.Lock()
	for _, line := range s.alarms.lines[:min(len(s.alarms.lines), 5)] {
		t.Errorf("the log has %s", line)
	}
	s.alarms.mu.Unlock()
	if n := s.wrong.Load(); n > 20 {
		t.Errorf("%d results were wrong", n)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	s.bad.Stop()
	s.good.Stop()
}

// checkBooks compares the books with what upstreams and clients saw.
func (s *trouble) checkBooks() {
	var attempts, requests int64
	stats := s.books.Stats(1)
	for _, c := range stats.Channel {
		attempts += c.Total
	}
	for _, e := range stats.Endpoints {
		requests += e.Count
	}
	pool := s.pool.Stats()
	came, unsure := s.bad.asked.Load()+s.good.asked.Load(), s.left.Load()+pool.Resent+pool.Doubted
	// What a client leaves may end before it is sent; what a busy machine makes late, before the upstream has read it:
	// an attempt at each provider, twice.
	unread := s.left.Load() + 4*s.late.Load()
	if came > attempts+unsure || came < attempts-attempts/100-unread {
		s.t.Errorf("the books have %d attempts; the upstreams were asked %d times, of %d it cannot be said, and %d may not have been read", attempts, came, unsure, unread)
	}
	untried := int64(s.byModel["limits-alone"]) // whose only provider may have been at rest
	if ended := s.ended.Load() - untried; requests > s.sent.Load() || requests < ended-ended/100 {
		s.t.Errorf("the books have %d requests; %d were sent and %d ended", requests, s.sent.Load(), ended)
	}
}

// checkLimits finds out what the limits have counted.
func (s *trouble) checkLimits() {
	rng := rand.New(rand.NewPCG(s.seed, 1))
	v := &visitor{trouble: s}
	defer v.hangUp()
	before := s.byModel["chat-backed"]
	r, err := v.ask(s.inquiry(soundness, "chat", chatDialect, false, false, rng), false)
	if err != nil {
		s.t.Fatal(err)
	}
	var remaining int64
	fmt.Sscan(r.Header.Get("X-Ratelimit-Remaining-Requests"), &remaining)
	if counted := 1_000_000 - remaining - 1; counted < int64(before) || counted > int64(before)+s.left.Load() {
		s.t.Errorf("the limit of chat-backed has counted %d requests; %d ended, and %d of all models were left", counted, before, s.left.Load())
	}
}

// idleTime is how much of a second a process may be at work that has nothing to do.
const idleTime = 50 * time.Millisecond

// cpuOfOneSecond is the CPU time that this process takes while it does nothing.
func cpuOfOneSecond() time.Duration {
	spent := func() time.Duration {
		var u syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := spent()
	time.Sleep(time.Second)
	return spent() - before
}

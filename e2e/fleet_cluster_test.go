//go:build cluster

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// redis is a real one, of the test's own.
type redis struct {
	*testing.T
	port string
	dir  string
	cmd  *exec.Cmd
}

func newRedis(t *testing.T) *redis {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &redis{T: t, port: strconv.Itoa(l.Addr().(*net.TCPAddr).Port), dir: t.TempDir()}
	l.Close()
	r.start()
	t.Cleanup(r.stop)
	return r
}

func (r *redis) start() {
	r.cmd = exec.Command(cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server"), "--port", r.port, "--bind", "127.0.0.1", "--dir", r.dir, "--save", "", "--appendonly", "no")
	if err := r.cmd.Start(); err != nil {
		r.Fatalf("redis-server cannot be started (apt-get install redis-server): %v", err)
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+r.port); err == nil {
			conn.Close()
			return
		}
		if time.Since(began) > patience {
			r.Fatal("redis-server does not listen")
		}
	}
}

func (r *redis) stop() {
	if r.cmd != nil {
		r.cmd.Process.Kill()
		r.cmd.Wait()
		r.cmd = nil
	}
}

// fleet are instances of the program with one file and one Redis.
type fleet struct {
	*testing.T
	redis     *redis
	instances []*stage
	client    *http.Client

	mu   sync.Mutex
	told []string // lines of the first instance's log that tell of Redis
}

// follow reads an instance's log to its end, so that it never waits for the test.
func (f *fleet) follow(s *stage, first bool) {
	for line := range s.log.lines {
		if said := fmt.Sprint(line["msg"]); first && strings.Contains(said, "Redis") {
			f.mu.Lock()
			f.told = append(f.told, said)
			f.mu.Unlock()
		}
	}
}

func (f *fleet) said() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.told)
}

// newFleet starts instances whose providers answer at once; answer may say otherwise.
func newFleet(t *testing.T, n int, f file, answer http.HandlerFunc, env ...string) *fleet {
	up := httptest.NewServer(answer)
	t.Cleanup(up.Close)
	all := &fleet{T: t, redis: newRedis(t), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2000}}}
	f.preferences = `{cluster: {redis: "redis://127.0.0.1:` + all.redis.port + `"}}`
	for range n {
		s := newStage(t)
		s.a.url, s.b.url, s.env = up.URL, up.URL, env
		s.write(f.text(t, inFile, ""))
		s.serve()
		all.instances = append(all.instances, s)
		go all.follow(s, len(all.instances) == 1)
	}
	return all
}

const quickAnswer = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`

func quick(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, quickAnswer)
}

// ask sends one request to an instance and tells its status.
func (f *fleet) ask(i int) int {
	req, _ := http.NewRequest("POST", f.instances[i].address+chat, strings.NewReader(said(`"max_tokens":1`)))
	req.Header.Set("Authorization", "Bearer "+clientKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := f.client.Do(req)
	if err != nil {
		return 0
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

// burst sends requests, so many at once, to all instances in turn, and counts the statuses.
func (f *fleet) burst(n, atOnce int) map[int]int {
	var mu sync.Mutex
	var group sync.WaitGroup
	var next atomic.Int64
	statuses := map[int]int{}
	for range atOnce {
		group.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				status := f.ask(int(i) % len(f.instances))
				mu.Lock()
				statuses[status]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return statuses
}

func TestFleetServesAsManyAsASmallLimitSays(t *testing.T) {
	f := newFleet(t, 4, file{keyPreferences: "{rate_limit: 100/min}"}, quick)
	got := f.burst(2000, 2000)
	if got[200] != 100 || got[429] != 1900 {
		t.Errorf("of 2000 requests at once: %v", got)
	}
}

// TestFleetUsesNoMoreThanItsQuotas has two thousand requests at once, of two tokens and two cents each.
func TestFleetUsesNoMoreThanItsQuotas(t *testing.T) {
	for _, c := range []struct {
		limit       string
		least, most int
	}{
		{"200 tokens/min", 90, 100}, {"1 usd/day", 50, 50}, {"100/day @ Europe/Berlin", 100, 100},
	} {
		t.Run(c.limit, func(t *testing.T) {
			f := newFleet(t, 4, file{aPreferences: `{model_price: {m: "10000,10000"}}`, keyPreferences: `{rate_limit: "` + c.limit + `"}`}, quick)
			got := f.burst(2000, 2000)
			for began := time.Now(); got[200] < c.most && time.Since(began) < 3*time.Second; { // what was held for longer answers is free
				for status, n := range f.burst(20, 4) {
					got[status] += n
				}
			}
			t.Logf("%v", got)
			if got[200] < c.least || got[200] > c.most || got[200]+got[429] < 2000 {
				t.Errorf("of 2000 requests at once and some more: %v", got)
			}
		})
	}
}

// TestFleetHasNoMoreRequestsAtOnceThanItMay looks at what the upstream has at once, also while an instance is killed.
func TestFleetHasNoMoreRequestsAtOnceThanItMay(t *testing.T) {
	var at, most atomic.Int64
	f := newFleet(t, 4, file{keyPreferences: "{rate_limit: 8 concurrent}"}, func(w http.ResponseWriter, r *http.Request) {
		n := at.Add(1)
		defer at.Add(-1)
		for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		quick(w, r)
	})
	got := f.burst(2000, 200)
	t.Logf("%v", got)
	if most.Load() > 8 || got[200] < 8 || got[200]+got[429] != 2000 {
		t.Errorf("%d were at once: %v", most.Load(), got)
	}
	stop := make(chan struct{})
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f.ask(i)
				}
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	f.instances[3].signal(syscall.SIGKILL)
	time.Sleep(4 * time.Second) // what it held comes back
	close(stop)
	group.Wait()
	f.instances = f.instances[:3]
	within := time.Now()
	for served := 0; served < 8; time.Sleep(50 * time.Millisecond) {
		if served = f.burst(8, 8)[200]; time.Since(within) > patience {
			t.Fatalf("%d of 8 may be at once after an instance was killed", served)
		}
	}
	if most.Load() > 8 {
		t.Errorf("%d were at once", most.Load())
	}
}

func TestFleetServesAsManyAsALargeLimitSays(t *testing.T) {
	f := newFleet(t, 4, file{keyPreferences: "{rate_limit: 100000/min}"}, quick)
	began := time.Now()
	got := f.burst(110_000, 64)
	t.Logf("%v in %v", got, time.Since(began))
	if time.Since(began) < 55*time.Second && (got[200] > 100_000 || got[200] < 99_000 || got[200]+got[429] != 110_000) {
		t.Errorf("of 110000 requests at 100000/min: %v", got)
	}
}

func TestFleetAsksAKeyNoMoreThatOneInstanceFoundRefused(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	f := newFleet(t, 4, file{a: "{api: [" + keyOfA + ", " + keyOfB + "]}", aPreferences: "{api_key_schedule_algorithm: fixed_priority}"}, func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		mu.Lock()
		asked[key]++
		mu.Unlock()
		if key == keyOfA {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(401)
			io.WriteString(w, `{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}`)
			return
		}
		quick(w, r)
	})
	if status := f.ask(0); status != 200 || asked[keyOfA] != 1 {
		t.Fatalf("%d, asked: %v", status, asked)
	}
	time.Sleep(time.Second)
	for i := range 12 {
		if status := f.ask(i % 4); status != 200 {
			t.Errorf("%d", status)
		}
	}
	if asked[keyOfA] != 1 {
		t.Errorf("the refused key was asked %d times", asked[keyOfA])
	}
}

// TestFleetSpendsItsCredits has an instance killed while all spend a key's dollar, a cent at a time.
func TestFleetSpendsItsCredits(t *testing.T) {
	f := newFleet(t, 4, file{aPreferences: `{model_price: {m: "5000,5000"}}`, keyPreferences: "{credits: 1}"}, quick) // two tokens
	got := f.burst(40, 8)
	f.instances[3].signal(syscall.SIGKILL)
	f.instances = f.instances[:3]
	for range 8 { // what it was given comes back in its time
		for status, n := range f.burst(30, 1) {
			got[status] += n
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Logf("%v", got)
	// Eight were in flight at most, and what was spent just before the kill was told to nobody.
	if got[200] < 100 || got[200] > 100+8+8 || got[429] != 280-got[200] {
		t.Errorf("of a dollar a cent was spent %d times: %v", got[200], got)
	}
	if status := f.ask(1); status != 429 {
		t.Errorf("when it is spent an instance answers %d", status)
	}
	added := f.instances[0].send("POST", "/v1/add_credits?paid_key="+clientKey+"&amount=1", "")
	if added.StatusCode != 200 {
		t.Fatal(added.body)
	}
	time.Sleep(time.Second)
	for i := range f.instances {
		if status := f.ask(i); status != 200 {
			t.Errorf("a second after a dollar was added instance %d answers %d", i, status)
		}
	}
}

// TestFleetsLedgersHaveWhatWasServed has instances with ledgers killed one after the other, and started again, while
// all spend a key's dollar. What one that is killed had not told the others yet is bounded by a quarter of a second,
// and it is known to all when it is back.
func TestFleetsLedgersHaveWhatWasServed(t *testing.T) {
	var paid atomic.Int64 // answers that the provider gave
	f := newFleet(t, 3, file{aPreferences: `{model_price: {m: "5000,5000"}}`, keyPreferences: "{credits: 1}"}, func(w http.ResponseWriter, r *http.Request) {
		paid.Add(1)
		quick(w, r)
	}, "DISABLE_DATABASE=false")
	const perSecond = 40 // of all instances
	const killed = 2
	stop := make(chan struct{})
	var group sync.WaitGroup
	var served atomic.Int64
	tick := time.NewTicker(time.Second / perSecond)
	var alive atomic.Int64
	alive.Store(3)
	for range 4 {
		group.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				if f.ask(i%int(alive.Load())) == 200 {
					served.Add(1)
				}
			}
		})
	}
	for range killed {
		time.Sleep(500 * time.Millisecond)
		alive.Store(2)
		f.instances[2].signal(syscall.SIGKILL)
		time.Sleep(time.Second)
		again := f.instances[2]
		again.address = ""
		again.serve()
		go f.follow(again, false)
		alive.Store(3)
	}
	time.Sleep(5 * time.Second)
	close(stop)
	group.Wait()
	untold := int64(killed * (perSecond/4 + 4)) // a quarter of a second, and what is in flight
	t.Logf("%d served, %d paid", served.Load(), paid.Load())
	if served.Load() < 100-untold || paid.Load() > 100+untold {
		t.Errorf("of a dollar a cent was spent %d times, and paid %d times", served.Load(), paid.Load())
	}
	spent := func(i int) int64 {
		var states struct {
			Keys map[string]struct {
				Cost float64 `json:"total_cost"`
			} `json:"api_keys_states"`
		}
		if err := json.Unmarshal([]byte(f.instances[i].send("GET", "/v1/api_keys_states", "").body), &states); err != nil {
			t.Fatal(err)
		}
		for _, k := range states.Keys {
			return int64(k.Cost*100 + 0.5)
		}
		return 0
	}
	lost := int64(killed * (perSecond + 4)) // a ledger has what was served a second before it was killed
	for i := range f.instances {
		if got := spent(i); got < served.Load()-lost || got > paid.Load() {
			t.Errorf("instance %d knows of %d cents; %d were served, %d paid", i, got, served.Load(), paid.Load())
		}
	}
	if spent(0) != spent(1) || spent(1) != spent(2) {
		t.Errorf("instances know of %d, %d and %d cents", spent(0), spent(1), spent(2))
	}
}

// outage is how long Redis is away.
func outage() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("OUTAGE")); err == nil {
		return d
	}
	return 5 * time.Second
}

func TestFleetWithoutItsRedisServesOn(t *testing.T) {
	for _, limit := range []string{"3000/min", "200000/min"} {
		t.Run(limit, func(t *testing.T) {
			f := newFleet(t, 2, file{keyPreferences: "{rate_limit: " + limit + "}"}, quick)
			stop := make(chan struct{})
			var group sync.WaitGroup
			var served, failed atomic.Int64
			var slowest atomic.Int64
			for i := range 2 {
				group.Go(func() {
					for tick := time.NewTicker(50 * time.Millisecond); ; {
						select {
						case <-stop:
							return
						case <-tick.C:
						}
						began := time.Now()
						if f.ask(i) == 200 {
							served.Add(1)
						} else {
							failed.Add(1)
						}
						slowest.Store(max(slowest.Load(), int64(time.Since(began))))
					}
				})
			}
			time.Sleep(time.Second)
			f.redis.stop()
			time.Sleep(outage())
			if ready := f.instances[0].ready(); ready != 200 {
				t.Errorf("/readyz is %d", ready)
			}
			f.redis.start()
			for began := time.Now(); len(f.said()) < 2 && time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
			}
			time.Sleep(time.Second)
			close(stop)
			group.Wait()
			t.Logf("%d served, the slowest in %v", served.Load(), time.Duration(slowest.Load()))
			if failed.Load() > 0 {
				t.Errorf("%d of %d requests failed", failed.Load(), failed.Load()+served.Load())
			}
			if lines := f.said(); len(lines) != 2 || !strings.Contains(lines[1], "answers again") {
				t.Errorf("the log says %q", lines)
			}
		})
	}
}

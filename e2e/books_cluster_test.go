//go:build cluster

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"uniapi/usage/postgrestest"
)

// outageOfBooks is how long PostgreSQL is away: a minute, if nobody says otherwise. CI does.
func outageOfBooks() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("OUTAGE_BOOKS")); err == nil {
		return d
	}
	return 10 * time.Second
}

// newBooks starts instances with one PostgreSQL, and with one Redis if that is asked for.
func newBooks(t *testing.T, n int, f file, withRedis bool, answer http.HandlerFunc) (*fleet, *postgrestest.Server) {
	up := httptest.NewServer(answer)
	t.Cleanup(up.Close)
	database := postgrestest.Start(t)
	all := &fleet{T: t, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 200}}}
	if withRedis {
		all.redis = newRedis(t)
	}
	for i := range n {
		s := newStage(t)
		s.a.url, s.b.url = up.URL, up.URL
		of := f
		of.preferences = fmt.Sprintf("{cluster: {instance: gate-%d}}", i)
		if withRedis {
			of.preferences = fmt.Sprintf(`{cluster: {instance: gate-%d, redis: "redis://127.0.0.1:%s"}}`, i, all.redis.port)
		}
		s.env = []string{"DISABLE_DATABASE=false", "DATABASE_URL=" + database.Books()}
		s.write(of.text(t, inFile, ""))
		s.serve()
		all.instances = append(all.instances, s)
		go all.follow(s, i == 0)
	}
	return all, database
}

// kill kills an instance, and starts another one in its folder.
func (f *fleet) kill(i int) {
	s := f.instances[i]
	s.signal(syscall.SIGKILL)
	s.stop()
	s.address = ""
	s.serve()
	go f.follow(s, false)
}

// counted is what an instance says that was asked for in the last hours, by all of them.
func (s *stage) counted() (requests, tokens int64) {
	said := s.send("GET", "/v1/costs", "")
	var costs struct {
		Rows []struct {
			Requests   int64 `json:"requests"`
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
		}
	}
	if err := json.Unmarshal([]byte(said.body), &costs); err != nil || said.StatusCode != 200 {
		s.Fatal(said.StatusCode, err, said.body)
	}
	for _, c := range costs.Rows {
		requests += c.Requests
		tokens += c.Prompt + c.Completion
	}
	return requests, tokens
}

func (f *fleet) awaitCounted(i int, least, most int64) {
	f.Helper()
	var n, tokens int64
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(100 * time.Millisecond) {
		if n, tokens = f.instances[i].counted(); n >= least {
			break
		}
	}
	if n < least || n > most || tokens != 2*n {
		f.Errorf("instance %d has counted %d requests and %d tokens, not %d to %d", i, n, tokens, least, most)
	}
}

func TestFleetWithoutItsPostgresServesOnAndCountsAllOnce(t *testing.T) {
	f, database := newBooks(t, 2, file{}, false, quick)
	var served, failed atomic.Int64
	stop := make(chan struct{})
	var group sync.WaitGroup
	for i := range 2 {
		group.Go(func() {
			for tick := time.NewTicker(20 * time.Millisecond); ; {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				if f.ask(i) == 200 {
					served.Add(1)
				} else {
					failed.Add(1)
				}
			}
		})
	}
	time.Sleep(2 * time.Second)
	database.Stop()
	time.Sleep(outageOfBooks())
	for i := range 2 {
		ready, err := http.Get(f.instances[i].address + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(ready.Body)
		ready.Body.Close()
		if ready.StatusCode != 200 || !strings.Contains(string(body), "PostgreSQL has not answered since 2") {
			t.Errorf("/readyz: %d %s", ready.StatusCode, body)
		}
	}
	database.Start()
	time.Sleep(2 * time.Second)
	close(stop)
	group.Wait()
	t.Logf("%d served", served.Load())
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), failed.Load()+served.Load())
	}
	for i := range 2 {
		f.awaitCounted(i, served.Load(), served.Load())
	}
}

// TestFleetWhoseInstancesAreKilledCountsWhatTheyServed kills instances and starts them again in their folders. Of what
// an instance serves in its last second nothing may be counted.
func TestFleetWhoseInstancesAreKilledCountsWhatTheyServed(t *testing.T) {
	f, _ := newBooks(t, 2, file{}, false, quick)
	least, most := int64(0), int64(0)
	for range 4 {
		got := f.burst(200, 4)
		if got[200] != 200 {
			t.Fatalf("%v", got)
		}
		most += 200
		time.Sleep(3 * time.Second) // they are kept
		least += 200
		last := f.burst(40, 4)
		most += int64(last[200])
		f.kill(0)
	}
	f.awaitCounted(1, least, most)
	f.awaitCounted(0, least, most)
	// What the last burst left may still be on its way from one to the other.
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		a, _ := f.instances[0].counted()
		b, _ := f.instances[1].counted()
		if a == b {
			break
		}
		if time.Since(began) > patience {
			t.Fatalf("one instance tells of %d requests, the other one of %d", a, b)
		}
	}
}

// TestFleetWithPostgresAndRedisSpendsItsCredits has an instance killed, another one begin and Redis be emptied
// meanwhile.
func TestFleetWithPostgresAndRedisSpendsItsCredits(t *testing.T) {
	f, _ := newBooks(t, 3, file{aPreferences: `{model_price: {m: "5000,5000"}}`, keyPreferences: "{credits: 1}"}, true, quick) // a cent a request
	got := f.burst(30, 6)
	time.Sleep(3 * time.Second)
	f.kill(2)
	for status, n := range f.burst(30, 6) {
		got[status] += n
	}
	time.Sleep(3 * time.Second)
	f.redis.stop()
	f.redis.start()
	time.Sleep(4 * time.Second)
	for range 8 {
		for status, n := range f.burst(15, 1) {
			got[status] += n
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Logf("%v", got)
	if got[200] < 100 || got[200] > 100+6+6 || got[429] != 180-got[200] {
		t.Errorf("of a dollar a cent was spent %d times: %v", got[200], got)
	}
	added := f.instances[0].send("POST", "/v1/add_credits?paid_key="+clientKey+"&amount=1", "")
	if added.StatusCode != 200 {
		t.Fatal(added.body)
	}
	time.Sleep(3 * time.Second)
	more := f.burst(150, 1)
	for range 6 {
		time.Sleep(700 * time.Millisecond)
		for status, n := range f.burst(15, 1) {
			more[status] += n
		}
	}
	if all := got[200] + more[200]; all < 200 || all > 212 {
		t.Errorf("of two dollars a cent was spent %d times: %v, then %v", all, got, more)
	}
}

// TestFleetWithPostgresAloneKnowsInTwoSecondsWhatOthersSpent has no Redis.
func TestFleetWithPostgresAloneKnowsInTwoSecondsWhatOthersSpent(t *testing.T) {
	f, _ := newBooks(t, 2, file{aPreferences: `{model_price: {m: "5000,5000"}}`, keyPreferences: "{credits: 0.2}"}, false, quick)
	spent := 0
	for f.ask(0) == 200 {
		spent++
	}
	time.Sleep(3 * time.Second) // two, and what a busy machine takes longer
	if status := f.ask(1); spent != 20 || status != 429 {
		t.Errorf("%d cents were spent of 20 at one instance; the other one answers %d", spent, status)
	}
}

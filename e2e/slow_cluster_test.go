//go:build cluster

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"uniapi/usage/postgrestest"
)

// slowPath is between an instance and a server.
type slowPath struct {
	address string
	by      atomic.Int64 // how late each piece of an answer is; for ever is not passed on at all
}

const forEver = time.Hour

func newSlowPath(t *testing.T, to string) *slowPath {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &slowPath{address: l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.between(client, to)
		}
	}()
	return p
}

func (p *slowPath) between(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(server, client)
		server.Close()
	}()
	type piece struct {
		at   time.Time
		text []byte
	}
	pieces := make(chan piece, 1<<12)
	go func() {
		defer close(pieces)
		for buffer := make([]byte, 1<<16); ; {
			n, err := server.Read(buffer)
			if err != nil {
				return
			}
			pieces <- piece{time.Now(), slices.Clone(buffer[:n])}
		}
	}()
	for one := range pieces {
		for due := one.at.Add(time.Duration(p.by.Load())); time.Now().Before(due); due = one.at.Add(time.Duration(p.by.Load())) {
			time.Sleep(min(time.Until(due), time.Millisecond))
		}
		if _, err := client.Write(one.text); err != nil {
			return
		}
	}
}

// TestFleetWhoseServersAreSlowServesInTime has every kind of what a request may have to ask for, in one request.
func TestFleetWhoseServersAreSlowServesInTime(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(quick))
	t.Cleanup(up.Close)
	redis, database := newRedis(t), postgrestest.Start(t)
	toRedis, toBooks := newSlowPath(t, "127.0.0.1:"+redis.port), newSlowPath(t, "127.0.0.1:"+database.Port)
	s := newStage(t)
	s.a.url, s.b.url = up.URL, up.URL
	s.env = []string{"DISABLE_DATABASE=false", "DATABASE_URL=" + strings.Replace(database.Books(), "127.0.0.1:"+database.Port, toBooks.address, 1)}
	s.write(file{
		preferences:  fmt.Sprintf(`{cluster: {instance: one, redis: "redis://%s"}, rate_limit: 4000/min}`, toRedis.address),
		aPreferences: `{model_price: {m: "5000,5000"}, api_key_rate_limit: 4000/min}`, keyPreferences: `{credits: 30, rate_limit: "3000/min, 30 usd/day, 100 concurrent"}`,
	}.text(t, inFile, ""))
	s.serve()
	f := &fleet{T: t, redis: redis, instances: []*stage{s}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 20}}}
	go f.follow(s, true)
	measure := func(what string, d time.Duration) (middle, longest time.Duration) {
		var all []time.Duration
		for began := time.Now(); time.Since(began) < d; time.Sleep(10 * time.Millisecond) {
			one := time.Now()
			if status := f.ask(0); status != 200 {
				t.Errorf("%s: a request is answered %d", what, status)
			}
			all = append(all, time.Since(one))
		}
		slices.Sort(all)
		middle, longest = all[len(all)/2], all[len(all)-1]
		t.Logf("%s: %d requests, half of them in %v, the slowest in %v", what, len(all), middle, longest)
		return middle, longest
	}
	measure("at first", time.Second)
	await := func(what string) { // the log says it once more
		t.Helper()
		for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			if list := f.said(); len(list) > 0 && strings.HasPrefix(list[len(list)-1], what) {
				return
			}
			if time.Since(began) > patience {
				t.Fatalf("it is not said that %s: %q", what, f.said())
			}
			f.ask(0)
		}
	}
	for _, c := range []struct {
		name    string
		path    *slowPath
		by      time.Duration
		given   bool          // it is given up after some time
		longest time.Duration // of a request, before that
	}{
		{"PostgreSQL 3 s late", toBooks, 3 * time.Second, false, time.Second},
		{"PostgreSQL frozen", toBooks, forEver, false, time.Second},
		{"Redis 40 ms late", toRedis, 40 * time.Millisecond, false, 2 * time.Second},
		// Of three questions each is waited for as long as Redis answers others.
		{"Redis 200 ms late", toRedis, 200 * time.Millisecond, true, 2 * time.Second},
		{"Redis frozen", toRedis, forEver, true, 2 * time.Second},
	} {
		c.path.by.Store(int64(c.by))
		if _, longest := measure(c.name, 2*time.Second); longest > c.longest {
			t.Errorf("%s: a request took %v", c.name, longest)
		}
		if c.given {
			await("Redis does not answer")
		}
		if middle, _ := measure(c.name+", from then on", time.Second); middle > 50*time.Millisecond && (c.given || c.path == toBooks) {
			t.Errorf("%s: half of the requests took more than %v", c.name, middle)
		}
		if c.path.by.Store(0); c.given {
			await("Redis answers again")
		}
	}
}

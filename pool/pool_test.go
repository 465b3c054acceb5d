package pool

import (
	"sync"
	"testing"
	"uniapi/pool/pooltest"
)

func TestConcurrentExchangesHaveConnectionsOfTheirOwn(t *testing.T) {
	u := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	tg := direct(t, u)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				if status, body, err := fetch(tg, post, patient); status != 200 || body != "{}" || err != nil {
					t.Errorf("%d %q %v", status, body, err)
				}
			}
		})
	}
	wg.Wait()
	s := tg.pool.Stats()
	const most = 16 + sweepStep + 256/restRoom // a sweep has some out of the list, and others rest until they are looked at
	if s.Open != s.Idle || s.Dials != s.Open || s.Dials+s.Reused != 16*50 || s.Dials > most {
		t.Errorf("%+v", s)
	}
}

func TestClosedPoolKeepsNothing(t *testing.T) {
	u := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	tg := direct(t, u)
	mustFetch(t, tg)
	var call Call
	resp, err := tg.Do(&call, post, patient)
	if err != nil {
		t.Fatal(err)
	}
	tg.pool.Close()
	if s := tg.pool.Stats(); s.Open != 1 || s.Idle != 0 {
		t.Errorf("with one exchange in progress: %+v", s)
	}
	resp.Close()
	mustFetch(t, tg)
	if s := tg.pool.Stats(); s.Open != 0 {
		t.Errorf("%+v", s)
	}
}

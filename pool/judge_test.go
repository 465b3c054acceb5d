package pool

import (
	"bytes"
	"net/http"
	"testing"
	"time"
	"uniapi/pool/pooltest"
)

// known is a Pace that knows enough, least the shortest of it.
func known(least time.Duration) *Pace {
	p := new(Pace)
	p.answers.least.Store(int64(least))
	p.answers.known.Store(enough)
	return p
}

const (
	ages = 20 * time.Second // half of it is longer than any test's machine stands still
	late = 2 * time.Second

	firstAnswer  = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"
	secondAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"
	tooMany      = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow"
)

// A request is answered at once over a connection that has served before, in a way that is not believed, and then over
// a new one.
func TestAnswerThatIsNotBelievedIsAskedForAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		least  time.Duration
		first  []string // in writes of its own
		wait   time.Duration
		second string // "" hangs up
		status int    // of what the caller gets, 0 for an error
		body   string
		later  string // over the first connection, once the caller has its answer
		strays int64
		// Whether it is learnt from it how quick answers and refusals can be.
		answers, refusals bool
	}{
		{name: "an answer, and the true one behind it", least: ages, first: []string{firstAnswer, secondAnswer}, second: secondAnswer,
			status: 200, body: "second", strays: 1, answers: true},
		{name: "an answer, and the true one at last", least: ages, first: []string{firstAnswer}, second: secondAnswer, later: secondAnswer,
			status: 200, body: "second", strays: 1, answers: true},
		{name: "an answer, and the second takes its time", least: late, first: []string{firstAnswer}, wait: late, second: secondAnswer,
			status: 200, body: "second", answers: true},
		{name: "an answer in pieces", least: ages, first: []string{"HTT", "P/1.1 200 OK\r\nContent-Length: 5\r\n", "\r\nfir", "st"}, second: secondAnswer,
			status: 200, body: "second", answers: true},
		{name: "an answer, and the second comes as quickly", least: ages, first: []string{firstAnswer}, second: secondAnswer, status: 200, body: "second", answers: true},
		{name: "an answer, and then a refusal", least: ages, first: []string{firstAnswer}, second: tooMany, status: 429, body: "slow", refusals: true},
		{name: "an answer, and then none", least: ages, first: []string{firstAnswer}},
		{name: "a refusal, and then an answer", least: ages, first: []string{tooMany}, second: secondAnswer, status: 200, body: "second", answers: true, refusals: true},
		{name: "a refusal, and the same again", least: ages, first: []string{tooMany}, second: tooMany, status: 429, body: "slow", refusals: true},
		{name: "a refusal, and then none", least: ages, first: []string{tooMany}, refusals: true},
		{name: "a refusal with an answer behind it", least: ages, first: []string{tooMany + firstAnswer}, second: secondAnswer,
			status: 200, body: "second", strays: 1, answers: true},
		{name: "a refusal with an answer behind it, in pieces", least: ages, first: []string{tooMany[:40], tooMany[40:], firstAnswer}, second: secondAnswer,
			status: 200, body: "second", strays: 1, answers: true},
		{name: "a 408, crossed by the request", least: ages, first: []string{timeoutPage}, later: pooltest.OKAnswer, second: secondAnswer, status: 200, body: "second", answers: true},
		{name: "no HTTP", least: ages, first: []string{"x"}, second: secondAnswer, status: 200, body: "second", strays: 1, answers: true},
		{name: "no HTTP both times", least: ages, first: []string{"x"}, second: "x"},
		{name: "a head that runs into another", least: ages, first: []string{"HTTP/1.1 200 OK\r\nContent-Le" + firstAnswer}, second: secondAnswer,
			status: 200, body: "second", strays: 1, answers: true},
	} {
		for _, scheme := range []string{"http", "https"} {
			t.Run(tt.name+" over "+scheme, func(t *testing.T) {
				t.Parallel()
				said, got := make(chan bool), make(chan bool)
				serve := func(p *pooltest.Peer) {
					if p.Nth > 1 {
						if _, _, ok := p.Request(); ok {
							<-said
							time.Sleep(tt.wait)
							p.Say(tt.second)
						}
						return
					}
					p.Request()
					p.Say(pooltest.OKAnswer)
					p.Request()
					for _, piece := range tt.first {
						p.Say(piece)
						time.Sleep(time.Millisecond) // so that it leaves alone
					}
					close(said)
					<-got
					p.Say(tt.later)
					p.HangUp()
				}
				roots, serverTLS := pooltest.Authority(t)
				if scheme == "https" {
					serve = pooltest.OverTLS(serverTLS, serve)
				}
				tg := target(t, newPool(t, Options{TLS: pooltest.ClientTLS(roots)}), scheme, pooltest.Listen(t, serve).Addr, "")
				mustFetch(t, tg)
				pace := known(tt.least)
				req := *post
				req.Pace = pace
				status, body, err := fetch(tg, &req, patient)
				if status != tt.status || body != tt.body || (err != nil) != (tt.status == 0) {
					t.Errorf("%d %q, %v", status, body, err)
				}
				close(got)
				pooltest.Eventually(t, "what is too much is noticed", func() bool { tg.sweep(); return tg.pool.Stats().Strays == tt.strays })
				if s := tg.pool.Stats(); s.Doubted != 1 || s.Dials != 2 || s.Resent != 0 || s.Reused != 0 {
					t.Errorf("%+v", s)
				}
				if answers, refusals := pace.answers.least.Load() < int64(tt.least), pace.refusals.known.Load() > 0; answers != tt.answers || refusals != tt.refusals {
					t.Errorf("learnt of answers: %v, of refusals: %v", answers, refusals)
				}
			})
		}
	}
}

// A channel's quick refusals do not cost it what is known of its answers, nor a request each.
func TestRefusalIsBelievedOnceItIsKnownToBeQuick(t *testing.T) {
	u := pooltest.Listen(t, pooltest.Always(tooMany))
	tg := direct(t, u)
	pace := known(ages)
	req := *post
	req.Pace = pace
	for range 10 {
		if status, _, err := fetch(tg, &req, patient); status != 429 || err != nil {
			t.Fatal(status, err)
		}
	}
	if s := tg.pool.Stats(); s.Doubted > 1 || s.Strays != 0 {
		t.Errorf("%+v", s)
	}
	if limit := pace.tooShort(false); limit != int64(ages/2) {
		t.Errorf("%v is too short for an answer", time.Duration(limit))
	}
}

// The time of an answer is that of its own head, from the end of the request: neither what is sent before it nor a long
// upload changes it.
func TestHowLongAnAnswerTook(t *testing.T) {
	const takes = 50 * time.Millisecond
	for _, tt := range []struct {
		name string
		size int
		say  func(p *pooltest.Peer)
	}{
		{"at once", 100, func(p *pooltest.Peer) { time.Sleep(takes); p.Say(pooltest.OKAnswer) }},
		{"after an interim answer", 100, func(p *pooltest.Peer) {
			p.Say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
			time.Sleep(takes)
			p.Say(pooltest.OKAnswer)
		}},
		{"with an interim answer", 100, func(p *pooltest.Peer) { time.Sleep(takes); p.Say("HTTP/1.1 100 Continue\r\n\r\n" + pooltest.OKAnswer) }},
		{"in pieces", 100, func(p *pooltest.Peer) {
			time.Sleep(takes)
			p.Say("H")
			time.Sleep(20 * takes)
			p.Say(pooltest.OKAnswer[1:])
		}},
		{"to a large request", 8 << 20, func(p *pooltest.Peer) { time.Sleep(takes); p.Say(pooltest.OKAnswer) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u := pooltest.Listen(t, func(p *pooltest.Peer) {
				for {
					if _, _, ok := p.Request(); !ok {
						return
					}
					tt.say(p)
				}
			})
			tg, pace := direct(t, u), new(Pace)
			ask := func() time.Duration {
				if _, _, err := fetch(tg, &Request{Method: "POST", Body: [][]byte{make([]byte, tt.size)}, Pace: pace}, patient); err != nil {
					t.Fatal(err)
				}
				return time.Duration(pace.answers.least.Load())
			}
			for n := range int32(3) {
				if took := ask(); took < takes || pace.answers.known.Load() != n+1 {
					t.Errorf("%v, of %d", took, pace.answers.known.Load())
				}
			}
			if s := tg.pool.Stats(); s.Dials != 1 || s.Reused != 2 {
				t.Errorf("%+v", s)
			}
			// A machine that is busy measures too much, but not each time.
			for began := time.Now(); ask() > 20*takes; {
				if time.Since(began) > 30*time.Second {
					t.Fatalf("never less than %v", time.Duration(pace.answers.least.Load()))
				}
			}
		})
	}
}

// A refusal that comes while the request is being written, over a connection that has served before, costs one more
// request the first time.
func TestEarlyRefusalOfALargeRequestIsTakenForOne(t *testing.T) {
	const tooLarge = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch"
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		for {
			req, err := http.ReadRequest(p.Reader)
			if err != nil {
				return
			}
			if req.ContentLength < 1<<10 {
				_, _ = p.Reader.Discard(int(req.ContentLength))
				p.Say(pooltest.OKAnswer)
				continue
			}
			p.Say(tooLarge)
			return
		}
	})
	tg, pace := direct(t, u), known(ages)
	large := &Request{Method: "POST", Path: "/", Body: [][]byte{bytes.Repeat([]byte("x"), 32<<20)}, Pace: pace}
	for range 3 {
		mustFetch(t, tg)
		if status, body, err := fetch(tg, large, patient); status != 413 || body != "much" || err != nil {
			t.Errorf("%d %q %v", status, body, err)
		}
	}
	if s := tg.pool.Stats(); s.Doubted > 1 || s.Strays != 0 {
		t.Errorf("%+v", s)
	}
}

package pool

import (
	"bytes"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// misbehave does with each request what its path asks for.
func misbehave(p *peer) {
	for {
		req, err := p.br.Peek(1)
		if err != nil || len(req) == 0 {
			return
		}
		if line, _ := p.br.Peek(len("POST /early")); string(line) == "POST /early" {
			p.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
			return
		}
		r, _, ok := p.request()
		if !ok {
			return
		}
		const ok200, chunks = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
		switch r.URL.Path {
		case "/ok":
			p.say(okAnswer)
			continue
		case "/chunks":
			p.say(chunks + "0\r\n\r\n")
			continue
		case "/leftover":
			p.say(okAnswer + okAnswer)
			continue
		case "/close":
			p.say(ok200 + "Connection: close\r\nContent-Length: 2\r\n\r\nhi")
		case "/hang-up-later":
			p.say(okAnswer)
		case "/until-close":
			p.say(ok200 + "\r\nhello")
		case "/reset":
			p.reset()
		case "/reset-in-body":
			p.say(chunks)
			p.reset()
		case "/cut-chunk":
			p.say(chunks + "5\r\nhe")
		case "/garbage":
			p.say("\x00\x01\x02 garbage\r\n\r\n")
		case "/bad-chunk":
			p.say(chunks + "xyz\r\n")
		case "/stall":
			p.hangUp()
		case "/stall-in-head":
			p.say(ok200)
			p.hangUp()
		case "/stall-in-body":
			p.say(chunks)
			p.hangUp()
		}
		return
	}
}

func TestNothingLeaksOverAThousandMixedOutcomes(t *testing.T) {
	roots, serverTLS := authority(t)
	before := runtime.NumGoroutine()
	plain, secure := listen(t, misbehave), listen(t, overTLS(serverTLS, misbehave))
	silent, refusing := listen(t, (*peer).hangUp), listen(t, httpProxy)
	gone := listen(t, misbehave)
	gone.stop()
	p := New(Options{TLS: clientTLS(roots), Connect: 20 * time.Millisecond, Write: 50 * time.Millisecond, MaxIdlePerTarget: 4, Distrust: 1})
	patientTLS := New(Options{TLS: clientTLS(roots), Distrust: 1})

	large := [][]byte{bytes.Repeat([]byte("x"), 8<<20)}
	hurried := Deadlines{FirstByte: 10 * time.Millisecond, Idle: 10 * time.Millisecond}
	type outcome struct {
		tg    *Target
		path  string
		after time.Duration // of Cancel; 0 = never
		limit Deadlines
		leave bool // close without reading
	}
	var outcomes []outcome
	for _, tg := range []*Target{target(t, p, "http", plain.addr, ""), target(t, patientTLS, "https", secure.addr, "")} {
		for _, path := range strings.Fields("/ok /chunks /leftover /close /hang-up-later /until-close /reset /reset-in-body /cut-chunk /garbage /bad-chunk /early") {
			outcomes = append(outcomes, outcome{tg: tg, path: path, limit: patient}, outcome{tg: tg, path: path, limit: patient, leave: true}, outcome{tg: tg, path: path, limit: patient, after: time.Nanosecond})
		}
		for _, path := range strings.Fields("/stall /stall-in-head /stall-in-body") {
			outcomes = append(outcomes, outcome{tg: tg, path: path, limit: hurried}, outcome{tg: tg, path: path, limit: patient, after: 5 * time.Millisecond})
		}
	}
	for _, tg := range []*Target{
		target(t, p, "http", gone.addr, ""), target(t, p, "https", silent.addr, ""),
		target(t, p, "https", secure.addr, "http://"+refusing.addr), target(t, p, "http", plain.addr, "http://"+refusing.addr),
		target(t, p, "https", secure.addr, "socks5://"+silent.addr), target(t, p, "https", secure.addr, "http://"+gone.addr),
	} {
		outcomes = append(outcomes, outcome{tg: tg, path: "/ok", limit: patient}, outcome{tg: tg, path: "/ok", limit: patient, after: 2 * time.Millisecond})
	}

	run := func(o outcome) {
		var call Call
		if o.after > 0 {
			canceler := make(chan bool)
			timer := time.AfterFunc(o.after, func() {
				call.Cancel()
				close(canceler)
			})
			defer func() {
				if !timer.Stop() {
					<-canceler
				}
			}()
		}
		req := &Request{Method: "POST", Path: o.path, Body: post.Body}
		if o.path == "/early" {
			req.Body = large
		}
		resp, err := o.tg.Do(&call, req, o.limit)
		if err != nil {
			kindOf(t, err)
			return
		}
		if !o.leave {
			_, _ = resp.AppendBody(nil, 0)
		}
		resp.Close()
	}
	const rounds, workers = 1000, 8
	work := make(chan outcome)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for o := range work {
				run(o)
			}
		})
	}
	for i := range rounds {
		work <- outcomes[i%len(outcomes)]
	}
	close(work)
	wg.Wait()

	if s := p.Stats(); s.Open != s.Idle || s.Reused == 0 || s.Strays == 0 {
		t.Errorf("%+v: everything that is open must be idle, some must have been reused, and what was left over noticed", s)
	}
	p.Close()
	patientTLS.Close()
	for _, pool := range []*Pool{p, patientTLS} {
		if s := pool.Stats(); s.Open != 0 || s.Idle != 0 {
			t.Errorf("%+v", s)
		}
	}
	eventually(t, "the upstreams have no connection left", func() bool {
		return plain.open.Load()+secure.open.Load()+silent.open.Load()+refusing.open.Load() == 0
	})
	for _, u := range []*upstream{plain, secure, silent, refusing} {
		u.stop()
	}
	eventually(t, "the goroutines are as many as before", func() bool { return runtime.NumGoroutine() <= before })
}

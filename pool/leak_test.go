package pool

import (
	"bytes"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"uniapi/pool/pooltest"
)

// misbehave does with each request what its path asks for.
func misbehave(p *pooltest.Peer) {
	for {
		req, err := p.Reader.Peek(1)
		if err != nil || len(req) == 0 {
			return
		}
		if line, _ := p.Reader.Peek(len("POST /early")); string(line) == "POST /early" {
			p.Say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
			return
		}
		r, _, ok := p.Request()
		if !ok {
			return
		}
		const ok200, chunks = "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
		switch r.URL.Path {
		case "/ok":
			p.Say(pooltest.OKAnswer)
			continue
		case "/chunks":
			p.Say(chunks + "0\r\n\r\n")
			continue
		case "/leftover":
			p.Say(pooltest.OKAnswer + pooltest.OKAnswer)
			continue
		case "/close":
			p.Say(ok200 + "Connection: close\r\nContent-Length: 2\r\n\r\nhi")
		case "/hang-up-later":
			p.Say(pooltest.OKAnswer)
		case "/until-close":
			p.Say(ok200 + "\r\nhello")
		case "/reset":
			p.Reset()
		case "/reset-in-body":
			p.Say(chunks)
			p.Reset()
		case "/cut-chunk":
			p.Say(chunks + "5\r\nhe")
		case "/garbage":
			p.Say("\x00\x01\x02 garbage\r\n\r\n")
		case "/bad-chunk":
			p.Say(chunks + "xyz\r\n")
		case "/stall":
			p.HangUp()
		case "/stall-in-head":
			p.Say(ok200)
			p.HangUp()
		case "/stall-in-body":
			p.Say(chunks)
			p.HangUp()
		}
		return
	}
}

func TestNothingLeaksOverAThousandMixedOutcomes(t *testing.T) {
	roots, serverTLS := pooltest.Authority(t)
	before := runtime.NumGoroutine()
	plain, secure := pooltest.Listen(t, misbehave), pooltest.Listen(t, pooltest.OverTLS(serverTLS, misbehave))
	silent, refusing := pooltest.Listen(t, (*pooltest.Peer).HangUp), pooltest.Listen(t, pooltest.HTTPProxy)
	gone := pooltest.Listen(t, misbehave)
	gone.Stop()
	p := New(Options{TLS: pooltest.ClientTLS(roots), Connect: 20 * time.Millisecond, Write: 50 * time.Millisecond, MaxIdlePerTarget: 4, Distrust: 1})
	patientTLS := New(Options{TLS: pooltest.ClientTLS(roots), Distrust: 1})

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
	for _, tg := range []*Target{target(t, p, "http", plain.Addr, ""), target(t, patientTLS, "https", secure.Addr, "")} {
		for _, path := range strings.Fields("/ok /chunks /leftover /close /hang-up-later /until-close /reset /reset-in-body /cut-chunk /garbage /bad-chunk /early") {
			outcomes = append(outcomes, outcome{tg: tg, path: path, limit: patient}, outcome{tg: tg, path: path, limit: patient, leave: true}, outcome{tg: tg, path: path, limit: patient, after: time.Nanosecond})
		}
		for _, path := range strings.Fields("/stall /stall-in-head /stall-in-body") {
			outcomes = append(outcomes, outcome{tg: tg, path: path, limit: hurried}, outcome{tg: tg, path: path, limit: patient, after: 5 * time.Millisecond})
		}
	}
	for _, tg := range []*Target{
		target(t, p, "http", gone.Addr, ""), target(t, p, "https", silent.Addr, ""),
		target(t, p, "https", secure.Addr, "http://"+refusing.Addr), target(t, p, "http", plain.Addr, "http://"+refusing.Addr),
		target(t, p, "https", secure.Addr, "socks5://"+silent.Addr), target(t, p, "https", secure.Addr, "http://"+gone.Addr),
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
	pooltest.Eventually(t, "the upstreams have no connection left", func() bool {
		return plain.Open.Load()+secure.Open.Load()+silent.Open.Load()+refusing.Open.Load() == 0
	})
	for _, u := range []*pooltest.Upstream{plain, secure, silent, refusing} {
		u.Stop()
	}
	pooltest.Eventually(t, "the goroutines are as many as before", func() bool { return runtime.NumGoroutine() <= before })
}

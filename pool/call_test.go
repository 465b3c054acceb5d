package pool

import (
	"bytes"
	"context"
	"errors"
	"syscall"
	"testing"
	"time"
	"uniapi/pool/pooltest"
)

// soon is the time within which an exchange must have ended that is cancelled or late: far below patient, far above
// what a busy machine delays.
const soon = 2 * time.Second

// phase is something that a call can be ended in: the upstream says when it is reached, and then says no more.
type phase struct {
	name   string
	scheme string
	proxy  bool
	req    *Request
	serve  func(p *pooltest.Peer, reached func())
}

func phases() []phase {
	large := &Request{Method: "POST", Path: "/", Body: [][]byte{bytes.Repeat([]byte("x"), 64<<20)}}
	return []phase{

		{"in the TLS handshake", "https", false, post, func(p *pooltest.Peer, reached func()) { _, _ = p.Reader.ReadByte(); reached() }},
		{"while the proxy thinks", "https", true, post, func(p *pooltest.Peer, reached func()) { _, _ = p.Reader.ReadString('\n'); reached() }},
		{"in the write", "http", false, large, func(p *pooltest.Peer, reached func()) { _, _ = p.Reader.ReadByte(); reached() }},
		{"before the first byte", "http", false, post, func(p *pooltest.Peer, reached func()) { p.Request(); reached() }},
		{"within the head", "http", false, post, func(p *pooltest.Peer, reached func()) { p.Request(); p.Say("HTTP/1.1 200 OK\r\n"); reached() }},
		{"within the body", "http", false, post, func(p *pooltest.Peer, reached func()) {
			p.Request()
			p.Say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")
			reached()
		}},
		{"between chunks", "http", false, post, func(p *pooltest.Peer, reached func()) {
			p.Request()
			p.Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
			reached()
		}},
	}
}

func TestCancelEndsWhateverIsGoingOn(t *testing.T) {
	roots, _ := pooltest.Authority(t)
	for _, tt := range phases() {
		t.Run(tt.name, func(t *testing.T) {
			var call Call
			var canceledAt time.Time
			ended := make(chan bool)
			u := pooltest.Listen(t, func(p *pooltest.Peer) {
				tt.serve(p, func() {
					canceledAt = time.Now()
					call.Cancel()
				})
				p.HangUp() // the upstream sees the end
				ended <- true
			})
			p := newPool(t, Options{TLS: pooltest.ClientTLS(roots)})
			proxyURL := ""
			if tt.proxy {
				proxyURL = "http://" + u.Addr
			}
			tg := target(t, p, tt.scheme, u.Addr, proxyURL)
			resp, err := tg.Do(&call, tt.req, patient)
			if err == nil {
				_, err = resp.AppendBody(nil, 0)
				resp.Close()
			}
			<-ended
			if took := time.Since(canceledAt); took > soon {
				t.Errorf("took %v", took)
			}
			if !errors.Is(err, ErrCanceled) || !call.Canceled() {
				t.Errorf("%v", err)
			}
			if _, err := tg.Do(&call, post, patient); !errors.Is(err, ErrCanceled) {
				t.Errorf("the next Do: %v", err)
			}
			if s := p.Stats(); s.Open != 0 || s.Resent != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// The time of a call is over while the connection is made or the answer stands still, or has been before.
func TestUntilEndsWhateverIsGoingOn(t *testing.T) {
	roots, _ := pooltest.Authority(t)
	for _, tt := range phases() {
		t.Run(tt.name, func(t *testing.T) {
			u := pooltest.Listen(t, func(p *pooltest.Peer) {
				tt.serve(p, func() {})
				p.HangUp()
			})
			p := newPool(t, Options{TLS: pooltest.ClientTLS(roots)})
			proxyURL := ""
			if tt.proxy {
				proxyURL = "http://" + u.Addr
			}
			tg := target(t, p, tt.scheme, u.Addr, proxyURL)
			var call Call
			call.Until(time.Now().Add(50 * time.Millisecond))
			resp, err := tg.Do(&call, tt.req, Deadlines{})
			if err == nil {
				_, err = resp.AppendBody(nil, 0)
				resp.Close()
			}
			if err != ErrOverdue || call.Canceled() {
				t.Errorf("%v", err)
			}
			if _, err := tg.Do(&call, post, patient); err != ErrOverdue {
				t.Errorf("the next Do: %v", err)
			}
			ctx, release := call.Context()
			<-ctx.Done()
			release()
			if s := p.Stats(); s.Open != 0 || s.Resent != 0 || s.Dials > 1 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestAnswerInTimeLeavesNothingOfItsTimeBehind(t *testing.T) {
	tg := direct(t, pooltest.Listen(t, pooltest.Always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")))
	var call Call
	for _, due := range []time.Time{time.Now().Add(time.Hour), {}} {
		call.Until(due) // as the next request on the client's connection does
		resp, err := tg.Do(&call, post, Deadlines{})
		if err != nil {
			t.Fatal(err)
		}
		if body, err := resp.AppendBody(nil, 0); err != nil || string(body) != "hi" {
			t.Fatalf("%q, %v", body, err)
		}
		if c := resp.c; (c.due == 0) != due.IsZero() || (c.readAlarm.armed == 0) != due.IsZero() {
			t.Errorf("until %v: due %d, the socket's deadline %d", due, c.due, c.readAlarm.armed)
		}
		resp.Close()
	}
	if s := tg.pool.Stats(); s.Dials != 1 {
		t.Errorf("%+v", s)
	}
}

func TestCancelEndsTheLookUpAndTheConnect(t *testing.T) {
	var call Call
	call.Cancel()
	tg := target(t, newPool(t, Options{}), "http", "127.0.0.1:1", "")
	if _, err := tg.dial(&call); !errors.Is(err, ErrCanceled) {
		t.Error(err)
	}
	call.Reset()
	// A connect can only be caught in the act with an address that never answers, so the dialer is held up instead.
	dialing := make(chan bool)
	tg.pool.dialer.ControlContext = func(ctx context.Context, _, _ string, _ syscall.RawConn) error {
		close(dialing)
		<-ctx.Done()
		return ctx.Err()
	}
	go func() {
		<-dialing
		call.Cancel()
	}()
	if _, err := tg.dial(&call); !errors.Is(err, ErrCanceled) {
		t.Error(err)
	}
}

func TestCallServesAgainAfterReset(t *testing.T) {
	u := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	tg := direct(t, u)
	var call Call
	for range 3 {
		resp, err := tg.Do(&call, post, patient)
		if err != nil {
			t.Fatal(err)
		}
		call.Cancel()
		call.Cancel()
		resp.Close()
		call.Reset()
	}
	if s := tg.pool.Stats(); s.Dials != 3 || s.Idle != 0 || s.Open != 0 {
		t.Errorf("a cancelled exchange left its connection: %+v", s)
	}
}

// Cancel may come when the exchange has just ended; the connection then belongs to another call.
func TestLateCancelDoesNotHitTheNextUser(t *testing.T) {
	u := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	tg := direct(t, u)
	for range 300 {
		var first, second Call
		resp, err := tg.Do(&first, post, patient)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := resp.AppendBody(nil, 0); err != nil {
			t.Fatal(err)
		}
		canceled := make(chan bool)
		go func() {
			first.Cancel()
			close(canceled)
		}()
		resp.Close()
		resp, err = tg.Do(&second, post, patient)
		if err != nil {
			t.Fatal(err)
		}
		<-canceled
		if _, err := resp.AppendBody(nil, 0); err != nil {
			t.Fatal(err)
		}
		resp.Close()
	}
}

func TestWaitEndsWithTheCall(t *testing.T) {
	for name, test := range map[string]struct {
		wait time.Duration
		end  func(*Call)
		want error
	}{
		"its time is over":       {wait: time.Nanosecond},
		"there is none to wait":  {},
		"canceled before":        {wait: time.Hour, end: (*Call).Cancel, want: ErrCanceled},
		"canceled while it goes": {wait: time.Hour, end: func(c *Call) { time.AfterFunc(10*time.Millisecond, c.Cancel) }, want: ErrCanceled},
		"canceled, no wait":      {end: (*Call).Cancel, want: ErrCanceled},
		"overdue":                {wait: time.Hour, end: func(c *Call) { c.Until(time.Now().Add(10 * time.Millisecond)) }, want: ErrOverdue},
	} {
		t.Run(name, func(t *testing.T) {
			var call Call
			if test.end != nil {
				test.end(&call)
			}
			if err := call.Wait(test.wait); err != test.want {
				t.Errorf("%v, not %v", err, test.want)
			}
		})
	}
}

package pool

import (
	"strings"
	"testing"
	"time"
	"uniapi/pool/pooltest"
)

func TestAlarmMovesOnlyWhenItWouldFireTooEarlyOrTooLate(t *testing.T) {
	for _, tt := range []struct {
		name              string
		armed, need, late int64
		at                int64
		changed           bool
	}{
		{"not set, not needed", 0, 0, 0, 0, false},
		{"not set, needed", 0, 100, 3, 103, true},
		{"set, not needed", 103, 0, 0, 0, true},
		{"exactly right", 100, 100, 3, 100, false},
		{"late, but within the slack", 103, 100, 3, 103, false},
		{"too late", 104, 100, 3, 103, true},
		{"too early", 99, 100, 3, 103, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := alarm{armed: tt.armed}
			if at, changed := a.move(tt.need, tt.late); at != tt.at || changed != tt.changed || a.armed != tt.at {
				t.Errorf("%d, %v; want %d, %v", at, changed, tt.at, tt.changed)
			}
		})
	}
}

func TestEachPhaseHasItsDeadline(t *testing.T) {
	const limit = 80 * time.Millisecond
	head := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	drip := func(p *pooltest.Peer, what string, until chan bool) {
		for {
			select {
			case <-until:
				return
			case <-time.After(limit / 4):
				p.Say(what)
			}
		}
	}
	for _, tt := range []struct {
		name  string
		d     Deadlines
		serve func(p *pooltest.Peer, done chan bool)
		kind  Kind
		text  string
	}{
		{"no first byte", Deadlines{FirstByte: limit, Idle: time.Minute}, func(*pooltest.Peer, chan bool) {}, FirstByteTimeout, "nothing within 80ms"},
		{"a head that stops", Deadlines{FirstByte: limit, Idle: limit}, func(p *pooltest.Peer, _ chan bool) { p.Say(head[:10]) }, FirstByteTimeout, ""},
		{"a head that drips", Deadlines{FirstByte: limit, Idle: limit}, func(p *pooltest.Peer, done chan bool) { p.Say("HTTP/1.1 200 OK\r\n"); drip(p, "X: y\r\n", done) }, FirstByteTimeout, ""},
		{"a body in the place of an answer", Deadlines{FirstByte: limit, Idle: time.Minute, UntilBegun: true}, func(p *pooltest.Peer, done chan bool) { p.Say(head); drip(p, "2\r\n:\n\r\n", done) }, FirstByteTimeout, "no answer within 80ms"},
		{"a head and no more", Deadlines{FirstByte: limit, Idle: limit / 8, UntilBegun: true}, func(p *pooltest.Peer, _ chan bool) { p.Say(head) }, FirstByteTimeout, "no answer within 80ms"},
		{"interim answers only", Deadlines{FirstByte: limit, Idle: limit}, func(p *pooltest.Peer, done chan bool) { drip(p, "HTTP/1.1 102 Processing\r\n\r\n", done) }, FirstByteTimeout, ""},
		{"a body that stops", Deadlines{FirstByte: time.Minute, Idle: limit}, func(p *pooltest.Peer, _ chan bool) { p.Say(head + "2\r\nhi\r\n") }, IdleTimeout, "silent for 80ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			done := make(chan bool)
			u := pooltest.Listen(t, func(p *pooltest.Peer) {
				if _, _, ok := p.Request(); ok {
					tt.serve(p, done)
					<-done
				}
			})
			defer close(done)
			tg := direct(t, u)
			start := time.Now()
			_, _, err := fetch(tg, post, tt.d)
			if kindOf(t, err) != tt.kind || (err != nil && !strings.Contains(err.Error(), tt.text)) {
				t.Errorf("%v; want %v", err, tt.kind)
			}
			if took := time.Since(start); err != nil && (took < limit || took > 3*limit+soon) {
				t.Errorf("after %v", took)
			}
			if s := tg.pool.Stats(); err != nil && s.Open != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestBodyThatDripsWithinTheIdleTimeGoesOn(t *testing.T) {
	t.Parallel()
	const idle, drips = 3 * time.Second, 16 // so that a busy machine has what is late for a drip
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		p.Request()
		p.Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range drips {
			time.Sleep(idle / drips * 5 / 4) // in all longer than idle
			p.Say("1\r\nx\r\n")
		}
		p.Say("0\r\n\r\n")
	})
	if _, body, err := fetch(direct(t, u), post, Deadlines{FirstByte: time.Minute, Idle: idle}); len(body) != drips || err != nil {
		t.Errorf("%q, %v", body, err)
	}
}

// The deadline of one exchange stays set on the idle connection and may pass there.
func TestPassedDeadlineDoesNotHurtTheNextExchange(t *testing.T) {
	t.Parallel()
	u := pooltest.Listen(t, pooltest.Always(pooltest.OKAnswer))
	tg := direct(t, u)
	if _, _, err := fetch(tg, post, Deadlines{FirstByte: 3 * time.Second}); err != nil {
		t.Fatal(err)
	}
	tg.mu.Lock()
	c := tg.idle[0]
	tg.mu.Unlock()
	pooltest.Eventually(t, "the deadline passes", func() bool { return tg.pool.now() > c.readAlarm.armed })
	for _, d := range []Deadlines{{}, {FirstByte: time.Minute}} {
		if _, _, err := fetch(tg, post, d); err != nil {
			t.Fatal(err)
		}
	}
	if s := tg.pool.Stats(); s.Dials != 1 {
		t.Errorf("%+v", s)
	}
}

// Until an answer has begun its head may be there for as long as that may take, and what comes before it be as far
// apart.
func TestBeginHasTheIdleTimeHold(t *testing.T) {
	const idle = 50 * time.Millisecond
	begun := make(chan bool)
	u := pooltest.Listen(t, func(p *pooltest.Peer) {
		p.Request()
		p.Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		time.Sleep(3 * idle)
		p.Say("1\r\nx\r\n")
		<-begun
		p.HangUp()
	})
	var call Call
	answer, err := direct(t, u).Do(&call, post, Deadlines{FirstByte: time.Minute, Idle: idle, UntilBegun: true})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Close()
	if p, err := answer.Next(); string(p) != "x" || err != nil {
		t.Fatalf("%q, %v", p, err)
	}
	answer.Begin()
	close(begun)
	if p, err := answer.Next(); kindOf(t, err) != IdleTimeout {
		t.Errorf("then %q, %v", p, err)
	}
}

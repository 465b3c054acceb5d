package breaker

import "testing"

const patience = int64(Patience)

func TestForceAsksWhatNobodyElseCanServe(t *testing.T) {
	mine, other, third := new(Client), new(Client), new(Client)
	once := Pause{Began: 100 * second, Until: 400 * second, Failures: 1}
	again := once
	again.Proven = true
	twice := once
	twice.Failures = 2
	held := once
	held.Held = 400 * second
	for _, test := range []struct {
		name   string
		pause  Pause
		before func(*Breaker)
		now    int64
		since  int64
		anyway bool
		want   State
		probed bool
	}{
		{name: "it failed once", pause: once, now: 101, want: Closed},
		{name: "it failed once and is asked by others", pause: once, now: 101, before: forces(101*second, mine, other), want: Closed},
		{name: "it failed while it was on", pause: again, now: 101, since: 101, want: HalfOpen},
		{name: "it failed twice", pause: twice, now: 101, since: 101, want: HalfOpen},
		{name: "a request from before it failed", pause: twice, now: 101, since: 99, want: Open},
		{name: "a request from before it failed, whatever comes", pause: twice, now: 101, since: 99, anyway: true, want: Closed},
		{name: "one of this client asks", pause: twice, now: 102, since: 102, before: forces(101*second, mine), want: Open, probed: true},
		{name: "one of another client asks", pause: twice, now: 102, since: 102, before: forces(101*second, other), want: HalfOpen},
		{name: "one of each of two others asks", pause: twice, now: 102, since: 102, before: forces(101*second, other, third), want: Open, probed: true},
		{name: "one of this client has asked for long", pause: twice, now: 107, since: 107, before: forces(101*second, mine), want: HalfOpen},
		{name: "one of this client has asked and told nothing", pause: twice, now: 102, since: 102, before: func(b *Breaker) {
			forces(101*second, mine)(b)
			b.Release(101*second, mine)
		}, want: HalfOpen},
		{name: "its time is over", pause: twice, now: 400, since: 99, want: HalfOpen},
		{name: "its time is over, and others probe", pause: twice, now: 401, since: 99, before: func(b *Breaker) {
			b.Take(400*second, other)
			b.Take(400*second, third)
		}, want: Open, probed: true},
		{name: "the provider keeps it away", pause: held, now: 101, since: 101, anyway: true, want: Open},
		{name: "the provider keeps it away for a minute", pause: held, now: 160, since: 160, want: HalfOpen},
		{name: "it has been asked in this minute", pause: held, now: 190, since: 190, before: forces(160*second, mine), want: Open},
		{name: "it has been asked in the last", pause: held, now: 220, since: 220, before: forces(160*second, mine), want: HalfOpen},
	} {
		for _, whom := range []*Client{nil, mine} {
			if whom != nil && test.before != nil && test.want != Closed {
				continue // others have no part in what rests for one alone
			}
			b, p := newBreaker(), test.pause
			p.Sure = whom == nil
			b.Failed(&p, whom, second)
			if test.before != nil {
				test.before(b)
			}
			may, probed := b.MayForce(test.now*second, mine, test.since*second, test.anyway)
			if may != (test.want != Open) || probed != test.probed {
				t.Errorf("%s, for all %v: it may %v, probed %v", test.name, whom == nil, may, probed)
			}
			if got, probed := b.Force(test.now*second, mine, test.since*second, test.anyway); got != test.want || probed != test.probed {
				t.Errorf("%s, for all %v: %v, probed %v; want %v, %v", test.name, whom == nil, got, probed, test.want, test.probed)
			}
		}
	}
	var none *Breaker
	if s, _ := none.Force(second, mine, second, false); s != Closed {
		t.Error("none at all is not closed")
	}
}

// forces has clients ask by force at a moment.
func forces(at int64, clients ...*Client) func(*Breaker) {
	return func(b *Breaker) {
		for _, c := range clients {
			b.Force(at, c, at, false)
		}
	}
}

func TestFailuresInARowAreThoseOfProbes(t *testing.T) {
	mine := new(Client)
	for _, test := range []struct {
		name    string
		at, now int64 // of the attempt that fails
		want    int
	}{
		{"one that was under way", 99, 120, 2},
		{"one that was under way for long", 99, 500, 2},
		{"one that was asked while it rests", 150, 160, 2},
		{"one that was asked while it rested, and took its time", 150, 201, 3},
		{"the probe", 200, 201, 3},
		{"one when all is long over", 1000, 1001, 0},
	} {
		for _, sure := range []bool{true, false} {
			b := newBreaker()
			b.Failed(&Pause{Began: 100 * second, Until: 200 * second, Failures: 3, Sure: sure}, mine, 99*second)
			if got := b.Failures(test.now*second, test.at*second, mine); got != test.want {
				t.Errorf("%s, for all %v: %d before it, want %d", test.name, sure, got, test.want)
			}
		}
	}
	if got := newBreaker().Failures(second, second, mine); got != 0 {
		t.Errorf("what never failed has failed %d times", got)
	}
}

func TestGuessMakesNothingLonger(t *testing.T) {
	mine := new(Client)
	for _, guess := range []bool{true, false} {
		b := newBreaker()
		b.Failed(&Pause{Began: 10 * second, Until: 20 * second, Sure: true, Failures: 1}, mine, 9*second)
		b.Failed(&Pause{Began: 15 * second, Until: 30 * second, Sure: true, Failures: 1, Guess: guess}, mine, 12*second)
		v, want := b.Look(16*second, mine), 30*second
		if guess {
			want = 20 * second
		}
		if v.Until != want {
			t.Errorf("a guess %v: it rests until %d s", guess, v.Until/second)
		}
		if s, _ := b.Force(16*second, mine, 16*second, false); s != HalfOpen {
			t.Error("what failed while it was on is asked by all")
		}
	}
}

func TestWhatIsWokenIsClosed(t *testing.T) {
	mine := new(Client)
	for whom, b := range map[string]*Breaker{"all": paused(), "this client": pausedFor(mine)} {
		if !b.Wake() || b.Wake() || b.Take(2*second, mine) != Closed {
			t.Errorf("paused for %s: %+v after it was woken", whom, b.Look(2*second, mine))
		}
		b.Failed(&Pause{Began: 3 * second, Until: 4 * second}, mine, 2*second)
		if b.Take(3*second, mine) != Open {
			t.Error("it does not rest again")
		}
		b.Wake()
	}
	var none *Breaker
	if none.Wake() {
		t.Error("none at all was open")
	}
}

func TestProbesByForceAreAlone(t *testing.T) {
	b, mine := newBreaker(), new(Client)
	b.begin(&Pause{Began: second, Until: 1 << 60, Failures: 2})
	for round := range int64(50) {
		at, probes := 2*second+round*(patience+1), make(chan bool, 8)
		concurrently(8, func(int) {
			s, _ := b.Force(at, mine, at, false)
			probes <- s == HalfOpen
		})
		n := 0
		for range 8 {
			if <-probes {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("%d ask at a time", n)
		}
	}
}

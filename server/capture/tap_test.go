package capture

import (
	"bytes"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"uniapi/server/budget"
)

// lines are headers: names and values in turn.
func lines(all ...string) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for i := 0; i+1 < len(all); i += 2 {
			if !yield([]byte(all[i]), []byte(all[i+1])) {
				return
			}
		}
	}
}

func tap(memory int64) (*Tap, *budget.Budget) {
	b := budget.New(memory)
	return New(time.Now(), b, new(budget.Share)), b
}

func body(t testing.TB, m *Message) string {
	t.Helper()
	all, err := m.Body()
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

func TestTapKeepsAllFourSidesInTheirOrder(t *testing.T) {
	tap, memory := tap(64 << 20)
	tap.Client().Request("POST", "/v1/chat/completions?key=sk-1&alt=sse", lines("Content-Type", "application/json", "Authorization", "Bearer sk-1"))
	tap.Client().Add([]byte("asked"))
	first := tap.Try("a", "m1", "openai", 1)
	first.Ask.Request("POST", "https://a.example/v1", lines())
	first.Failed("refused", "dial")
	second := tap.Try("b", "m2", "anthropic", 1)
	second.Ask.Add([]byte("translated"))
	second.Answered(200, lines("X-Ratelimit-Remaining-Tokens", "7", "Set-Cookie", "a=b"))
	second.Answers.Add([]byte("one"))
	second.Answers.Add([]byte("two\xff"))
	tap.Answer().Answer(200, lines())
	tap.Answer().Add([]byte("got"))
	e := tap.Exchange()
	if got := e.Client.Request; got.URL != "/v1/chat/completions?key=…&alt=sse" || got.Headers[0].Value != "application/json" || got.Headers[1].Value != hidden || body(t, got) != "asked" {
		t.Errorf("the client's request is %+v", got)
	}
	if got := e.Attempts; len(got) != 2 || got[0].Error != "refused" || got[0].Answer != nil || got[0].Request.URL != "https://a.example/v1" {
		t.Errorf("attempts are %+v", got)
	}
	if got := e.Attempts[1].Answer; got.Headers[0].Value != "7" || got.Headers[1].Value != hidden || len(got.Pieces) != 2 || got.Pieces[1].Data == "" || body(t, got) != "onetwo\xff" {
		t.Errorf("the answer is %+v", got)
	}
	if body(t, e.Client.Answer) != "got" {
		t.Errorf("the client got %+v", e.Client.Answer)
	}
	tap.End()
	tap.Answer().Add([]byte("late"))
	if body(t, tap.Exchange().Client.Answer) != "got" || memory.Taken() != 0 {
		t.Errorf("after the end %d bytes are held", memory.Taken())
	}
}

func TestTapIsBounded(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 3*mostOfBody/2)
	for name, test := range map[string]struct {
		memory int64
		tries  int
		piece  int
		check  func(e *Exchange, all int) bool
	}{
		"a body": {64 << 20, 1, len(long), func(e *Exchange, all int) bool { return all == mostOfBody }},
		"pieces": {64 << 20, 1, 16, func(e *Exchange, all int) bool {
			return all == mostOfBody && len(e.Attempts[0].Answer.Pieces) == mostPieces
		}},
		"all":      {64 << 20, mostTries, len(long), func(e *Exchange, all int) bool { return all == mostOfAll }},
		"attempts": {64 << 20, mostTries + 3, len(long), func(e *Exchange, all int) bool { return len(e.Attempts) == mostTries && e.More == 3 }},
		"memory":   {1 << 20, 1, 1 << 10, func(e *Exchange, all int) bool { return all > 0 && timesHeld*all <= 1<<20 }},
	} {
		tap, memory := tap(test.memory)
		for range test.tries {
			if a := tap.Try("a", "m", "openai", 1); a != nil {
				a.Answered(200, lines())
				for piece := range bytesIn(long, test.piece) {
					a.Answers.Add(piece)
				}
			}
		}
		e, all := tap.Exchange(), 0
		for _, a := range e.Attempts {
			all += len(body(t, a.Answer))
			if !a.Answer.Cut || a.Answer.Bytes != int64(len(long)) {
				t.Errorf("%s: cut is %v, of %d bytes", name, a.Answer.Cut, a.Answer.Bytes)
			}
		}
		if !test.check(e, all) {
			t.Errorf("%s: %d bytes are kept of %d attempts", name, all, len(e.Attempts))
		}
		if tap.End(); memory.Taken() != 0 || memory.Refused() != 0 {
			t.Errorf("%s: %d bytes are held, %d refused", name, memory.Taken(), memory.Refused())
		}
	}
}

// bytesIn is a text in pieces of n bytes.
func bytesIn(text []byte, n int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(text) > 0 {
			piece := text[:min(n, len(text))]
			if text = text[len(piece):]; !yield(piece) {
				return
			}
		}
	}
}

func TestTapMayBeToldFromSeveralGoroutines(t *testing.T) {
	tap, _ := tap(64 << 20)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			a := tap.Try("a", "m", "openai", 1)
			a.Ask.Request("POST", "/", lines("a", "b"))
			for range 100 {
				a.Ask.Add([]byte("0123456789"))
			}
			a.Answered(200, lines())
			a.Failed("no", "")
			tap.Exchange()
		})
	}
	all.Wait()
	for _, a := range tap.Exchange().Attempts {
		if len(body(t, a.Request)) != 1000 || a.Error != "no" {
			t.Errorf("%d bytes, error %q", len(body(t, a.Request)), a.Error)
		}
	}
}

func TestSecretsAreTakenOutOfAnExchangeAlsoAcrossPieces(t *testing.T) {
	const secret = "sk-a-planted-secret"
	clean := func(text string) string { return strings.ReplaceAll(text, secret, "***") }
	for name, pieces := range map[string][]string{
		"in a piece":          {"before", "it is " + secret + ".", "behind"},
		"across two":          {"it is sk-a-pla", "nted-secret."},
		"a character a piece": strings.Split("it is "+secret, ""),
	} {
		tap, _ := tap(64 << 20)
		tap.Client().Request("POST", "/?q="+secret, lines("X-Note", secret))
		a := tap.Try("a", "m", "openai", 1)
		a.Failed("said "+secret, "")
		a.Ask.Request("POST", "/", lines())
		for _, p := range pieces {
			a.Ask.Add([]byte(p))
			tap.Answer().Add([]byte(p))
		}
		e := tap.Exchange()
		e.Clean(clean)
		text, err := e.JSON()
		if err != nil || strings.Contains(string(text), secret) {
			t.Errorf("%s: %v: %s", name, err, text)
		}
		for _, m := range []*Message{e.Attempts[0].Request, e.Client.Answer} {
			if got, want := body(t, m), clean(strings.Join(pieces, "")); got != want {
				t.Errorf("%s: the body is %q, want %q", name, got, want)
			}
		}
	}
}

func TestNilTapCollectsNothing(t *testing.T) {
	var none *Tap
	none.Try("a", "m", "openai", 1).Failed("why", "")
}

// TestTapHoldsWhatItTakes has exchanges of which next to nothing is the bodies' bytes: what the tap has, and what is
// made of it, is held.
func TestTapHoldsWhatItTakes(t *testing.T) {
	many := make([]string, 0, 400)
	for range cap(many) / 2 {
		many = append(many, "X-A", "b")
	}
	for name, fill := range map[string]func(*Recording){
		"pieces": func(r *Recording) {
			for range mostPieces {
				r.Add([]byte("x"))
			}
		},
		"headers": func(r *Recording) { r.Answer(200, lines(many...)) },
		"both": func(r *Recording) {
			r.Answer(200, lines(many...))
			for range mostPieces {
				r.Add([]byte("\xff"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			heap := func() int64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				return int64(m.HeapAlloc)
			}
			before := heap()
			tap, memory := tap(1 << 30)
			fill(tap.Client())
			fill(tap.Answer())
			for range mostTries {
				a := tap.Try("a", "m", "openai", 1)
				a.Answered(200, lines())
				fill(&a.Ask)
				fill(&a.Answers)
			}
			e := tap.Exchange()
			text, err := e.JSON()
			if err != nil {
				t.Fatal(err)
			}
			took := heap() - before
			runtime.KeepAlive(text)
			runtime.KeepAlive(e)
			if held := memory.Taken() + budget.Free; took > held || held > 8*took {
				t.Errorf("%d bytes are held for %d", held, took)
			}
			tap.End()
		})
	}
	tap, _ := tap(64 << 10)
	tap.Client().Request("POST", "/v1", lines(many...))
	if got := tap.Exchange().Client.Request; got.Headers != nil || !got.Cut || got.URL != "/v1" {
		t.Errorf("without room %d headers are kept of %+v", len(got.Headers), got.URL)
	}
}

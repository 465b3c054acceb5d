package usage

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestCreditsCannotBeOverspentByMoreThanWhatIsInFlight(t *testing.T) {
	b := open(t, Options{Memory: true})
	credits := int64(1_000_000)
	k := configure(t, b, &credits, nil)
	const each, atOnce = 1_000, 50
	var all sync.WaitGroup
	var served, spent atomic.Int64
	gate := make(chan struct{}, atOnce)
	for range 10_000 {
		all.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if !reserve(k, each/10) {
				return
			}
			served.Add(1)
			spent.Add(each)
			k.Settle(each/10, each)
		})
	}
	all.Wait()
	if over := spent.Load() - credits; over < 0 || over > atOnce*each {
		t.Errorf("%d requests spent %d of %d", served.Load(), spent.Load(), credits)
	}
	if k.account.Reserved() != 0 || !k.OutOfCredit() {
		t.Errorf("%d are still reserved; broke: %v", k.account.Reserved(), k.OutOfCredit())
	}
}

func TestCreditsRunOutAndCanBeAdded(t *testing.T) {
	dir := t.TempDir()
	b := open(t, Options{Dir: dir})
	credits := int64(1_500_000_000)
	k := configure(t, b, &credits, nil)
	spend := func() bool {
		if !reserve(k, 1000) {
			return false
		}
		k.Series("p", "m", "e").Record(sample(1, 1_000_000_000))
		k.Settle(1000, 1_000_000_000)
		return true
	}
	if first, second, third := spend(), spend(), spend(); !first || !second || third {
		t.Fatal("two dollars of one and a half may be spent, since the second began in time, and no third")
	}
	if _, known, err := b.AddCredits("sk-unknown", Correction{Nano: 1}); known || err != nil {
		t.Errorf("an unknown key: %v, %v", known, err)
	}
	state, known, err := b.AddCredits(secret, Correction{Nano: 5_000_000_000})
	if !known || err != nil || !state.Enabled || state.Balance != 4_500_000_000 {
		t.Fatalf("%+v, %v, %v", state, known, err)
	}
	b.Close()
	b = open(t, Options{Dir: dir})
	k = configure(t, b, &credits, nil)
	if state, _ := b.State(secret); state.Cost != 2 || state.Balance != 4_500_000_000 || !spend() {
		t.Errorf("after a restart: %+v", state)
	}
	later := time.Now().Add(time.Hour)
	configure(t, b, &credits, &later)
	if state, _ := b.State(secret); state.Cost != 0 {
		t.Errorf("what was spent before created_at counts: %+v", state)
	}
	for range 10 {
		if !spend() {
			t.Fatal("what is spent before created_at counts")
		}
	}
	if state, _ := b.State(secret); state.Spent != 0 || state.Reserved != 0 {
		t.Errorf("what is spent before created_at counts: %+v", state)
	}
	none := int64(0)
	if k := configure(t, b, &none, nil); reserve(k, 0) || !k.OutOfCredit() {
		t.Error("credits: 0 does not block")
	}
}

func TestOnlyTheLast30DaysCountWhereCreatedAtDoesNotSay(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		credits := int64(100)
		k := configure(t, b, &credits, nil)
		for range 40 {
			k.Series("p", "m", "e").Record(sample(1, 3))
			k.Spend(3)
			flush(t, b)
			c.advance(24 * time.Hour)
			b.renew()
		}
		if n := k.account.Spent(); n < 29*3 || n > 31*3 || k.account.Reserved() != 0 || k.OutOfCredit() {
			t.Errorf("%d of 120 are counted", n)
		}
	})
}

func TestNewCreatedAtCountsWhatWasSpentSinceThenWhileRequestsAreInFlight(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		credits, begun := int64(1000), c.now()
		k := configure(t, b, &credits, &begun)
		for range 10 {
			k.Series("p", "m", "e").Record(sample(1, 5))
			k.Spend(5)
			flush(t, b)
			c.advance(6 * time.Hour)
		}
		if !reserve(k, 7) {
			t.Fatal("a key with credit is refused")
		}
		for _, test := range []struct {
			after time.Duration
			want  int64
		}{{24 * time.Hour, 30}, {0, 50}, {48 * time.Hour, 10}, {1000 * time.Hour, 0}, {-time.Hour, 50}} {
			since := begun.Add(test.after)
			configure(t, b, &credits, &since)
			if state, _ := b.State(secret); state.Spent != test.want || state.Reserved != 7 || state.Balance != 1000-test.want {
				t.Errorf("created %v later: %+v, want %d spent", test.after, state, test.want)
			}
		}
		k.Settle(7, 9)
		if state, _ := b.State(secret); state.Spent != 59 || state.Reserved != 0 {
			t.Errorf("%+v", state)
		}
	})
}

func TestEveryKeyIsToldWhatItUsedSinceItsOwnCreatedAt(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		first := c.now()
		var terms []Terms
		for i, key := range []string{"sk-a", "sk-b", "sk-c"} { // they look alike when they are masked
			since := first.Add(time.Duration(i) * 24 * time.Hour)
			terms = append(terms, Terms{Secret: key, Alias: key, CreatedAt: &since})
		}
		for range 4 {
			for _, key := range terms {
				b.Key(key.Secret).Series("p", "m", "e").Record(sample(10, 5))
			}
			flush(t, b)
			c.advance(24 * time.Hour)
		}
		if err := b.Configure(terms); err != nil {
			t.Fatal(err)
		}
		states := b.KeyStates(false)
		if len(states) != len(terms) {
			t.Errorf("%d states: %v", len(states), states)
		}
		for _, s := range states {
			want := map[string]int64{"sk-a": 4, "sk-b": 3, "sk-c": 2}[s.Alias]
			if len(s.Tokens) != 1 || s.Tokens[0].Requests != want || s.Spent != 5*want {
				t.Errorf("%s: %+v, want %d requests", s.Alias, s, want)
			}
		}
	})
}

// TestCorrectionsAreKept takes credits back, and reads what was done after a restart.
func TestCorrectionsAreKept(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		credits := int64(1000)
		k := configure(t, b, &credits, nil)
		for _, nano := range []int64{500, -300, 7} { // at one moment
			if _, known, err := b.AddCredits(secret, Correction{Nano: nano, By: "an admin", Note: "a note"}); !known || err != nil {
				t.Fatal(known, err)
			}
		}
		_, _, err := b.AddCredits(secret, Correction{Nano: -208})
		if tooMuch, is := errors.AsType[*TooMuchTakenBack](err); !is || tooMuch.Added != 207 {
			t.Errorf("more than was added: %v", err)
		}
		if state, _ := b.State(secret); state.Balance != 1207 || k.OutOfCredit() {
			t.Errorf("%+v", state)
		}
		list, known, err := b.Corrections(secret)
		var got []int64
		for _, done := range list {
			got = append(got, done.Nano, done.Total)
		}
		if !known || err != nil || !slices.Equal(got, []int64{500, 500, -300, 200, 7, 207}) || list[1].By != "an admin" || list[1].Note != "a note" || !list[1].At.Equal(c.now()) {
			t.Errorf("%v, %v, %+v", known, err, list)
		}
		if _, known, _ := b.Corrections("sk-unknown"); known {
			t.Error("an unknown key is known")
		}
	})
}

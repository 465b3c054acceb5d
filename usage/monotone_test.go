package usage

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"uniapi/codec/saturate"
	"uniapi/config"
)

// amounts are what a count of a hostile provider, or of a damaged ledger, may be.
var amounts = []int64{math.MinInt64, -1, 0, 1, 1000, 1 << 40, 1e18 - 1, math.MaxInt64 / 2, math.MaxInt64 - 1, math.MaxInt64}

// status is everything that must never become less while a key spends.
func status(t *testing.T, b *Books, c *clock) (list []int64) {
	t.Helper()
	for _, u := range b.TokenUsage(secret, "", time.Unix(0, 0), c.now().Add(time.Hour)) {
		list = append(list, u.Prompt, u.Completion, u.Total, u.Requests, u.Cached, u.Reasoning)
	}
	state, _ := b.State(secret)
	account := b.Key(secret).account
	list = append(list, state.Spent, saturate.Add(account.Spent(), account.Reserved()))
	all, _ := b.Totals()
	for _, total := range all {
		list = append(list, total.Requests, total.Tokens.Prompt, total.Tokens.Completion, total.Tokens.Cached, total.Tokens.CacheWrite, total.Cost)
	}
	lines, err := b.Timeline(c.now().Add(-40*24*time.Hour), c.now(), 24*time.Hour, ByKey, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		list = append(list, l.Total.Prompt, l.Total.Completion, l.Total.Requests, int64(l.Total.Cost))
	}
	return list
}

// FuzzSpending takes three bytes a step: what happens, and which two of the amounts.
func FuzzSpending(f *testing.F) {
	f.Add([]byte{0, 6, 6, 0, 6, 6, 1, 0, 0, 0, 9, 9, 2, 0, 0, 0, 9, 9, 3, 9, 9})
	f.Add([]byte{0, 0, 1, 3, 9, 0, 3, 0, 9, 1, 0, 0, 2, 1, 1, 4, 9, 0, 0, 9, 9, 0, 9, 9, 0, 9, 9, 2, 0, 0})
	f.Fuzz(func(t *testing.T, steps []byte) {
		c := newClock()
		b := open(t, Options{Memory: true, Now: c.now})
		credits, begun := int64(1e18), c.now()
		k := configure(t, b, &credits, &begun)
		prices := NewPrices(&config.Config{})
		before, broke := []int64(nil), false
		for len(steps) >= 3 && len(before) < 1000 {
			x, y := amounts[int(steps[1])%len(amounts)], amounts[int(steps[2])%len(amounts)]
			switch steps[0] % 5 {
			case 0: // a request
				tokens := Tokens{Prompt: x, Cached: y, CacheWrite: x, Completion: y, Reasoning: x}
				cost := Cost(prices.Of(nil, "m", "").Price, tokens)
				reserved := reserve(k, y)
				k.Series("p", "m", "e").Record(Sample{Success: true, Tokens: tokens, Cost: cost, TTFT: time.Duration(x), Duration: time.Duration(y)})
				if reserved {
					k.Settle(y, cost)
				} else {
					k.Spend(cost)
				}
			case 1:
				flush(t, b)
				c.advance(time.Minute)
			case 2:
				flush(t, b)
				c.advance(25 * time.Hour)
				flush(t, b)
			case 3: // one whose cost is none that a price gives
				k.Spend(x)
			case 4:
				if y > 0 {
					b.AddCredits(secret, Correction{Nano: y})
					broke = false
				}
			}
			steps = steps[3:]
			now := status(t, b, c)
			for i, n := range now {
				if n < 0 || len(now) == len(before) && n < before[i] {
					t.Fatalf("number %d went from %v to %v", i, before, now)
				}
			}
			if broke && !k.OutOfCredit() {
				t.Fatal("a key whose credits are used up may spend again")
			}
			before, broke = now, k.OutOfCredit()
			if state, _ := b.State(secret); state.Reserved != 0 && state.Spent < math.MaxInt64/2 {
				t.Fatalf("%d are reserved by nobody", state.Reserved)
			}
		}
	})
}

func TestTwoAnswersThatClaimTooMuchLeaveAKeyOutOfCredit(t *testing.T) {
	everywhere(t, func(t *testing.T, b *Books, c *clock) {
		credits, begun := int64(1_000_000_000), c.now()
		k := configure(t, b, &credits, &begun)
		prices := NewPrices(&config.Config{Preferences: config.Preferences{ModelPrice: []config.ModelPrice{{Prefix: "default", Price: config.Price{Input: 1e12, Output: 1e12}}}}})
		huge := Tokens{Prompt: 1e18 - 1, Completion: 1e18 - 1}
		for range 1000 {
			cost := Cost(prices.Of(nil, "m", "").Price, huge)
			k.Series("p", "m", "e").Record(Sample{Success: true, Tokens: huge, Cost: cost})
			k.Spend(cost)
		}
		flush(t, b)
		for range 2 { // as it is, and as another process adds it up
			if state, _ := b.State(secret); state.Spent != math.MaxInt64 || state.Balance >= 0 || state.Enabled || reserve(k, 1) {
				t.Fatalf("%+v", state)
			}
			k.account.Begin(k.account.Since(), math.MinInt64)
			b.load(map[*Key]int64{k: k.account.Since()})
		}
	})
}

func TestRowsOfTheLedgerThatAreTooLargeAddUpToTheEnd(t *testing.T) {
	sum := rows{}
	for range 3 {
		of := rows{}
		for i := range of.at(1).Row {
			of.at(1).Row[i] = math.MaxInt64
		}
		for which := range histogramCount {
			of.at(1).histogram(which)[5] = math.MaxInt64
		}
		if err := new(decoder).add(of.encode(), allColumns, sum.at); err != nil {
			t.Fatal(err)
		}
	}
	c := sum.at(1)
	for i, n := range c.Row {
		if n != math.MaxInt64 {
			t.Errorf("field %d is %d", i, n)
		}
	}
	if d := c.histograms[duration].Quantile(0.5); d < 0 || c.histograms[duration][5] != math.MaxInt64 {
		t.Errorf("the median is %v", d)
	}
	addresses := addresses{}
	one := append(binary.AppendUvarint([]byte{1, 'a'}, math.MaxInt64), 0)[:11]
	for range 2 {
		if err := addresses.add(one); err != nil || addresses["a"] != math.MaxInt64 {
			t.Errorf("an address has %d requests, %v", addresses["a"], err)
		}
	}
	for nano, want := range map[int64]string{math.MinInt64: "$-9223372036.854775808", math.MaxInt64: "$9223372036.854775807"} {
		if got := Dollars(nano); got != want {
			t.Errorf("%d is %s", nano, got)
		}
	}
}

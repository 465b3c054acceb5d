package usage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"uniapi/codec/saturate"
	"uniapi/config"
)

// TokenUsage is a line of /v1/token_usage.
type TokenUsage struct {
	Key        string `json:"api_key_prefix"`
	Model      string `json:"model"`
	Prompt     int64  `json:"total_prompt_tokens"`
	Completion int64  `json:"total_completion_tokens"`
	Total      int64  `json:"total_tokens"`
	Requests   int64  `json:"request_count"`
	Cached     int64  `json:"total_cached_tokens"`
	Reasoning  int64  `json:"total_reasoning_tokens"`
	Cost       string `json:"cost"`
	// DefaultPrice is that today some provider has the model at the default price; the books do not know it.
	DefaultPrice bool `json:"default_price,omitempty"`
}

// tokenColumns are what a TokenUsage is made of.
var tokenColumns = columnsOf(requests, failures, promptTokens, completionTokens, cachedTokens, reasoningTokens, cost)

// keyModel is what tokens are added up by: the hash of a client key and a model.
type keyModel struct{ key, model string }

func (k keyModel) compare(o keyModel) int {
	if n := cmp.Compare(k.key, o.key); n != 0 {
		return n
	}
	return cmp.Compare(k.model, o.model)
}

// TokenUsage adds up the tokens by key and model, of one key or of all (secret ""), of one model or of all. The ledger
// has minutes for two days; before, the range begins and ends with a whole hour, and with a whole day where only days
// are left.
func (st Statistics) TokenUsage(secret, model string, from, to time.Time) []TokenUsage {
	only := ""
	model = boundedWord(model)
	if secret != "" {
		only = hashOf(secret)
	}
	var all sums[keyModel]
	st.read(func(v View) error {
		t := newTally(tokenColumns, func(n Name) (keyModel, bool) {
			return keyModel{n.Who, n.Model}, n.Model != "" && (only == "" || n.Who == only) && (model == "" || n.Model == model)
		})
		all = t.sums
		return t.scan(v, ofRequests, from.Unix(), minuteOf(to)+minute, day)
	}, ofRequests)
	return st.books.tokenUsage(all)
}

func (b *Books) tokenUsage(all sums[keyModel]) []TokenUsage {
	list := make([]TokenUsage, 0, len(all))
	names := make(map[string]string)
	for _, sum := range all.sorted(keyModel.compare) {
		k, r := sum.key, &sum.Row
		if r[requests] == r[failures] && r[promptTokens]|r[completionTokens]|r[cost] == 0 {
			continue // nothing came of them
		}
		if names[k.key] == "" {
			names[k.key] = b.shown(k.key)
		}
		list = append(list, TokenUsage{
			names[k.key], k.model, r[promptTokens], r[completionTokens], saturate.Add(r[promptTokens], r[completionTokens]), r[requests] - r[failures],
			r[cachedTokens], r[reasoningTokens], Dollars(r[cost]), false,
		})
	}
	return list
}

// shown is how a key is told by its hash; one that is no longer configured is told by that.
func (b *Books) shown(hash string) string {
	if t := b.termsOf(hash); t != nil {
		return shown(t.Secret)
	}
	return hash
}

// alias is how a key is told in logs and on pages.
func (b *Books) alias(hash string) string {
	if t := b.termsOf(hash); t != nil {
		return t.Alias
	}
	return hash
}

// termsOf are the terms of a key by its hash; nil if it is not configured.
func (b *Books) termsOf(hash string) *Terms {
	b.mu.Lock()
	defer b.mu.Unlock()
	if k := b.keys[hash]; k != nil {
		return k.terms.Load()
	}
	return nil
}

// Dollars writes nano-dollars: "$1.25", and "$-1.25" as uni-api does, so that what stands behind the first character is
// a number.
func Dollars(nano int64) string {
	sign, amount := "", uint64(nano)
	if nano < 0 {
		sign, amount = "-", -amount
	}
	text := fmt.Sprintf("$%s%d.%09d", sign, amount/1e9, amount%1e9)
	for n := 0; n < 7 && text[len(text)-1] == '0'; n++ { // two decimals stay
		text = text[:len(text)-1]
	}
	return text
}

// KeyState is an entry of /v1/api_keys_states.
type KeyState struct {
	Alias     string       `json:"alias"`
	Credits   float64      `json:"credits"` // dollars; -1 is unlimited
	Added     float64      `json:"added_credits"`
	CreatedAt string       `json:"created_at"`
	Tokens    []TokenUsage `json:"all_tokens_info"`
	Cost      float64      `json:"total_cost"`
	Enabled   bool         `json:"enabled"`
	RenewedAt string       `json:"credits_renewed_at,omitempty"` // when they begin anew; "" is never

	Granted int64 `json:"-"` // nano-dollars that it may spend in all; 0 if unlimited
	Balance int64 `json:"-"` // nano-dollars that are left; 0 if unlimited
	Spent   int64 `json:"-"` // nano-dollars
	// Reserved is what requests in flight have taken out of Balance until they end, in nano-dollars; 0 when there are
	// none.
	Reserved int64 `json:"-"`
}

// KeyStates tells of every configured key, by itself if reveal is set, else by how it is shown. Keys that look the same
// are told apart by a piece of their hash.
func (b *Books) KeyStates(reveal bool) map[string]KeyState {
	b.mu.Lock()
	keys := slices.Collect(maps.Values(b.keys))
	b.mu.Unlock()
	starts, alike := make(map[string]int64), make(map[string]int)
	for _, k := range keys {
		if t := k.terms.Load(); t != nil {
			starts[k.hash] = b.startOf(t)
			alike[shown(t.Secret)]++
		}
	}
	byKey := make(map[string]sums[keyModel])
	b.read(func(v View) error {
		all, err := sinceOf(v, ofRequests, tokenColumns, starts, func(n Name) (keyModel, bool) { return keyModel{n.Who, n.Model}, n.Model != "" })
		for k, c := range all {
			if byKey[k.key] == nil {
				byKey[k.key] = sums[keyModel]{}
			}
			byKey[k.key][k] = c
		}
		return err
	}, ofRequests)
	states := make(map[string]KeyState, len(starts))
	for _, k := range keys {
		t := k.terms.Load()
		if _, asked := starts[k.hash]; !asked || t == nil {
			continue
		}
		state, label := b.state(k, t), shown(t.Secret)
		if reveal {
			label = t.Secret
		} else if alike[label] > 1 {
			label += "#" + k.hash[:6]
		}
		state.Tokens = b.tokenUsage(byKey[k.hash])
		states[label] = state
	}
	return states
}

// State tells of one key.
func (b *Books) State(secret string) (state KeyState, known bool) {
	k := b.Key(secret)
	t := k.terms.Load()
	if t == nil {
		return state, false
	}
	return b.state(k, t), true
}

func (b *Books) state(k *Key, t *Terms) KeyState {
	spent := k.spent()
	s := KeyState{Alias: t.Alias, Credits: -1, Added: dollars(k.added()), CreatedAt: b.since(t).Format(time.RFC3339),
		Cost: dollars(spent), Enabled: !k.OutOfCredit() && t.Access.Over(b.options.Now()) == config.NotDenied, Spent: spent, Reserved: k.account.Reserved()}
	if t.Credits != nil {
		s.Credits = dollars(*t.Credits)
		s.Granted = k.limit(t)
		s.Balance = saturate.Sub(s.Granted, spent)
		if t.Renews != nil {
			_, to := t.Renews.Period(b.options.Now())
			s.RenewedAt = to.Format(time.RFC3339)
		}
	}
	return s
}

func dollars(nano int64) float64 { return float64(nano) / 1e9 }

package usage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Stats is the answer of /v1/stats (behaviour 11.7).
type Stats struct {
	TimeRange    string         `json:"time_range"`
	ChannelModel []SuccessRate  `json:"channel_model_success_rates"`
	Channel      []SuccessRate  `json:"channel_success_rates"`
	Models       []ModelCount   `json:"model_request_counts"`
	Endpoints    []EndpointRate `json:"endpoint_request_counts"`
	Addresses    []AddressCount `json:"ip_request_counts"`
}

// SuccessRate is of the attempts at a provider, for one model or for all.
type SuccessRate struct {
	Provider string  `json:"provider"`
	Model    string  `json:"model,omitempty"`
	Rate     float64 `json:"success_rate"` // 0 to 1
	Total    int64   `json:"total_requests"`
}

// ModelCount is how many requests there were for a model.
type ModelCount struct {
	Model string `json:"model"`
	Count int64  `json:"count"`
}

// EndpointRate is how many requests there were at an endpoint, "POST /v1/chat/completions".
type EndpointRate struct {
	Endpoint string `json:"endpoint"`
	Count    int64  `json:"count"`
}

// AddressCount is how many requests came from an address.
type AddressCount struct {
	IP    string `json:"ip"`
	Count int64  `json:"count"`
}

// mostRows bounds the addresses in an answer.
const mostRows = 1000

// sums adds rows up by something.
type sums[K comparable] map[K]*Row

func (s sums[K]) add(k K, r *Row) {
	if s[k] == nil {
		s[k] = new(Row)
	}
	s[k].add(r)
}

// sorted gives the sums, most requests first.
func (s sums[K]) sorted(less func(a, b K) int) []K {
	return slices.SortedFunc(maps.Keys(s), func(a, b K) int {
		return cmp.Or(cmp.Compare(s[b][requests], s[a][requests]), less(a, b))
	})
}

// Stats tells of the last hours.
func (b *Books) Stats(hours int) *Stats {
	from := minuteOf(b.options.Now().Add(-time.Duration(hours) * time.Hour))
	type pair [2]string
	byPair, byProvider := sums[pair]{}, sums[string]{}
	b.each(ofAttempts, from, forever, func(_ int64, n name, r *Row) {
		byPair.add(pair{n.a, n.b}, r)
		byProvider.add(n.a, r)
	})
	byModel, byEndpoint, byAddress := sums[string]{}, sums[string]{}, sums[string]{}
	b.each(ofRequests, from, forever, func(_ int64, n name, r *Row) {
		byModel.add(n.c, r)
		byEndpoint.add(n.d, r)
	})
	b.each(ofClients, from, forever, func(_ int64, n name, r *Row) { byAddress.add(n.a, r) })

	s := &Stats{TimeRange: fmt.Sprintf("Last %d hours", hours), ChannelModel: []SuccessRate{}, Channel: []SuccessRate{},
		Models: []ModelCount{}, Endpoints: []EndpointRate{}, Addresses: []AddressCount{}}
	rate := func(provider, model string, r *Row) SuccessRate {
		return SuccessRate{provider, model, float64(r[requests]-r[failures]) / float64(max(r[requests], 1)), r[requests]}
	}
	for _, k := range byPair.sorted(func(a, b pair) int { return slices.Compare(a[:], b[:]) }) {
		s.ChannelModel = append(s.ChannelModel, rate(k[0], k[1], byPair[k]))
	}
	for _, k := range byProvider.sorted(cmp.Compare) {
		s.Channel = append(s.Channel, rate(k, "", byProvider[k]))
	}
	byRate := func(a, b SuccessRate) int { return cmp.Compare(b.Rate, a.Rate) }
	slices.SortStableFunc(s.ChannelModel, byRate)
	slices.SortStableFunc(s.Channel, byRate)
	for _, k := range byModel.sorted(cmp.Compare) {
		s.Models = append(s.Models, ModelCount{k, byModel[k][requests]})
	}
	for _, k := range byEndpoint.sorted(cmp.Compare) {
		s.Endpoints = append(s.Endpoints, EndpointRate{k, byEndpoint[k][requests]})
	}
	addresses := byAddress.sorted(cmp.Compare)
	for _, k := range addresses[:min(len(addresses), mostRows)] {
		s.Addresses = append(s.Addresses, AddressCount{k, byAddress[k][requests]})
	}
	return s
}

// TokenUsage is a line of /v1/token_usage (behaviour 10.5).
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
}

// TokenUsage adds up the tokens by key and model, of one key or of all (secret ""), of one model or of all.
func (b *Books) TokenUsage(secret, model string, from, to time.Time) []TokenUsage {
	only := ""
	if secret != "" {
		only = hashOf(secret)
	}
	type pair [2]string
	all := sums[pair]{}
	b.each(ofRequests, minuteOf(from), minuteOf(to)+1, func(_ int64, n name, r *Row) {
		if n.c != "" && (only == "" || n.a == only) && (model == "" || n.c == model) {
			all.add(pair{n.a, n.c}, r)
		}
	})
	list := []TokenUsage{}
	for _, k := range all.sorted(func(a, b pair) int { return slices.Compare(a[:], b[:]) }) {
		r := all[k]
		if r[requests] == r[failures] {
			continue // nothing came of them
		}
		list = append(list, TokenUsage{
			b.shown(k[0]), k[1], r[promptTokens], r[completionTokens], r[promptTokens] + r[completionTokens], r[requests] - r[failures],
			r[cachedTokens], r[reasoningTokens], Dollars(r[cost]),
		})
	}
	return list
}

// shown is how a key is told by its hash; one that is no longer configured is told by that.
func (b *Books) shown(hash string) string {
	b.mu.Lock()
	k := b.keys[hash]
	b.mu.Unlock()
	if k != nil {
		if t := k.terms.Load(); t != nil {
			return shown(t.Secret)
		}
	}
	return hash
}

// Dollars writes nano-dollars: "$1.25".
func Dollars(nano int64) string {
	sign := ""
	if nano < 0 {
		sign, nano = "-", -nano
	}
	text := fmt.Sprintf("%s$%d.%09d", sign, nano/1e9, nano%1e9)
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

	Balance int64 `json:"-"` // nano-dollars that are left; 0 if unlimited
	Spent   int64 `json:"-"` // nano-dollars
	// Reserved is what requests in flight have taken out of Balance until they end, in nano-dollars; 0 when there are none.
	Reserved int64 `json:"-"`
}

// KeyStates tells of every configured key, by how it is shown.
func (b *Books) KeyStates() map[string]KeyState {
	b.mu.Lock()
	keys := slices.Collect(maps.Values(b.keys))
	b.mu.Unlock()
	states := map[string]KeyState{}
	for _, k := range keys {
		if t := k.terms.Load(); t != nil {
			state := b.state(k, t)
			state.Tokens = b.TokenUsage(t.Secret, "", b.since(t.CreatedAt), b.options.Now())
			states[shown(t.Secret)] = state
		}
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
	spent := k.spent.Load()
	s := KeyState{Alias: t.Alias, Credits: -1, Added: dollars(k.added.Load()), CreatedAt: b.since(t.CreatedAt).Format(time.RFC3339),
		Cost: dollars(spent), Enabled: !k.Broke(), Spent: spent, Reserved: k.reserved.Load()}
	if t.Credits != nil {
		s.Credits = dollars(*t.Credits)
		s.Balance = *t.Credits + k.added.Load() - spent
	}
	return s
}

func dollars(nano int64) float64 { return float64(nano) / 1e9 }

// KeyRanking is an entry of /v1/channel_key_rankings.
type KeyRanking struct {
	Key     string  `json:"api_key"`
	Success int64   `json:"success_count"`
	Total   int64   `json:"total_requests"`
	Rate    float64 `json:"success_rate"`
}

// KeyRankings tells how the keys of a provider did.
func (b *Books) KeyRankings(provider string, from, to time.Time) []KeyRanking {
	byKey := sums[string]{}
	b.each(ofAttempts, minuteOf(from), minuteOf(to)+1, func(_ int64, n name, r *Row) {
		if n.a == provider {
			byKey.add(n.c, r)
		}
	})
	list := []KeyRanking{}
	for _, k := range byKey.sorted(cmp.Compare) {
		r := byKey[k]
		good := r[requests] - r[failures]
		list = append(list, KeyRanking{k, good, r[requests], float64(good) / float64(max(r[requests], 1))})
	}
	return list
}

package usage

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Stats is the answer of /v1/stats.
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

// sums are rows that were added up by something.
type sums[K comparable] map[K]*Counts

func (s sums[K]) add(k K, c *Counts) {
	if s[k] == nil {
		s[k] = new(Counts)
	}
	s[k].add(c)
}

// sum is one of sums.
type sum[K comparable] struct {
	key K
	*Counts
}

// sorted gives the sums, most requests first.
func (s sums[K]) sorted(compare func(a, b K) int) []sum[K] {
	list := make([]sum[K], 0, len(s))
	for k, c := range s {
		list = append(list, sum[K]{k, c})
	}
	slices.SortFunc(list, func(a, b sum[K]) int {
		if n := cmp.Compare(b.Row[requests], a.Row[requests]); n != 0 {
			return n
		}
		return compare(a.key, b.key)
	})
	return list
}

// by adds sums up by something less fine.
func by[K, L comparable](s sums[K], of func(K) L) sums[L] {
	out := sums[L]{}
	for k, c := range s {
		out.add(of(k), c)
	}
	return out
}

// Stats tells of the last hours.
func (st Statistics) Stats(hours int) *Stats {
	since := st.books.options.Now().Add(-time.Duration(hours) * time.Hour).Unix()
	type pair [2]string
	attempts, served, clients := sums[pair]{}, sums[pair]{}, sums[string]{}
	st.read(func(v View) error {
		tried := newTally(columnsOf(requests, failures), func(n Name) (pair, bool) { return pair{n.Provider, n.Model}, true })
		asked := newTally(columnsOf(requests), func(n Name) (pair, bool) { return pair{n.Model, n.Endpoint}, true })
		from := newTally(columnsOf(requests), func(n Name) (string, bool) { return n.Who, true })
		attempts, served, clients = tried.sums, asked.sums, from.sums
		if err := tried.scan(v, ofAttempts, since, v.End(), day); err != nil {
			return err
		}
		if err := asked.scan(v, ofChannels, since, v.End(), day); err != nil {
			return err
		}
		return from.scan(v, ofClients, since, v.End(), day)
	}, ofAttempts, ofChannels, ofClients)

	s := &Stats{TimeRange: fmt.Sprintf("Last %d hours", hours), ChannelModel: []SuccessRate{}, Channel: []SuccessRate{},
		Models: []ModelCount{}, Endpoints: []EndpointRate{}, Addresses: []AddressCount{}}
	for _, sum := range attempts.sorted(func(a, b pair) int { return slices.Compare(a[:], b[:]) }) {
		s.ChannelModel = append(s.ChannelModel, successRate(sum.key[0], sum.key[1], &sum.Row))
	}
	for _, sum := range by(attempts, func(k pair) string { return k[0] }).sorted(cmp.Compare) {
		s.Channel = append(s.Channel, successRate(sum.key, "", &sum.Row))
	}
	byRate := func(a, b SuccessRate) int { return cmp.Compare(b.Rate, a.Rate) }
	slices.SortStableFunc(s.ChannelModel, byRate)
	slices.SortStableFunc(s.Channel, byRate)
	for _, sum := range by(served, func(k pair) string { return k[0] }).sorted(cmp.Compare) {
		s.Models = append(s.Models, ModelCount{sum.key, sum.Row[requests]})
	}
	for _, sum := range by(served, func(k pair) string { return k[1] }).sorted(cmp.Compare) {
		s.Endpoints = append(s.Endpoints, EndpointRate{sum.key, sum.Row[requests]})
	}
	for address, c := range clients {
		s.Addresses = append(s.Addresses, AddressCount{address, c.Row[requests]})
	}
	slices.SortFunc(s.Addresses, func(x, y AddressCount) int { return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.IP, y.IP)) })
	s.Addresses = s.Addresses[:min(len(s.Addresses), mostRows)]
	return s
}

func successRate(provider, model string, r *Row) SuccessRate {
	return SuccessRate{provider, model, float64(r[requests]-r[failures]) / float64(max(r[requests], 1)), r[requests]}
}

// KeyRanking is an entry of /v1/channel_key_rankings.
type KeyRanking struct {
	Key     string  `json:"api_key"`
	Success int64   `json:"success_count"`
	Total   int64   `json:"total_requests"`
	Rate    float64 `json:"success_rate"`
}

// KeyRankings tells how the keys of a provider did.
func (st Statistics) KeyRankings(provider string, from, to time.Time) []KeyRanking {
	var byKey sums[string]
	provider = boundedWord(provider)
	st.read(func(v View) error {
		t := newTally(columnsOf(requests, failures), func(n Name) (string, bool) { return n.Who, n.Provider == provider })
		byKey = t.sums
		return t.scan(v, ofAttempts, from.Unix(), minuteOf(to)+minute, day)
	}, ofAttempts)
	list := []KeyRanking{}
	for _, sum := range byKey.sorted(cmp.Compare) {
		rate := successRate(provider, "", &sum.Row)
		list = append(list, KeyRanking{sum.key, rate.Total - sum.Row[failures], rate.Total, rate.Rate})
	}
	return list
}

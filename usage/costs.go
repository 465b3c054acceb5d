package usage

import "time"

// KeyCost is what a client key has used of a model.
type KeyCost struct {
	Key        string  `json:"key"`    // alias
	KeyID      string  `json:"key_id"` // a piece of its hash, which tells keys of one alias apart
	Model      string  `json:"model"`
	Requests   int64   `json:"requests"`
	Failures   int64   `json:"failures"`
	Prompt     int64   `json:"prompt_tokens"`
	Cached     int64   `json:"cached_tokens"`
	Completion int64   `json:"completion_tokens"`
	Dollars    float64 `json:"cost"`
}

var keyCostColumns = columnsOf(requests, failures, promptTokens, cachedTokens, completionTokens, cost)

// Costs adds up what client keys have used in [from, to), of one or of all (secret ""), by key and model. As in
// TokenUsage, what was long ago is known by whole days.
func (st Statistics) Costs(secret string, from, to time.Time) []KeyCost {
	only := ""
	if secret != "" {
		only = hashOf(secret)
	}
	var all sums[keyModel]
	st.read(func(v View) error {
		t := newTally(keyCostColumns, func(n Name) (keyModel, bool) { return keyModel{n.Who, n.Model}, only == "" || n.Who == only })
		all = t.sums
		return t.scan(v, ofRequests, from.Unix(), to.Unix(), day)
	}, ofRequests)
	list := make([]KeyCost, 0, len(all))
	for _, sum := range all.sorted(keyModel.compare) {
		k, r := sum.key, &sum.Row
		list = append(list, KeyCost{st.books.alias(k.key), k.key, k.model, r[requests], r[failures], r[promptTokens], r[cachedTokens], r[completionTokens], dollars(r[cost])})
	}
	return list
}

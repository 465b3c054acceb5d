package requestlog

import (
	"cmp"
	"time"
)

// Entry is what is kept of a request. Durations are milliseconds since the request came, or how long something took.
type Entry struct {
	Time        time.Time `json:"time"` // when it ended
	ID          string    `json:"id"`
	Status      int       `json:"status"` // 499: the client left
	Endpoint    string    `json:"endpoint"`
	Key         string    `json:"key,omitempty"`      // the client key's alias
	KeyID       string    `json:"key_id,omitempty"`   // which one, of keys with one alias: the beginning of its SHA-256
	Client      string    `json:"client,omitempty"`   // address
	Unlogged    int64     `json:"unlogged,omitempty"` // requests without a valid key before this one that were too many to be kept
	Model       string    `json:"model"`
	Stream      bool      `json:"stream"`
	Provider    string    `json:"provider,omitempty"`
	Upstream    string    `json:"upstream_model,omitempty"`
	MS          float64   `json:"ms"`
	FirstByteMS float64   `json:"first_byte_ms,omitempty"`
	OwnMS       float64   `json:"own_ms,omitempty"`  // of the gateway, before the first attempt
	LostMS      float64   `json:"lost_ms,omitempty"` // from there to the attempt that answered
	Prompt      int64     `json:"prompt_tokens,omitempty"`
	Completion  int64     `json:"completion_tokens,omitempty"`
	Cached      int64     `json:"cached_tokens,omitempty"`
	Reasoning   int64     `json:"reasoning_tokens,omitempty"`
	Estimated   bool      `json:"estimated,omitempty"`
	Cost        float64   `json:"cost,omitempty"` // dollars
	Continued   int       `json:"continued,omitempty"`
	Error       string    `json:"error,omitempty"`  // as the client was told
	Detail      string    `json:"detail,omitempty"` // that clients are not told
	Attempts    []Attempt `json:"attempts,omitempty"`
	Flow        []Point   `json:"flow,omitempty"`   // of a stream
	Pieces      int       `json:"pieces,omitempty"` // in which it was written
	Bytes       int64     `json:"bytes,omitempty"`
	LongestMS   float64   `json:"longest_gap_ms,omitempty"`
}

// Attempt is one of them.
type Attempt struct {
	Provider string   `json:"provider"`       // left out of a line where it is the request's
	Upstream string   `json:"upstream_model"` // likewise
	Key      int      `json:"key,omitempty"`  // the how-manieth of the provider's; 0 if it has none
	Status   int      `json:"status"`
	BeganMS  float64  `json:"began_ms"`
	MS       float64  `json:"ms"`                 // until it failed, or the first byte came
	LeftOut  []string `json:"left_out,omitempty"` // of the request
	Changed  []string `json:"changed,omitempty"`  // in it, beside its format, where it was translated
	Added    []string `json:"added,omitempty"`    // members that the client's request has not, where it was not translated
	BrokeOff bool     `json:"broke_off,omitempty"`
	Outrun   bool     `json:"outrun,omitempty"` // another one was faster
	Error    string   `json:"error,omitempty"`
}

// Point is how much of a stream had been written after some time: milliseconds since the request came, bytes.
type Point [2]int64

// complete gives the attempts what their line leaves out of them.
func (e *Entry) complete() {
	for i := range e.Attempts {
		a := &e.Attempts[i]
		a.Provider, a.Upstream = cmp.Or(a.Provider, e.Provider), cmp.Or(a.Upstream, e.Upstream)
	}
}

// Failed says whether the request was not served. A client that left is not a failure.
func (e *Entry) Failed() bool { return e.Status >= 400 && e.Status != 499 }

// HideInner takes out what only those see who run the gateway: who served the request, and what happened there.
func (e *Entry) HideInner() {
	e.Provider, e.Upstream, e.Attempts, e.Client, e.Detail, e.OwnMS, e.LostMS = "", "", nil, "", "", 0, 0
}

// Package told knows what providers say in the headers of their answers about what is left of their own limits, and
// until when a key that has little left is better passed over.
package told

import (
	"bytes"
	"iter"
	"strconv"
	"time"
)

// Measure is what a limit of a provider counts.
type Measure uint8

// What limits count. Of an answer's tokens nobody knows beforehand how many there will be.
const (
	Requests Measure = iota
	Tokens
	AnswerTokens
)

// Left is what is left of one limit.
type Left struct {
	Of        Measure
	Remaining int64         // -1: not told
	Limit     int64         // 0: not told
	Reset     time.Duration // until it is whole again, or begins anew; -1: not told
	Gradual   bool          // it fills all the time, and Reset is when it is full; else all of it comes back at once

	subject int // index into subjects
	dialect uint8
}

// Told is what the headers of one answer say. The zero Told is nothing.
type Told struct {
	list [mostLimits]Left
	n    int
}

// mostLimits is how many limits one answer tells of; Anthropic has four. Further ones are not heeded.
const mostLimits = 6

// Any says whether something was told.
func (t *Told) Any() bool { return t.n > 0 }

// dialects are the beginnings of the names, in lower case.
//
//	x-ratelimit-         OpenAI: developers.openai.com/api/docs/guides/rate-limits, "Rate limits in headers": limit-, remaining- and reset- (as
//	                     "6m0s": until the limit is in its initial state) of requests, tokens and project-tokens
//	                     Groq: console.groq.com/docs/rate-limits: the same; requests are those of a day, and its example has 30 of 14,400
//	                     back in "2m59.56s", so that they fill gradually
//	                     Azure OpenAI, as it answers: remaining-requests and remaining-tokens
//	                     Cerebras: inference-docs.cerebras.ai/support/rate-limits: *-requests-day, *-tokens-minute, resets as 33011.382
//	                     Mistral, as it answers: *-req-minute, *-tokens-minute, without resets
//	                     SambaNova: docs.sambanova.ai/docs/en/models/rate-limits: *-requests, *-requests-day
//	                     DigitalOcean: docs.digitalocean.com/products/inference/reference/quota-specific-response-headers: *-requests,
//	                     *-tokens-per-minute, *-tokens-per-day, resets as Unix time
//	                     Fireworks, as it answers: *-tokens-prompt, *-tokens-generated
//	                     OpenRouter, Together, GitHub Models, as they answer: no subject, resets in seconds or as Unix time in seconds or
//	                     milliseconds
//	x-tokenlimit-        Together: of tokens
//	anthropic-ratelimit- Anthropic: platform.claude.com/docs/en/api/rate-limits, "Response headers": requests-, tokens-, input-tokens- and
//	                     output-tokens-, each -limit, -remaining and -reset, which is when it is full, in RFC 3339
//	ratelimitbysize-     Mistral of old: of tokens, resets in seconds
//	ratelimit-           draft-ietf-httpapi-ratelimit-headers, 03 and before: ratelimit-remaining, ratelimit-reset in seconds
var dialects = [...]struct {
	prefix string
	of     Measure // where no subject is named
}{{"x-ratelimit-", Requests}, {"x-tokenlimit-", Tokens}, {"anthropic-ratelimit-", Requests}, {"ratelimitbysize-", Tokens}, {"ratelimit-", Requests}}

const anthropic = 2 // of dialects

// subjects are what stands in a name beside limit, remaining and reset.
var subjects = [...]struct {
	name   string
	of     Measure
	window time.Duration // 0: the name has none
}{
	{"", Requests, 0},
	{"requests", Requests, 0},
	{"tokens", Tokens, 0},
	{"input-tokens", Tokens, 0},
	{"output-tokens", AnswerTokens, 0},
	{"project-requests", Requests, 0},
	{"project-tokens", Tokens, 0},
	{"tokens-prompt", Tokens, time.Minute},
	{"tokens-generated", AnswerTokens, time.Minute},
	{"req-minute", Requests, time.Minute},
	{"requests-minute", Requests, time.Minute},
	{"requests-hour", Requests, time.Hour},
	{"requests-day", Requests, 24 * time.Hour},
	{"tokens-minute", Tokens, time.Minute},
	{"tokens-hour", Tokens, time.Hour},
	{"tokens-day", Tokens, 24 * time.Hour},
	{"requests-per-minute", Requests, time.Minute},
	{"requests-per-day", Requests, 24 * time.Hour},
	{"tokens-per-minute", Tokens, time.Minute},
	{"tokens-per-day", Tokens, 24 * time.Hour},
}

// verb is what a header says of its limit.
type verb uint8

const (
	limit verb = iota
	remaining
	reset
)

var verbs = [...]string{"limit", "remaining", "reset"}

// Names says whether a header may tell something; of most it is known that they do not.
func Names(name []byte) bool {
	if len(name) <= len("ratelimit-") {
		return false
	}
	switch name[0] | 0x20 {
	case 'x':
		return name[1] == '-' && (name[2]|0x20 == 'r' && name[3]|0x20 == 'a' || name[2]|0x20 == 't' && name[3]|0x20 == 'o')
	case 'a':
		return name[1]|0x20 == 'n' && name[2]|0x20 == 't'
	case 'r':
		return name[1]|0x20 == 'a' && name[2]|0x20 == 't'
	}
	return false
}

// By is what a header tells.
func By(header iter.Seq2[[]byte, []byte]) (t Told) {
	var now time.Time
	for name, value := range header {
		if !Names(name) {
			continue
		}
		if now.IsZero() {
			now = time.Now()
		}
		t.Read(name, value, now)
	}
	return t
}

// Read takes a header of an answer. What it does not know, or cannot be meant, changes nothing. now is the time of day.
func (t *Told) Read(name, value []byte, now time.Time) {
	if !Names(name) {
		return
	}
	for i := range dialects {
		d := &dialects[i]
		if len(name) > len(d.prefix) && equal(name[:len(d.prefix)], d.prefix) {
			if v, subject, known := parse(name[len(d.prefix):], i == anthropic); known {
				t.take(uint8(i), subject, v, bytes.TrimSpace(value), now)
			}
			return
		}
	}
}

// parse takes what follows a dialect's prefix apart: "remaining-requests", and Anthropic's "requests-remaining".
func parse(rest []byte, last bool) (v verb, subject int, known bool) {
	for v, word := range verbs {
		var beside []byte
		switch {
		case len(rest) < len(word):
			continue
		case last && equal(rest[len(rest)-len(word):], word):
			beside = bytes.TrimSuffix(rest[:len(rest)-len(word)], dash)
		case !last && equal(rest[:len(word)], word):
			beside = bytes.TrimPrefix(rest[len(word):], dash)
		default:
			continue
		}
		for i := range subjects {
			if equal(beside, subjects[i].name) {
				return verb(v), i, true
			}
		}
	}
	return 0, 0, false
}

var dash = []byte{'-'}

func (t *Told) take(dialect uint8, subject int, v verb, value []byte, now time.Time) {
	var amount int64
	var wait time.Duration
	var gradual, usable bool
	if v == reset {
		wait, gradual, usable = untilReset(value, now)
		gradual = gradual && (dialect == anthropic || subjects[subject].window == 0)
	} else {
		amount, usable = number(value)
	}
	if !usable {
		return
	}
	l := t.of(dialect, subject)
	if l == nil {
		return
	}
	switch v {
	case limit:
		l.Limit = amount
	case remaining:
		l.Remaining = amount
	case reset:
		l.Reset, l.Gradual = wait, gradual
	}
}

// of finds a limit, or makes room for it; nil if there is none.
func (t *Told) of(dialect uint8, subject int) *Left {
	for i := range t.list[:t.n] {
		if l := &t.list[i]; l.subject == subject && l.dialect == dialect {
			return l
		}
	}
	if t.n == len(t.list) {
		return nil
	}
	l := &t.list[t.n]
	t.n++
	*l = Left{Of: subjects[subject].of, Remaining: -1, Reset: -1, subject: subject, dialect: dialect}
	if subject == 0 {
		l.Of = dialects[dialect].of
	}
	return l
}

// Wait is how long a provider that has refused a request for one of its limits is to be left alone by what it told; 0
// if nothing is known to be used up.
func (t *Told) Wait() (wait time.Duration) {
	for i := range t.list[:t.n] {
		if l := &t.list[i]; l.Remaining == 0 && l.Reset > 0 {
			one := l.Reset
			if l.Gradual && l.Of == Requests && l.Limit > 0 {
				one = l.Reset / time.Duration(l.Limit)
			}
			wait = max(wait, one)
		}
	}
	return wait
}

// equal compares a name with one in lower case.
func equal(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// mostNumber is beyond what any limit is.
const mostNumber = 1e15

// number reads a whole number, also the first of a list ("20, 20;w=60"). What is negative is none.
func number(value []byte) (n int64, ok bool) {
	i := 0
	for ; i < len(value) && value[i] >= '0' && value[i] <= '9'; i++ {
		if n = n*10 + int64(value[i]-'0'); n > mostNumber {
			return 0, false
		}
	}
	return n, i > 0 && (i == len(value) || value[i] == ',' || value[i] == ';')
}

// Numbers of a reset that are greater are no seconds but a time since 1970, in seconds and in milliseconds.
const (
	unixSeconds = 1e9
	unixMillis  = 1e12
	// longestReset is beyond any limit's window: months.
	longestReset = 32 * 24 * time.Hour
)

// untilReset reads how long it is until a limit is as before: "6m0s", seconds, Unix time, or a date in RFC 3339.
// gradual is that it is written in a way in which providers write when a limit is full that fills all the time.
func untilReset(value []byte, now time.Time) (wait time.Duration, gradual, ok bool) {
	if n, unit, rest := leadingNumber(value); rest < len(value) && unit > 0 {
		wait, ok = units(value)
		gradual = true
	} else if rest > 0 && rest == len(value) {
		switch {
		case n >= unixMillis:
			wait, ok = time.UnixMilli(int64(min(n, 1e17))).Sub(now), true
		case n >= unixSeconds:
			wait, ok = time.Unix(int64(n), 0).Sub(now), true
		default:
			wait, ok = time.Duration(n*float64(time.Second)), true
		}
	} else if len(value) > len("2006-01-02") && value[4] == '-' {
		var at time.Time
		var err error
		if at, err = parseDate(value); err == nil {
			wait, gradual, ok = at.Sub(now), true, true
		}
	}
	if wait > longestReset {
		return 0, false, false
	}
	return max(wait, 0), gradual, ok
}

// longestDate is how long a date is: 2026-01-02T03:04:05.123456789+02:00.
const longestDate = 40

// parseDate reads a date in RFC 3339 without making a string of more than it takes.
func parseDate(value []byte) (time.Time, error) {
	if len(value) > longestDate {
		return time.Time{}, strconv.ErrSyntax
	}
	var t time.Time
	err := t.UnmarshalText(value)
	return t, err
}

// leadingNumber reads a number without a sign, which may have a fraction, and says where it ends and what unit follows,
// 0 if that is none.
func leadingNumber(value []byte) (n float64, unit time.Duration, end int) {
	scale, digits := 0.0, 0 // of the fraction's digits
	for ; end < len(value); end++ {
		switch c := value[end]; {
		case c >= '0' && c <= '9' && digits < 30:
			n = n*10 + float64(c-'0')
			scale *= 10
			digits++
			continue
		case c == '.' && scale == 0:
			scale = 1
			continue
		}
		break
	}
	if digits == 0 {
		return 0, 0, 0
	}
	n /= max(scale, 1)
	if end == len(value) {
		return n, 0, end
	}
	word := value[end:]
	for i, c := range word {
		if c >= '0' && c <= '9' {
			word = word[:i]
			break
		}
	}
	for i := range unitNames {
		if string(word) == unitNames[i].name {
			return n, unitNames[i].length, end
		}
	}
	return n, 0, end
}

var unitNames = [...]struct {
	name   string
	length time.Duration
}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}, {"µs", time.Microsecond}, {"us", time.Microsecond}, {"ns", 1}}

// units adds up a time such as "1h2m3.5s", of which the whole must be one.
func units(value []byte) (sum time.Duration, ok bool) {
	for len(value) > 0 {
		n, unit, end := leadingNumber(value)
		if unit == 0 {
			return 0, false
		}
		d := n * float64(unit)
		if d > float64(longestReset) {
			return 0, false
		}
		if sum += time.Duration(d); sum > longestReset {
			return 0, false
		}
		for end < len(value) && (value[end] < '0' || value[end] > '9') {
			end++
		}
		value = value[end:]
	}
	return sum, true
}

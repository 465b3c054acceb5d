package server

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
)

// upstreamError is an upstream's error with what its header says about the time.
type upstreamError struct {
	said       *codec.Error
	status     int
	retryAfter time.Duration
}

func (e *upstreamError) Error() string { return e.said.Message }
func (e *upstreamError) Unwrap() error { return e.said }

// tryAgain is how OpenAI, Azure and Google say it in the text: "Please try again in 6m0s", "retry after 37 seconds",
// "Please retry in 10h17m5.72s". timePart is one part of such a time.
var (
	tryAgain = regexp.MustCompile(`(?i)\b(?:try again|retry) (?:in|after) `)
	timePart = regexp.MustCompile(`^ ?(\d{1,9}(?:\.\d{1,12})?) ?(?i:(ms|millisecond|s|sec|second|m|min|minute|h|hour|d|day)s?)(?:[^a-zA-Z]|$)`)
)

// retryDelay is Google's place for it, which stands in the errors of its OpenAI-like addresses, too.
var retryDelay = regexp.MustCompile(`"retryDelay"\s*:\s*"(\d{1,9}(?:\.\d{1,12})?)s"`)

// delayIn is the time to wait that an error object has beside its message; 0 if there is none.
func delayIn(object []byte) time.Duration {
	m := retryDelay.FindSubmatch(object)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		return 0
	}
	return duration(n, time.Second)
}

// timeUnit finds a unit by the letters that it begins with.
func timeUnit(word string) time.Duration {
	switch word = strings.ToLower(word); {
	case strings.HasPrefix(word, "ms"), strings.HasPrefix(word, "milli"):
		return time.Millisecond
	case word[0] == 's':
		return time.Second
	case word[0] == 'm':
		return time.Minute
	case word[0] == 'h':
		return time.Hour
	}
	return 24 * time.Hour
}

// toldWait is the time that a message tells to wait; 0 if it tells none.
func toldWait(message string) (wait time.Duration) {
	at := tryAgain.FindStringIndex(message)
	if at == nil {
		return 0
	}
	text, last := message[at[1]:], time.Duration(math.MaxInt64)
	for {
		m := timePart.FindStringSubmatchIndex(text)
		if m == nil {
			return wait
		}
		n, err := strconv.ParseFloat(text[m[2]:m[3]], 64)
		unit := timeUnit(text[m[4]:m[5]])
		if err != nil || unit >= last { // hours come before minutes, or it is another time
			return wait
		}
		wait, last = min(wait+duration(n, unit), longestTold), unit
		end := m[5] // what ended the unit may begin the next number
		for end < len(text) && (text[end]|0x20 == 's') {
			end++
		}
		text = text[end:]
	}
}

// retryAfter is how long an upstream asks to be left alone: retry-after-ms,
// Retry-After in seconds or as a date, else what the message says; 0 if nothing
// does.
func retryAfter(h *fasthttp.ResponseHeader, message string) time.Duration {
	if ms, err := strconv.ParseFloat(string(h.Peek("Retry-After-Ms")), 64); err == nil && ms > 0 {
		return duration(ms, time.Millisecond)
	}
	if value := h.Peek(fasthttp.HeaderRetryAfter); len(value) > 0 {
		if s, err := strconv.ParseFloat(string(value), 64); err == nil {
			return duration(s, time.Second)
		}
		if at, err := fasthttp.ParseHTTPDate(value); err == nil {
			return duration(time.Until(at).Seconds(), time.Second)
		}
	}
	return toldWait(message)
}

// longestTold is the longest wait that is believed to be meant.
const longestTold = 365 * 24 * time.Hour

// duration bounds what an upstream may say: nothing negative, nothing that
// overflows.
func duration(n float64, unit time.Duration) time.Duration {
	d := n * float64(unit)
	if !(d > 0) { // NaN too
		return 0
	}
	return time.Duration(min(d, float64(longestTold)))
}

// seconds words a wait for Retry-After: whole seconds, never too early.
func seconds(wait time.Duration) string {
	return strconv.Itoa(int(math.Ceil(wait.Seconds())))
}

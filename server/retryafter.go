package server

import (
	"math"
	"regexp"
	"strconv"
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

// tryAgain is how OpenAI and those like it say it in the text.
var tryAgain = regexp.MustCompile(`(?i)try again in (\d+(?:\.\d+)?) ?(ms|s|m)\b`)

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
	if m := tryAgain.FindStringSubmatch(message); m != nil {
		n, err := strconv.ParseFloat(m[1], 64)
		unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute}[m[2]]
		if err == nil {
			return duration(n, unit)
		}
	}
	return 0
}

// duration bounds what an upstream may say: nothing negative, nothing that
// overflows.
func duration(n float64, unit time.Duration) time.Duration {
	d := n * float64(unit)
	if !(d > 0) { // NaN too
		return 0
	}
	return time.Duration(min(d, float64(365*24*time.Hour)))
}

// seconds words a wait for Retry-After: whole seconds, never too early.
func seconds(wait time.Duration) string {
	return strconv.Itoa(int(math.Ceil(wait.Seconds())))
}

package server

import (
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestRetryAfterIsReadInAllItsForms(t *testing.T) {
	for _, test := range []struct {
		name, header, value, message string
		want                         time.Duration
	}{
		{"nothing", "", "", "", 0},
		{"seconds", "Retry-After", "17", "", 17 * time.Second},
		{"a fraction", "Retry-After", "0.5", "", 500 * time.Millisecond},
		{"milliseconds", "Retry-After-Ms", "1500", "", 1500 * time.Millisecond},
		{"a date that has passed", "Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT", "", 0},
		{"nonsense", "Retry-After", "soon", "", 0},
		{"a negative number", "Retry-After", "-5", "", 0},
		{"no number", "Retry-After", "NaN", "", 0},
		{"more than a year", "Retry-After", "1e300", "", 365 * 24 * time.Hour},
		{"a date that no clock will see", "Retry-After", "Wed, 21 Oct 9999 07:28:00 GMT", "", 365 * 24 * time.Hour},
		{"the message", "", "", "Please try again in 1.5s. Visit", 1500 * time.Millisecond},
		{"the message in milliseconds", "", "", "try again in 200ms", 200 * time.Millisecond},
		{"the message in minutes", "", "", "Try again in 2m", 2 * time.Minute},
		{"the message in minutes and seconds, as OpenAI's", "", "", "Please try again in 6m0s. Contact us", 6 * time.Minute},
		{"the message in seconds as a word, as Azure's", "", "", "Please retry after 37 seconds. Please contact", 37 * time.Second},
		{"the message in hours, as Google's", "", "", "\nPlease retry in 10h17m5.5s.", 10*time.Hour + 17*time.Minute + 5500*time.Millisecond},
		{"the message in days", "", "", "Try again in 2 days", 48 * time.Hour},
		{"the message in words with spaces", "", "", "try again in 1 hour 30 minutes", 90 * time.Minute},
		{"a message with another number", "", "", "retry in 5 steps", 0},
		{"a message with a second time", "", "", "retry in 3s 9s", 3 * time.Second},
		{"a message with more than there is", "", "", "retry in 999999999d", 365 * 24 * time.Hour},
		{"the header before the message", "Retry-After", "3", "try again in 9s", 3 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			var h fasthttp.ResponseHeader
			if test.header != "" {
				h.Set(test.header, test.value)
			}
			if got := retryAfter(&h, test.message); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
	var h fasthttp.ResponseHeader
	h.Set("Retry-After", string(fasthttp.AppendHTTPDate(nil, time.Now().Add(time.Hour))))
	if got := retryAfter(&h, ""); got < 59*time.Minute || got > time.Hour {
		t.Errorf("a date in an hour: %v", got)
	}
}

func FuzzToldWait(f *testing.F) {
	for _, seed := range []string{"try again in 6m0s", "retry after 37 seconds.", "retry in 10h17m5.72s", "try again in 1 s 2 ms", "retry in 1ss"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		if got := toldWait(message); got < 0 || got > longestTold {
			t.Errorf("%q tells to wait for %v", message, got)
		}
	})
}

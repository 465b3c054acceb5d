package server

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// interim are answers before the answer.
func interim() []*fault {
	before := func(name string, may ends, text string) *fault {
		return &fault{name: name, on: eitherWay, may: may, play: func(a *performance) ending {
			w := a.right()
			a.say(text + w.String())
			return w.ending
		}}
	}
	const goOn, hints = "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
	only := func(name string, e ending, text string, statuses ...int) *fault {
		return &fault{name: name, on: eitherWay, may: refused, waits: e == stalls, statuses: statuses, play: func(a *performance) ending {
			a.say(text)
			return e
		}}
	}
	return []*fault{
		before("continue", whole, goOn),
		before("continue-thrice", whole, goOn+goOn+goOn),
		before("hints", whole, goOn+hints+"HTTP/1.1 102 Processing\r\n\r\n"+hints),
		before("continue-without-end", refused, strings.Repeat(goOn, 100)),
		before("continue-with-a-body", refused, "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello"),
		only("interim-only", closes, goOn+hints),
		only("interim-only-and-stalled", stalls, goOn+hints, 504),
		only("switching-protocols", closes, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
		{name: "continue-in-drops", on: eitherWay, may: whole, play: func(a *performance) ending {
			w := a.right()
			a.drips(goOn + hints + w.head())
			a.say(w.body())
			return w.ending
		}},
	}
}

// earlies answer before they have read the request.
func earlies() []*fault {
	const head = "HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\n"
	body := errorBody("this is too much")
	tooMuch := fmt.Sprintf("%sConnection: close\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
	early := func(name string, may ends, play func(a *performance) ending) *fault {
		return &fault{name: name, on: plainly, may: may, statuses: []int{413, 502}, early: true, heavy: true, play: play}
	}
	return []*fault{
		early("too-large-and-closed", refused|final, func(a *performance) ending {
			a.say(tooMuch)
			return closes
		}),
		early("too-large-and-reset", refused|final, func(a *performance) ending {
			a.say(tooMuch)
			return resets
		}),
		early("too-large-and-half-closed", refused|final, func(a *performance) ending {
			a.say(tooMuch)
			a.CloseWrite()
			a.hears()
			return closes
		}),
		early("too-large-and-read", refused|final, func(a *performance) ending {
			a.say(strings.Replace(tooMuch, "Connection: close\r\n", "", 1))
			a.hears()
			return goesOn
		}),
		early("reset-in-the-request", refused, func(a *performance) ending {
			a.br.Discard(a.rng.IntN(a.br.Buffered() + 1))
			return resets
		}),
		early("closed-in-the-request", refused, func(a *performance) ending {
			a.br.Discard(a.rng.IntN(a.br.Buffered() + 1))
			return closes
		}),
		early("answered-before-it-was-read", whole, func(a *performance) ending {
			w := a.framed(a.content(), byLength)
			a.say(w.String())
			a.hears()
			return goesOn
		}),
		early("read-slowly", whole, func(a *performance) ending {
			a.req.Body = io.NopCloser(&slowReader{a.req.Body, 256 << 10})
			a.hears()
			return a.gives(a.right())
		}),
	}
}

// statuses are error pages, and answers that have no body but bring one.
func statuses() (list []*fault) {
	const page = "<html><head><title>%d %s</title></head><body><h1>Sorry</h1></body></html>"
	for status := 300; status < 600; status++ {
		if text := http.StatusText(status); text != "" || status == 529 || status == 520 {
			f := &fault{name: fmt.Sprint("page-", status), on: eitherWay, may: refused, statuses: []int{status, 502, 503}}
			switch status {
			case 401, 402, 403, 429:
				f.rests, f.statuses = true, append(f.statuses, 429)
			case 413:
				f.may |= final
			}
			f.play = func(a *performance) ending {
				a.say(strings.Replace(reply(status, "text/html", fmt.Sprintf(page, status, text)), " Whatever", "", 1))
				return goesOn
			}
			if status == 304 { // it has no body: what comes behind it is nobody's
				f.play = func(a *performance) ending {
					a.say("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello")
					return closes
				}
			}
			list = append(list, f)
		}
	}
	for _, status := range []int{204, 205} {
		list = append(list, &fault{name: fmt.Sprint("body-of-a-", status), on: eitherWay, may: refused | whole, play: func(a *performance) ending {
			w := a.right()
			w.status = fmt.Sprintf("HTTP/1.1 %d Nothing", status)
			return a.gives(w)
		}})
	}
	for i, value := range []string{"-5", "99999999999999999999999", "1e309", "NaN", "Wed, 21 Oct 9999 07:28:00 GMT", "Wed, 21 Oct 1015 07:28:00 GMT", "soon", "", "0", "0.0000001"} {
		for _, status := range []int{429, 503} {
			list = append(list, &fault{name: fmt.Sprintf("retry-after-%d-of-a-%d", i, status), on: eitherWay, may: refused, rests: true, statuses: []int{429, 502, 503}, play: func(a *performance) ending {
				body := errorBody("later")
				a.say(fmt.Sprintf("HTTP/1.1 %d Later\r\nRetry-After: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, value, len(body), body))
				return goesOn
			}})
		}
	}
	return list
}

// TestProviderThatDoesNotWaitForARequestIsPassedOver has what no question can ask
// for: what comes of a connection before anything was sent on it.
func TestProviderThatDoesNotWaitForARequestIsPassedOver(t *testing.T) {
	t.Parallel()
	const timedOut = "HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	for name, greet := range map[string]func(*peer){
		"closed":               func(*peer) {},
		"reset":                (*peer).reset,
		"timed out":            func(p *peer) { p.say(timedOut) },
		"timed out and kept":   func(p *peer) { p.say(timedOut); p.gone() },
		"another protocol":     func(p *peer) { p.say("220 mail.example ESMTP\r\n"); p.gone() },
		"garbage":              func(p *peer) { p.say(noiseText); p.gone() },
		"only half of it":      func(p *peer) { p.CloseWrite(); p.gone() },
		"continue, and no end": func(p *peer) { p.say("HTTP/1.1 100 Continue\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hasty, sound := listenRaw(t, greet), listen(t, both)
			g := start(t, providerOf("hasty", hasty), providerOf("sound", sound), providerOf("alone", hasty, "    model: [alone]\n"), "preferences:\n  cooldown_period: 0\n")
			for range 5 {
				if a := g.chat(plainRequest); a.StatusCode != 200 {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
			}
			a := g.chat(strings.Replace(plainRequest, `"m"`, `"alone"`, 1))
			// 503 is a connection that was reset before it was there.
			if message := a.failure(t, a.StatusCode, ""); !slices.Contains([]int{408, 502, 503}, a.StatusCode) {
				t.Errorf("%d %s", a.StatusCode, message)
			}
		})
	}
}

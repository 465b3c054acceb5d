package doctor

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// address asks whether the gateway is reached at all.
func (e *examination) address() verdict {
	a := e.send(request{method: "HEAD", path: "/"})
	if a.err != nil && a.status == 0 {
		return e.unreachable(a.err)
	}
	if a.status/100 == 3 {
		return e.foreign(a)
	}
	reached := fmt.Sprintf("%s answers after %s", e.base, seconds(a.took))
	if len(e.between.seen) > 0 {
		reached += "; between it and here: " + e.between.name()
	}
	return fine("%s", reached)
}

// models asks for the models, and chooses one if none was given.
func (e *examination) models() verdict {
	a := e.send(e.client.dialect.list(e))
	if a.status != http.StatusOK || a.err != nil {
		return e.refused(a)
	}
	names, ok := e.client.dialect.listed(a.body)
	switch {
	case !ok && !isJSON(a.body):
		return e.foreign(a)
	case !ok:
		return failed("--url: the list comes from something that does not speak the client's format", "the list has not the shape that %s reads: %s", e.client.title, short(string(a.body)))
	case len(names) == 0:
		return failed("give the key models: its model list under api_keys, and providers that have them", "the key may use no model")
	}
	listed := fmt.Sprintf("%d in %s", len(names), seconds(a.took))
	if e.model == "" {
		if e.model = choose(names); e.model == "" {
			return failed("--model", "none of the %d that are listed looks like one for chats", len(names))
		}
		listed += fmt.Sprintf("; %s is used here, --model takes another", e.model)
	} else if !slices.Contains(names, e.model) {
		return noted("--model: one of "+short(strings.Join(names[:min(len(names), 8)], ", ")), "%s is not among the %d that are listed", e.model, len(names))
	}
	if e.client.name == "claude-code" && !slices.ContainsFunc(names, claudeName) {
		return noted("an alias that begins with claude-, or ANTHROPIC_MODEL", "%s; none begins with claude-, so Claude Code's model discovery shows none of them", listed)
	}
	return fine("%s", listed)
}

func claudeName(name string) bool {
	return strings.HasPrefix(name, "claude") || strings.HasPrefix(name, "anthropic")
}

// choose is the model that is asked: the first that is likely to answer a chat.
func choose(names []string) string {
	for _, name := range names {
		if plainName(name) && !slices.ContainsFunc([]string{"embed", "whisper", "tts", "transcri", "image", "dall-e", "moderation", "rerank", "audio", "realtime", "video"},
			func(other string) bool { return strings.Contains(strings.ToLower(name), other) }) {
			return name
		}
	}
	return ""
}

// What a stream must have for the time between its events to say something.
const (
	enoughParts = 6
	enoughTime  = 400 * time.Millisecond
)

// stream asks for an answer that takes a while, and looks at how it comes.
func (e *examination) stream() verdict {
	a := e.send(e.client.dialect.ask(e, "Use no tool. Write the numbers from 1 to 60 as words, one a line, and nothing else.", nil, ""))
	h, v := e.heard(a)
	if v.grade == bad {
		return v
	}
	first, last := a.events[0].at, a.events[len(a.events)-1].at
	came := fmt.Sprintf("%d events, the first after %s, the last after %s", h.parts, seconds(first), seconds(last))
	if h.marks > 0 {
		came += fmt.Sprintf(", signs of life in between: %d", h.marks)
	}
	bursts := moments(a.events)
	switch {
	case h.parts < enoughParts || last < enoughTime:
		return noted("", "%s: too short to tell whether something collects it", came)
	case bursts*perMoment > len(a.events) && longest(a.events) > longSilence:
		return noted("keepalive_interval: 15 at the gateway; many proxies cut what is silent for 60 s", "%s; nothing came for %s", came, seconds(longest(a.events)))
	case bursts*perMoment > len(a.events):
		return fine("%s", came)
	case last-first < last/20:
		return failed(e.between.unbuffer(), "all came at once, %s: %s", came, e.collector())
	case len(e.between.seen) > 0:
		return failed(e.between.unbuffer(), "they came in %d lumps, %s: %s", bursts, came, e.collector())
	}
	return noted(e.between.unbuffer(), "they came in %d lumps, %s", bursts, came)
}

// perMoment is how many events at a time are too many: a model makes one after the other.
const perMoment = 6

// collector is who is likely to collect a stream.
func (e *examination) collector() string {
	if len(e.between.seen) > 0 {
		return e.between.name() + " collects the stream"
	}
	return "something collects the stream"
}

// longSilence is how long a stream may be silent before something on the way may take it for dead.
const longSilence = 20 * time.Second

// longest is the longest time without an event or a sign of life.
func longest(events []event) (most time.Duration) {
	var before time.Duration
	for _, ev := range events {
		most, before = max(most, ev.at-before), ev.at
	}
	return most
}

// moments is at how many moments something came.
func moments(events []event) (n int) {
	const together = 5 * time.Millisecond
	var began time.Duration
	for i, ev := range events {
		if i == 0 || ev.at-began > together {
			n, began = n+1, ev.at
		}
	}
	return n
}

// heard reads a stream, and judges whether it is one, and whole.
func (e *examination) heard(a *answer) (heard, verdict) {
	if a.status != http.StatusOK {
		return heard{}, e.refused(a)
	}
	if a.events == nil && a.err == nil {
		if isJSON(a.body) {
			return heard{}, failed("pass the request's body and its Accept header on as they are", "a stream was asked for, and an answer in one piece came (%s)", short(a.header.Get("Content-Type")))
		}
		if len(a.body) > 0 {
			return heard{}, e.foreign(a)
		}
	}
	h := e.client.dialect.hear(a.events)
	if h.failure != "" {
		return h, failed("look at the gateway's log: the provider fails, or refuses what the client sends", "the stream has an error: %s", h.failure)
	}
	if a.err == nil && h.whole {
		return h, fine("")
	}
	silence := a.took
	if n := len(a.events); n > 0 {
		silence -= a.events[n-1].at
	}
	why := "it ended without its end"
	if a.err != nil {
		why = short(a.err.Error())
	}
	if silence > 10*time.Second {
		return h, failed(e.between.wait(), "the stream broke after a silence of %s: %s", seconds(silence), why)
	}
	return h, failed("look at the gateway's log; if it says that the client left, "+e.between.name()+" cuts streams", "the stream broke after %s and %d events: %s", seconds(a.took), len(a.events), why)
}

// toolLoop lets the model call a tool, and gives it what the tool printed.
func (e *examination) toolLoop() verdict {
	const prompt = "Run the command `cat secret.txt` with the shell tool, once. Then repeat the word that it prints, and nothing else."
	word := "w" + hex.EncodeToString(randomBytes(6))
	first, v := e.heard(e.send(e.client.dialect.ask(e, prompt, nil, "")))
	if v.grade == bad {
		return turned("first", v)
	}
	if len(first.calls) == 0 {
		return failed("a model that calls tools, and a provider that takes them: uni-api check lists what each can do", "the model called no tool, it said: %s", short(first.text))
	}
	for _, c := range first.calls {
		if c.name == "" || !json.Valid([]byte(c.arguments)) {
			return failed("another provider for this model: the call cannot be carried out", "the call of %q has arguments that are no JSON: %s", c.name, short(c.arguments))
		}
	}
	second, v := e.heard(e.send(e.client.dialect.ask(e, prompt, &first, word)))
	switch {
	case v.grade == bad:
		return turned("second", v)
	case len(second.calls) > 0 && !strings.Contains(second.text, word):
		return noted("another model, if it goes on like that", "the model called %s once more in place of an answer", second.calls[0].name)
	case !strings.Contains(second.text, word):
		return failed("another provider or model: what the tool printed does not arrive, or is not heeded", "the model did not repeat what the tool printed, it said: %s", short(second.text))
	}
	return fine("%s was called, and what it printed arrived", first.calls[0].name)
}

func turned(which string, v verdict) verdict {
	v.found = "in the " + which + " turn: " + v.found
	return v
}

// noModel is a name that no gateway has: the answer to it is an error of the gateway's own, and costs nothing.
const noModel = "uni-api-doctor-no-such-model"

// largeBody sends as much as a long conversation has, for a model that is not there, and looks at the error.
func (e *examination) largeBody() verdict {
	const size = 4 << 20
	model := e.model
	e.model = noModel
	r := e.client.dialect.ask(e, strings.Repeat("All work and no play. ", size/22), nil, "")
	e.model = model
	a := e.send(r)
	switch {
	case a.err != nil && a.status == 0 && !isTimeout(a.err):
		return failed(e.between.larger(), "the connection broke while %d MB were sent", size>>20)
	case a.err != nil && a.status == 0, a.status == http.StatusRequestEntityTooLarge && !isJSON(a.body), a.status/100 == 3:
		return e.refused(a)
	case a.status == http.StatusRequestEntityTooLarge:
		return failed("the gateway's --max-body", "the gateway takes no body of %d MB: %s", size>>20, a.message())
	case a.status == http.StatusOK:
		return noted("", "%d MB are taken; a model that is not there is answered all the same, so that a wrong name will not be noticed", size>>20)
	case !isJSON(a.body):
		return e.foreign(a)
	case !e.client.dialect.envelope(a.body):
		return noted("--url: the gateway itself answers errors in the client's format", "%d MB are taken; an error has not the shape that %s reads: %s", size>>20, e.client.title, short(string(a.body)))
	}
	return fine("%d MB are taken, and errors have the client's shape", size>>20)
}

// seconds is a time as it is printed.
func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// plainName says whether a model's name can stand in a shell's command and in a file as it is. The names come from
// whoever answers.
func plainName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./:@+", r))
	})
}

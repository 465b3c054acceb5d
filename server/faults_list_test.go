package server

import (
	"fmt"
	"strings"
)

// fault is a way in which a provider fails.
type fault struct {
	name string
	on   mode // which requests meet it
	may  ends // how they may end if no other provider can serve

	statuses []int  // that an error may have; 502 if there are none
	says     string // what an error must say

	early bool // the answer does not wait for the request's body
	heavy bool // the request is large
	waits bool // it takes the gateway's patience
	rests bool // the provider is left alone after it
	long  int  // words of the answer, if not a few

	odd, oddSeen string                   // what the answer has in it raw, and as it is read
	noise        func(text string) string // takes out what the fault may have put into the text

	play func(a *performance) ending
}

// mode is whether a plain answer or a stream is asked for.
type mode int

const (
	plainly mode = 1 << iota
	streaming
	eitherWay = plainly | streaming
)

// ends are the ways in which a request may end.
type ends int

const (
	whole   ends = 1 << iota // the right answer
	refused                  // an error, and nothing of an answer
	cut                      // a part of the right answer, and an error event
	final                    // another provider is not asked
)

var soundness = &fault{name: "none", on: eitherWay, may: whole, play: func(a *performance) ending { return a.gives(a.right()) }}

// faults are all there are, by name.
var faults = func() map[string]*fault {
	all := map[string]*fault{}
	for _, list := range [][]*fault{{soundness}, cuts(), garbled(), heads(), lengths(), chunks(), interim(), earlies(), statuses(), codings(), eventFaults(), aftermaths()} {
		for _, f := range list {
			if all[f.name] != nil {
				panic("two faults are called " + f.name)
			}
			all[f.name] = f
		}
	}
	return all
}()

// cuts end an answer before its end.
func cuts() (list []*fault) {
	places := []struct {
		name string
		on   mode
		part func(a *performance, w *wire) string // what is sent
	}{
		{"before-the-answer", eitherWay, func(*performance, *wire) string { return "" }},
		{"in-the-head", eitherWay, func(a *performance, w *wire) string { return w.head()[:a.within(w.head())] }},
		{"behind-the-head", eitherWay, func(a *performance, w *wire) string { return w.head() }},
		{"in-the-body", eitherWay, func(a *performance, w *wire) string {
			body := strings.Join(w.pieces, "")
			return w.head() + body[:a.within(body)]
		}},
		{"between-events", streaming, func(a *performance, w *wire) string {
			return w.head() + strings.Join(w.pieces[:a.within(strings.Repeat("e", len(w.pieces)))], "")
		}},
	}
	for e, how := range endings {
		for _, place := range places {
			for _, on := range []mode{plainly, streaming} {
				f := &fault{name: how + "-" + place.name, on: on & place.on, may: refused, waits: e == stalls}
				if f.on == 0 {
					continue
				}
				if on == streaming {
					f.name += "-of-a-stream"
					if strings.HasSuffix(place.name, "body") || strings.HasSuffix(place.name, "events") {
						f.may |= cut
					}
				}
				if e == stalls {
					f.statuses = []int{504}
				}
				f.play = func(a *performance) ending {
					a.say(place.part(a, a.right()))
					return e
				}
				list = append(list, f)
			}
		}
	}
	return list
}

// noiseText is what garbled answers have in them. It ends a JSON string and a head,
// so that what it stands in cannot be taken for what it was.
const noiseText = "\"~\x01\xfe\r\n\r\n~\x7f"

// squeezed makes one of several replaced characters: how many there are for bytes
// that are no text is anybody's choice.
func squeezed(text string) string {
	for strings.Contains(text, "\ufffd\ufffd") {
		text = strings.ReplaceAll(text, "\ufffd\ufffd", "\ufffd")
	}
	return text
}

// garbled are answers that are none, or have something else in them.
func garbled() []*fault {
	return []*fault{
		{name: "garbage-instead", on: eitherWay, may: refused, play: func(a *performance) ending {
			noise := make([]byte, 1+a.rng.IntN(40000))
			for i := range noise {
				noise[i] = byte(a.rng.Uint32())
			}
			a.say("\x16" + string(noise))
			return []ending{closes, stalls, resets}[a.rng.IntN(3)]
		}},
		{name: "garbage-in-the-head", on: eitherWay, may: refused | cut | whole, statuses: []int{502, 504}, play: func(a *performance) ending {
			w := a.right()
			at := a.within(w.head())
			a.say(w.head()[:at] + noiseText + w.head()[at:] + w.body())
			return closes
		}},
		{name: "garbage-in-the-body", on: eitherWay, may: refused | cut | whole, statuses: []int{502, 504}, play: func(a *performance) ending {
			w := a.right()
			at := a.within(w.body())
			a.say(w.head() + w.body()[:at] + noiseText + w.body()[at:])
			return closes
		}},
		{name: "invalid-utf8", on: eitherWay, may: whole | refused | cut, odd: "\xff\xc3(\xed\xa0\x80", oddSeen: "\ufffd\ufffd(\ufffd\ufffd\ufffd", noise: squeezed, play: soundness.play},
		{name: "nul", on: eitherWay, may: whole | refused | cut, odd: "\x00\x00", oddSeen: "\x00\x00", play: soundness.play},
		{name: "page-for-an-answer", on: eitherWay, may: refused, play: func(a *performance) ending {
			a.say(reply(200, "text/html", "<html><head><title>Welcome</title></head><body>"+a.nonce+"</body></html>"))
			return goesOn
		}},
		{name: "error-for-an-answer", on: eitherWay, may: refused, says: "overheated", play: func(a *performance) ending {
			a.say(reply(200, jsonKind, `{"error":{"message":"overheated","type":"odd"}}`))
			return goesOn
		}},
		{name: "nothing-for-an-answer", on: eitherWay, may: refused, play: func(a *performance) ending { return a.gives(a.framed([]string{""}, byLength)) }},
		{name: "no-chunk-for-an-answer", on: eitherWay, may: refused, play: func(a *performance) ending { return a.gives(a.framed([]string{""}, byChunks)) }},
		{name: "events-for-a-plain-answer", on: plainly, may: whole, play: func(a *performance) ending {
			a.stream = true
			return a.gives(a.right())
		}},
		{name: "plain-answer-for-events", on: streaming, may: whole, play: func(a *performance) ending {
			a.stream = false
			return a.gives(a.right())
		}},
	}
}

// changed makes a fault of a change to the right answer.
func changed(name string, may ends, change func(a *performance, w *wire)) *fault {
	return &fault{name: name, on: eitherWay, may: may, play: func(a *performance) ending {
		w := a.framed(a.content(), delimiting(a.rng.IntN(2)))
		change(a, w)
		return a.gives(w)
	}}
}

// fielded adds fields to the head.
func fielded(name string, may ends, fields ...string) *fault {
	return changed(name, may, func(_ *performance, w *wire) { w.fields = append(w.fields, fields...) })
}

// lined changes the status line.
func lined(name string, may ends, line string) *fault {
	return changed(name, may, func(_ *performance, w *wire) { w.status, w.ending = line, closes })
}

// heads are heads that are unusual or wrong.
func heads() []*fault {
	many := func(n int) (fields []string) {
		for i := range n {
			fields = append(fields, fmt.Sprintf("X-Filler-%d: %d", i, i))
		}
		return fields
	}
	return []*fault{
		fielded("long-field", whole, "X-Long: "+strings.Repeat("x", 12<<10)),
		fielded("many-fields", whole, many(400)...),
		fielded("too-long-field", refused, "X-Long: "+strings.Repeat("x", 20<<10)),
		fielded("megabyte-field", refused, "X-Long: "+strings.Repeat("x", 1<<20)),
		fielded("too-many-fields", refused, many(3000)...),
		fielded("folded-field", whole|refused, "X-Folded: a\r\n b"),
		fielded("field-without-colon", whole|refused, "nonsense"),
		fielded("field-without-name", whole|refused, ": nameless"),
		fielded("blank-before-colon", whole|refused, "X-Blank : b"),
		fielded("nul-in-a-field", whole|refused, "X-Nul: a\x00b"),
		fielded("cookies-and-hops", whole, "Set-Cookie: a=b", "Keep-Alive: timeout=5", "Connection: keep-alive, X-Hop", "X-Hop: 1", "Upgrade: h2c"),
		lined("http-1.0", whole|refused, "HTTP/1.0 200 OK"), // it knows no chunks
		lined("http-2", whole|refused, "HTTP/2.0 200 OK"),
		lined("http-without-version", refused, "HTTP 200 OK"),
		lined("icy", refused, "ICY 200 OK"),
		lined("status-without-reason", whole, "HTTP/1.1 200"),
		lined("status-of-letters", refused, "HTTP/1.1 abc OK"),
		lined("status-of-two-digits", refused, "HTTP/1.1 20 OK"),
		lined("status-negative", refused, "HTTP/1.1 -200 OK"),
		lined("status-999", refused, "HTTP/1.1 999 Beyond"),
		{name: "http-1.0-until-the-end", on: eitherWay, may: whole, play: func(a *performance) ending {
			w := a.framed(a.content(), byClosing)
			w.status, w.fields = "HTTP/1.0 200 OK", w.fields[:1]
			return a.gives(w)
		}},
		{name: "http-1.0-kept", on: eitherWay, may: whole, play: func(a *performance) ending {
			w := a.framed(a.content(), byLength)
			w.status, w.fields = "HTTP/1.0 200 OK", append(w.fields, "Connection: keep-alive")
			return a.gives(w)
		}},
		changed("bare-line-feeds", refused, func(_ *performance, w *wire) {
			w.status, w.fields, w.ending = strings.ReplaceAll(w.head(), "\r\n", "\n"), nil, closes
		}),
		{name: "dripping", on: eitherWay, may: whole, play: func(a *performance) ending {
			w := a.right()
			a.drips(w.String())
			return w.ending
		}},
		{name: "dripping-head-without-end", on: eitherWay, may: refused, waits: true, statuses: []int{502, 504}, play: func(a *performance) ending {
			a.drips("HTTP/1.1 200 OK\r\n" + strings.Join(many(300), "\r\n"))
			return stalls
		}},
	}
}

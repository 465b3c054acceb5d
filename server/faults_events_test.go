package server

import (
	"strings"
)

// eventFaults are streams that are framed well and in other ways unusual or wrong.
func eventFaults() []*fault {
	// reshaped changes the events, which are sent in one piece each.
	reshaped := func(name string, may ends, change func(a *performance, events []string) []string) *fault {
		return &fault{name: name, on: streaming, may: may, play: func(a *performance) ending {
			return a.gives(a.framed(change(a, a.content()), delimiting(a.rng.IntN(3))))
		}}
	}
	// replaced changes the text of the events.
	replaced := func(name string, pairs ...string) *fault {
		return reshaped(name, whole, func(_ *performance, events []string) []string {
			return []string{strings.NewReplacer(pairs...).Replace(strings.Join(events, ""))}
		})
	}
	inserted := func(name string, may ends, event string) *fault {
		return reshaped(name, may, func(a *performance, events []string) []string {
			at := 1 + a.rng.IntN(len(events)-1)
			return append(append(append([]string(nil), events[:at]...), event), events[at:]...)
		})
	}
	giant := func(name string, on mode, words int) *fault {
		return &fault{name: name, on: on, may: whole, long: words, play: func(a *performance) ending {
			pieces := a.content()
			if a.stream {
				pieces = a.events([]string{strings.Join(a.answer(), "")})
			}
			return a.gives(a.framed(pieces, delimiting(a.rng.IntN(3))))
		}}
	}
	return []*fault{
		replaced("ends-of-lines-cr", "\r\n", "\r", "\n", "\r"),
		replaced("ends-of-lines-crlf", "\r\n", "\r\n", "\n", "\r\n"),
		replaced("data-without-blank", "data: ", "data:"),
		reshaped("events-split-anywhere", whole, func(a *performance, events []string) (pieces []string) {
			text := strings.Join(events, "")
			for len(text) > 0 {
				n := min(1+a.rng.IntN(20), len(text))
				pieces, text = append(pieces, text[:n]), text[n:]
			}
			return pieces
		}),
		{name: "events-a-byte-at-a-time", on: streaming, may: whole, play: func(a *performance) ending {
			w := a.framed(strings.Split(strings.Join(a.content(), ""), ""), byChunks)
			a.say(w.head())
			for _, p := range w.pieces {
				a.say(p)
			}
			a.say(w.end)
			return goesOn
		}},
		{name: "lines-cr-a-byte-at-a-time", on: streaming, may: whole, play: func(a *performance) ending {
			text := strings.NewReplacer("\r\n", "\r", "\n", "\r").Replace(strings.Join(a.content(), ""))
			w := a.framed(strings.Split(text, ""), byChunks)
			a.drips(w.String())
			return goesOn
		}},
		reshaped("last-event-without-end", whole|cut, func(a *performance, events []string) []string {
			last := len(events) - 1
			events[last] = strings.TrimRight(events[last], "\r\n")
			return events
		}),
		reshaped("last-event-missing", whole|cut, func(a *performance, events []string) []string { return events[:len(events)-1] }),
		reshaped("last-events-missing", cut|refused, func(a *performance, events []string) []string { return events[:1+a.rng.IntN(a.words-1)] }),
		reshaped("events-behind-the-end", whole, func(a *performance, events []string) []string {
			if a.dialect == googleDialect {
				return events // nothing says that its last text is the last
			}
			return append(events, events[len(events)/2])
		}),
		inserted("comment-among-events", whole, ": still here\n\n"),
		inserted("unknown-fields-among-events", whole, "id: 5\nretry: 1000\nwhatever: x\n\n"),
		inserted("nothing-among-events", whole, "data:\n\ndata: \n\n\n\n"),
		inserted("error-among-events", cut|refused, "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"overheated\",\"type\":\"odd\"}}\n\n"),
		inserted("error-without-name-among-events", cut|refused, "data: {\"error\":{\"message\":\"overheated\",\"type\":\"odd\",\"code\":502}}\n\n"),
		inserted("broken-json-among-events", cut|refused, "data: {\"choices\":[{\"delta\":{\"conte\n\n"),
		inserted("page-among-events", cut|refused|whole, "<html><body>Bad Gateway</body></html>\n\n"),
		giant("giant-event", streaming, 20000),
		giant("giant-answer", plainly, 20000),
		{name: "many-events", on: streaming, may: whole, long: 5000, play: soundness.play},
	}
}

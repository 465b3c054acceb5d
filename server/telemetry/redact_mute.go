package telemetry

import (
	"bytes"
	"slices"
)

// Where a request has too many escapes to look through, nobody knows what of an event
// repeats it: to take out the secrets alone would tell whoever guesses which guess was
// right, and to leave them in would tell the secrets. So all goes that may repeat it.

// longestName is how long a value may be that is a name, and not what somebody says.
const longestName = 128

var (
	// names are the members that tell what an event is, and which answer it belongs to.
	names = []string{"id", "object", "model", "type", "role", "name", "status", "call_id", "item_id", "response_id", "finish_reason", "native_finish_reason", "stop_reason",
		"finishReason", "system_fingerprint", "service_tier", "responseId", "modelVersion", "provider", "phase"}
	// repeated are those in which nothing is: they are of the request.
	repeated = []string{"tools", "tool_choice", "text", "metadata"}
)

// TooManySigns says whether a text has more escapes than are looked through.
func TooManySigns(text []byte) bool { return len(text) > MostSigns && signsOf(text) > MostSigns }

// Mute puts stars in the place of each text in an event that is neither the model's nor
// a name and has room for a piece of a secret, whatever it is. Muted is false for an
// event that is not one object.
func Mute(event []byte) (muted bool) {
	start, end, one := dataOf(event)
	if !one || !isObject(event) {
		return false
	}
	m := muter{data: event[start:end], speech: SpeechIn(event), from: start, quiet: -1}
	for m.at = 0; m.at < len(m.data); m.at++ {
		switch m.data[m.at] {
		case '{', '[':
			m.depth++
		case '}', ']':
			if m.depth--; m.depth <= m.quiet {
				m.quiet = -1
			}
		case '"':
			m.text()
		}
	}
	return true
}

// muter goes through an object once.
type muter struct {
	data   []byte
	speech []Span // that is still to come
	from   int    // where data begins in the event
	at     int
	depth  int
	quiet  int // how deep the member stands in which nothing is a name, -1 for none
	member string
}

// text takes the string that begins here: the name of a member, or a value.
func (m *muter) text() {
	begin := m.at + 1
	for m.at = begin; m.data[m.at] != '"'; m.at++ { // which is valid JSON
		if m.data[m.at] == '\\' {
			m.at++
		}
	}
	text := m.data[begin:m.at]
	if bytes.HasPrefix(bytes.TrimLeft(m.data[m.at+1:], " \t\r\n"), []byte{':'}) {
		if m.member = string(text); m.depth <= m.quiet {
			m.quiet = -1
		}
		if m.quiet < 0 && slices.Contains(repeated, m.member) {
			m.quiet = m.depth
		}
		return
	}
	isName := m.quiet < 0 && len(text) <= longestName && slices.Contains(names, m.member)
	if len(text) >= SecretRun && !isName && !m.spoken(begin) {
		copy(text, bytes.Repeat([]byte{'*'}, len(text)))
	}
}

// spoken says whether the model speaks at a place, which is behind those before.
func (m *muter) spoken(at int) bool {
	at += m.from
	for len(m.speech) > 0 && m.speech[0].end <= at {
		m.speech = m.speech[1:]
	}
	return len(m.speech) > 0 && m.speech[0].start <= at
}

package telemetry

import (
	"bytes"
	"slices"

	"uniapi/codec/rawjson"
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
// a name and has room for a piece of a secret, whatever it is; of an event whose data
// is not one object, in the place of all that may repeat the request.
func Mute(event []byte) (changed bool) {
	if start, end, one := dataOf(event); one && muteObject(event[start:end]) {
		return true
	}
	if data, at := dataLines(event); muteObject(data) {
		for i, c := range data {
			if at[i] >= 0 {
				event[at[i]] = c
			}
		}
		return true
	}
	for _, s := range linesThatMayRepeat(event) {
		line := bytes.TrimSpace(bytes.TrimPrefix(event[s.start:s.end], []byte("data:")))
		if len(line) >= shortestSecret {
			copy(line, bytes.Repeat([]byte{'*'}, len(line)))
			changed = true
		}
	}
	return changed
}

// dataLines are the lines of an event's data as readers join them, and where each byte
// stands in the event, -1 for what stands between two lines.
func dataLines(event []byte) (data []byte, at []int) {
	for from := 0; from < len(event); {
		n := bytes.IndexAny(event[from:], "\r\n")
		if n < 0 {
			n = len(event) - from
		}
		if value, is := bytes.CutPrefix(event[from:from+n], []byte("data:")); is {
			if data != nil {
				data, at = append(data, '\n'), append(at, -1)
			}
			for i := range value {
				data, at = append(data, value[i]), append(at, from+n-len(value)+i)
			}
		}
		from += n + 1
	}
	return data, at
}

// muteObject is Mute for the data of an event, false if that is not one object.
func muteObject(data []byte) bool {
	v, err := rawjson.One(data)
	if err != nil || v.Kind != rawjson.Object {
		return false
	}
	m := muter{data: data, speech: speechOf(data, 0), quiet: -1}
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
	for len(m.speech) > 0 && m.speech[0].end <= at {
		m.speech = m.speech[1:]
	}
	return len(m.speech) > 0 && m.speech[0].start <= at
}

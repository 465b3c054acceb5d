package capture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// View is how closely exchanges are to be looked at.
type View int

// The views.
const (
	Exact View = iota // all but what is another at each time: ids, times, words of errors
	Forms             // which members, blocks and events there are: of answers that a model makes anew
)

// Section is a request or an answer as lines that can be compared: what it is made of, without its texts.
type Section struct {
	Title string
	Lines []string
}

// Sections are those of an exchange, in their order. Answers are looked at in a view, requests exactly.
func (e *Exchange) Sections(answers View) (all []Section) {
	add := func(title string, first string, m *Message, view View) {
		if m == nil {
			return
		}
		s := Section{Title: title}
		if first != "" {
			s.Lines = append(s.Lines, first)
		}
		s.Lines = append(s.Lines, m.lines(view)...)
		all = append(all, s)
	}
	add("the client asked", "", e.Client.Request, Exact)
	for i := range e.Attempts {
		a := &e.Attempts[i]
		add(fmt.Sprintf("attempt %d asked", i+1), fmt.Sprintf("in the format %s, for %s", a.Format, a.Upstream), a.Request, Exact)
		ended := ""
		if a.Failure != "" {
			ended = "the exchange failed: " + a.Failure
		}
		answer := a.Answer
		if answer == nil && ended != "" {
			answer = new(Message)
		}
		add(fmt.Sprintf("attempt %d was answered", i+1), ended, answer, answers)
	}
	if e.More > 0 {
		all = append(all, Section{"more attempts", []string{fmt.Sprint(e.More)}})
	}
	add("the client got", "", e.Client.Answer, answers)
	return all
}

// Headers whose values, or which themselves, are others at each time, or belong to the connection.
var passing = []string{"content-length", "connection", "transfer-encoding", "accept-encoding", "cache-control", "expect", "host", "date", "server", "user-agent",
	"x-request-id", "request-id", "idempotency-key", "x-stainless-retry-count"}

func (m *Message) lines(view View) (lines []string) {
	say := func(line string) { lines = append(lines, line) }
	switch {
	case m.Status != 0:
		say(fmt.Sprint("status ", m.Status))
	case m.Method != "":
		say(m.Method + " " + PathForm(m.URL))
	}
	var names []string
	for _, h := range m.Headers {
		switch name := strings.ToLower(h.Name); {
		case slices.Contains(passing, name), view == Forms && name != "content-type":
		case name == "content-type":
			kind, _, _ := strings.Cut(h.Value, ";")
			names = append(names, name+": "+strings.TrimSpace(kind))
		case slices.Contains(plainHeaders, name) && !strings.HasPrefix(name, "retry-after"):
			names = append(names, name+": "+h.Value)
		case slices.Contains(knownHeaders, name), slices.Contains(plainHeaders, name):
			names = append(names, name)
		}
	}
	slices.Sort(names)
	lines = append(lines, slices.Compact(names)...)
	if m.Cut {
		say("a body of which not all was kept")
		return lines
	}
	if body, err := m.Body(); err == nil && len(body) > 0 {
		o := outline{view: view, anyError: m.Status >= 400, left: new(mostTold)}
		lines = append(lines, o.body(body)...)
	}
	return lines
}

// PathForm is the path of an address, and the names in its query, without what names an account.
func PathForm(address string) string {
	rest, query, _ := strings.Cut(address, "?")
	if _, after, is := strings.Cut(rest, "://"); is {
		_, path, _ := strings.Cut(after, "/")
		rest = "/" + path
	}
	segments := strings.Split(rest, "/")
	for i, segment := range segments {
		if plain, err := url.PathUnescape(segment); err == nil {
			segment = plain
		}
		if segment != "" && !isPlainSegment(segments[:i], segment) {
			segment = "*"
		}
		segments[i] = segment
	}
	var names []string
	for part := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(part, "="); slices.Contains([]string{"alt", "api-version", "key"}, name) {
			names = append(names, name)
		}
	}
	path := strings.Join(segments, "/")
	if len(names) > 0 {
		path += "?" + strings.Join(names, "&")
	}
	return path
}

// outline says what a body is made of.
type outline struct {
	view     View
	anyError bool // all of it tells of one
	lines    []string
	last     []string // of several the one that was added last
	left     *int     // how many bytes may still be told
}

// A body is told up to here. What comes from somebody else may be made to be told at a length that is the square of
// its own.
const (
	mostTold    = 4 << 20
	mostNested  = 200
	longestName = 200 // of a member, and of the path to it
)

func (o *outline) body(body []byte) []string {
	first := bytes.TrimLeft(body, " \t\r\n")
	if values, err := values(body); err == nil && len(first) > 0 && (first[0] == '{' || first[0] == '[') {
		for _, v := range values {
			o.value("", place{error: o.anyError}, v)
		}
	} else if isEvents(first) {
		o.events(body)
	} else if isFrames(body) {
		o.frames(body)
	} else {
		o.say("", "a body of %s", o.size(len(body)))
	}
	return o.lines
}

// values are those of a JSON text; numbers as they are written.
func values(text []byte) (all []any, err error) {
	from := json.NewDecoder(bytes.NewReader(text))
	from.UseNumber()
	for from.More() {
		var v any
		if err := from.Decode(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// events tells of each, in its order. Comments are no events.
func (o *outline) events(body []byte) {
	text := strings.ReplaceAll(string(body), "\r\n", "\n")
	for block := range strings.SplitSeq(text, "\n\n") {
		name, data := "", []string{}
		for line := range strings.SplitSeq(block, "\n") {
			switch field, value, _ := strings.Cut(line, ":"); field {
			case "event":
				name = strings.TrimSpace(value)
			case "data":
				data = append(data, strings.TrimPrefix(value, " "))
			}
		}
		if name == "" && len(data) == 0 {
			continue
		}
		o.again(func(one *outline) { one.event(name, strings.Join(data, "\n")) })
	}
}

// again adds what is told of one of several. Where forms are of interest alone, one like the one before is none.
func (o *outline) again(tell func(one *outline)) {
	one := outline{view: o.view, left: o.left}
	tell(&one)
	if o.view == Forms && slices.Equal(one.lines, o.last) {
		return
	}
	o.last = one.lines
	o.lines = append(o.lines, one.lines...)
}

func (o *outline) event(name, data string) {
	all, err := values([]byte(data))
	switch {
	case err != nil || strings.TrimSpace(data) == "" || data == "[DONE]":
		o.say("event "+name, "%s", map[bool]string{true: "[DONE]", false: "no JSON"}[data == "[DONE]"])
	default:
		o.add(strings.TrimSpace("event " + name))
		for _, v := range all {
			o.value("  ", place{}, v)
		}
	}
}

// place is where a value stands.
type place struct {
	path, key, parent string
	error             bool // it tells of an error
	nested            int
}

func (p place) member(name string) place {
	in := p.below("." + shortened(name))
	if in.key, in.parent, in.error = name, p.key, p.error || name == "error"; p.path == "" {
		in.path = in.path[1:]
	}
	return in
}

// below is a place in another.
func (p place) below(step string) place {
	p.path, p.nested = p.path+step, p.nested+1
	if len(p.path) > 2*longestName {
		p.path = "…" + strings.ToValidUTF8(p.path[len(p.path)-longestName:], "")
	}
	return p
}

// shortened is a name as it is told.
func shortened(name string) string {
	if len(name) > longestName {
		return strings.ToValidUTF8(name[:longestName], "") + "…"
	}
	return name
}

func (o *outline) value(indent string, at place, v any) {
	if *o.left <= 0 {
		return
	}
	if at.nested >= mostNested {
		o.say(indent+at.path, "more, which is nested too deep to be compared")
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if made := frees[at.key] || at.key == "input"; made && o.view == Forms { // by a model, which chooses the names, too
			o.say(indent+at.path, "an object")
			return
		}
		if len(v) == 0 {
			o.say(indent+at.path, "{}")
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			o.value(indent, at.member(name), v[name])
		}
	case []any:
		o.list(indent, at, v)
	case string:
		o.say(indent+at.path, "%s", o.text(at, v))
	case json.Number:
		switch {
		case isTime(at.key):
			o.say(indent+at.path, "a time")
		case o.view == Forms:
			o.say(indent+at.path, "a number")
		default:
			o.say(indent+at.path, "%s", v)
		}
	default:
		o.say(indent+at.path, "%v", v)
	}
}

func (o *outline) list(indent string, at place, list []any) {
	isNumber := func(v any) bool { _, is := v.(json.Number); return is }
	if len(list) == 0 || !slices.ContainsFunc(list, func(v any) bool { return !isNumber(v) }) {
		o.say(indent+at.path, "%d numbers", len(list))
		return
	}
	o.last = nil
	for i, v := range list {
		step := fmt.Sprintf("[%d]", i)
		if o.view == Forms {
			step = "[]"
		}
		in := at.below(step)
		o.again(func(one *outline) { one.value(indent, in, v) })
	}
}

// text is what is told of a text.
func (o *outline) text(at place, text string) string {
	switch {
	case ids[at.key] && text != "":
		return "an id"
	case (words[at.key] || at.key == "code" && at.error || at.key == "name" && callers[at.parent]) && isWord(text):
		return text
	case text == "":
		return `""`
	case at.error || o.view == Forms || isTime(at.key):
		return "a text"
	}
	return "a text of " + o.size(len(text))
}

func (o *outline) size(n int) string {
	if o.view == Forms {
		return "some bytes"
	}
	return fmt.Sprintf("%d bytes", n)
}

func (o *outline) say(path, format string, args ...any) {
	o.add(strings.TrimRight(path+": "+fmt.Sprintf(format, args...), " "))
}

// add tells a line, as far as there is room.
func (o *outline) add(line string) {
	if *o.left <= 0 {
		return
	}
	if *o.left -= len(line) + 1; *o.left <= 0 {
		line = "and more, which is too long to be compared"
	}
	o.lines = append(o.lines, line)
}

// isTime says whether a member tells when something was.
func isTime(name string) bool {
	return name == "created" || strings.HasSuffix(name, "_at") || name == "createTime"
}

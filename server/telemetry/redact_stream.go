package telemetry

import (
	"bytes"
	"strings"

	"uniapi/codec/rawjson"
)

// span is from one place in a text to another.
type Span struct{ start, end int }

// overwrite puts stars in the place of the secrets in an event, but for what lies in
// one of the spans, and for pieces of which keep is true.
func (r *Redactor) Overwrite(event []byte, but []Span, keep func(piece string) bool) (changed bool) {
	before := bytes.Clone(event)
	valid := isObject(event)
	for range mostPasses {
		some := false
		var pieces []piece
		layers(string(event), true, func(u *unescaped) bool {
			pieces = r.pieces(pieces, u, keep)
			return true
		})
		for _, p := range pieces {
			if inside(but, p.start, p.end) {
				continue
			}
			some = true
			for i := p.start; i < p.end; i++ {
				if event[i] != '\n' && event[i] != '\r' {
					event[i] = '*'
				}
			}
		}
		if !some {
			break
		}
		changed = true
	}
	if valid && !isObject(event) { // half of an escape is left, or a quote is not
		copy(event, before)
		for i, c := range event {
			if c != '\n' && c != '\r' {
				event[i] = '*'
			}
		}
		event[0] = ':' // a comment, which clients pass over
	}
	return changed
}

func inside(spans []Span, start, end int) bool {
	for _, s := range spans {
		if start >= s.start && end <= s.end {
			return true
		}
	}
	return false
}

// linesThatMayRepeat are the lines of an event that may have some of the request in
// them: all but comments and fields beside the data.
func linesThatMayRepeat(event []byte) (spans []Span) {
	for at := 0; at < len(event); {
		n := bytes.IndexAny(event[at:], "\r\n")
		if n < 0 {
			n = len(event) - at
		}
		switch line := event[at : at+n]; {
		case bytes.HasPrefix(line, []byte(":")), bytes.HasPrefix(line, []byte("event:")), bytes.HasPrefix(line, []byte("id:")):
		default:
			spans = append(spans, Span{at, at + n})
		}
		at += n + 1
	}
	return spans
}

// dataOf is the data of an event that has one line of it: where it begins and ends.
func dataOf(event []byte) (start, end int, ok bool) {
	for at := 0; at < len(event); {
		line := event[at:]
		n := bytes.IndexAny(line, "\r\n")
		if n < 0 {
			n = len(line)
		}
		if value, is := bytes.CutPrefix(line[:n], []byte("data:")); is {
			if ok {
				return 0, 0, false
			}
			start, end, ok = at+n-len(value), at+n, true
		}
		at += n + 1
	}
	return start, end, ok
}

func isObject(event []byte) bool {
	start, end, ok := dataOf(event)
	if !ok {
		return false
	}
	v, err := rawjson.One(event[start:end])
	return err == nil && v.Kind == rawjson.Object
}

// speechIn is where in an event the model speaks.
func SpeechIn(event []byte) (spans []Span) {
	if start, end, ok := dataOf(event); ok {
		return speechOf(event[start:end], start)
	}
	data, at := dataLines(event)
	spans = speechOf(data, 0)
	for i, s := range spans {
		spans[i] = Span{at[s.start], at[s.end-1] + 1}
	}
	return spans
}

// speechOf is SpeechIn for the data of an event, which begins there.
func speechOf(data []byte, start int) (spans []Span) {
	top, err := rawjson.One(data)
	if err != nil {
		return nil
	}
	kind, _ := rawjson.Text(data, top.Get(data, "type"))
	f := speechFinder{data: data, at: start}
	f.object(top, strings.HasPrefix(kind, "response."), 0)
	return f.spans
}

type speechFinder struct {
	data  []byte
	at    int
	spans []Span
}

// mostSpeech is how deep in an event a model's words stand at most.
const mostSpeech = 12

// object finds the members in which a model speaks. Answering is inside of a member
// that holds a piece of an answer.
func (f *speechFinder) object(v rawjson.Value, answering bool, depth int) {
	for it := v.Members(f.data); it.Next(); {
		name := it.Name()
		if answering && speaks(name, it.Value.Kind == rawjson.String) {
			f.spans = append(f.spans, Span{f.at + it.Value.Start, f.at + it.Value.End})
			continue
		}
		if name != "error" {
			f.value(it.Value, answering || holdsAnswer(name), depth+1)
		}
	}
}

func (f *speechFinder) value(v rawjson.Value, answering bool, depth int) {
	switch {
	case depth > mostSpeech:
	case v.Kind == rawjson.Object:
		f.object(v, answering, depth)
	case v.Kind == rawjson.Array:
		for it := v.Elements(f.data); it.Next(); {
			f.value(it.Value, answering, depth+1)
		}
	}
}

// holdsAnswer names the members that hold a piece of an answer, in all formats.
func holdsAnswer(name string) bool {
	switch name {
	case "choices", "candidates", "content_block", "delta", "output":
		return true
	}
	return false
}

// speaks names the members that are a model's words, or all of what it gives to a
// function.
func speaks(name string, isText bool) bool {
	switch name {
	case "args", "arguments", "input", "partialArgs":
		return true
	case "text", "content", "reasoning", "reasoning_content", "refusal", "thinking", "signature", "partial_json", "delta", "code", "transcript",
		"thoughtSignature", "encrypted_content", "output":
		return isText
	}
	return false
}

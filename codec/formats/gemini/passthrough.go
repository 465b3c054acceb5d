package gemini

import (
	"bytes"
	"errors"
	"slices"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
	"uniapi/codec/trigger"
)

// Inspector reads a stream of generateContent for a passthrough.Stream. Google has no event that is the last: the
// answer is complete with its finishReason, and what it counts may come behind that.
type Inspector struct {
	answer answer
	said   []codec.Event
	passed int64 // characters of what has been said
}

var _ passthrough.Inspector = (*Inspector)(nil)

// Reset implements passthrough.Inspector.
func (in *Inspector) Reset() {
	in.passed = 0
	a := &in.answer
	*a = answer{text: a.text[:0], choices: a.choices[:0], shape: template{bytes: a.shape.bytes[:0], holes: a.shape.holes[:0]}}
}

// Usage implements passthrough.Inspector.
func (in *Inspector) Usage() codec.Usage {
	u := in.answer.usage
	in.answer.tools(&u)
	return u
}

// Said implements passthrough.Inspector.
func (in *Inspector) Said() int64 { return in.passed }

// Failure implements passthrough.Inspector. Behind a finish, which old versions repeat in every object, only an error
// matters.
func (in *Inspector) Failure(_, block []byte) *codec.Error {
	block = bytes.TrimSpace(block)
	v, err := rawjson.One(block)
	if in.answer.finished() && (err != nil || !errorObject(block, v).Present()) {
		return nil
	}
	return foreignError(block)
}

// Event implements passthrough.Inspector.
func (in *Inspector) Event(name, data []byte, begun bool) passthrough.Sign {
	a := &in.answer
	if begun && a.shape.match(data) { // nothing but its text and its counts is new
		a.shape.miss = 0
		a.usage.Update(a.shape.counts.usage())
		in.passed += estimate.Weight(data[a.shape.text.Start+1 : a.shape.text.End-1])
		return passthrough.Sign{Plain: len(name) == 0}
	}
	a.text = a.text[:0]
	dropped := a.Dropped()
	in.said = a.object(in.said[:0], data)
	if a.Dropped() > dropped {
		return passthrough.NotJSON(errNotWhole)
	}
	for i := range in.said {
		in.passed += in.said[i].Said()
	}
	if a.err == nil && a.blocked != "" && !a.started && !a.finished() {
		a.err = errBlocked(a.blocked, a.message)
	}
	return passthrough.Sign{Begins: a.started, Err: a.err}
}

var errNotWhole = errors.New("it is cut off or garbled")

// Forget implements passthrough.Learner.
func (in *Inspector) Forget() {
	in.answer.shape = template{bytes: in.answer.shape.bytes[:0], holes: in.answer.shape.holes[:0]}
}

// Head implements passthrough.Inspector. What is so large is an image, or an error that can be told by its first
// member.
func (in *Inspector) Head(_, data []byte, _ bool) passthrough.Sign {
	a := &in.answer
	it := rawjson.MembersOf(data)
	for it.Next() {
		if it.Name() == "error" && it.Value.Present() {
			whole := slices.Concat([]byte(`{"error":`), it.Value.Raw(data), []byte{'}'})
			a.err = foreignError(whole)
			return passthrough.Sign{Err: a.err}
		}
	}
	if it.Key.End > 0 && it.Name() == "error" {
		a.err = codec.NoAnswer("the upstream reported an error whose text is too long")
		return passthrough.Sign{Err: a.err}
	}
	a.started, a.seen = true, true
	a.state(0).said = true
	in.passed += estimate.MediaTokens * estimate.CharactersPerToken
	return passthrough.Sign{Begins: true}
}

// Tail implements passthrough.Inspector. Counts and finishes stand behind what makes an event large.
func (in *Inspector) Tail(data []byte) passthrough.Sign {
	a := &in.answer
	a.usage.Update(readUsage(data, passthrough.EndMember(data, `"usageMetadata"`, 2)))
	if finish := passthrough.EndMember(data, `"finishReason"`, 4); finish.Present() {
		a.state(0).finish = a.keep(data, finish)
	}
	return passthrough.Sign{}
}

// End implements passthrough.Inspector.
func (in *Inspector) End(bool) (last string, err *codec.Error) {
	in.said = in.answer.end(in.said[:0], false)
	return "", in.answer.err
}

// CheckAnswer looks at a whole plain answer that came with a success status, and returns its usage. The error, always a
// *codec.Error, says that it is none: an error object, a page, a refused prompt, an answer that says nothing, or one
// that holds one of the operator's error triggers.
func CheckAnswer(body []byte, triggers []string) (codec.Usage, error) {
	var a answer
	text := bytes.TrimSpace(body)
	if v, err := rawjson.One(text); err == nil && v.Kind != rawjson.Object {
		if errorObject(text, v).Present() {
			return a.usage, answerError(text, v)
		}
		return a.usage, codec.NoAnswer("the upstream answered with " + v.Kind.String() + " where a JSON object was due")
	}
	a.object(nil, text)
	if a.err == nil {
		a.end(nil, true)
	}
	if a.err != nil {
		return a.usage, a.err
	}
	if e := trigger.InJSON(body, triggers); e != nil {
		return a.usage, e
	}
	return a.usage, nil
}

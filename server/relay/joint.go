package relay

import (
	"slices"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/seam"
)

// Joint is one answer to the client out of several streams: where one breaks off, another goes on (stream_recovery:
// continue). All are decoded, and it is the encoder of each, with one behind it for all, so that there is one
// beginning, one end, and indices and ids that go on.
type Joint struct {
	encoder codec.StreamEncoder
	text    []byte // that the client has
	said    int64  // characters that the client has, thinking included
	plain   bool   // it is text alone, so that another can go on with it
	ended   bool   // it is complete: the client has its finish
	cut     []byte // the beginning of a character whose rest has not come

	of    Request // that the stream in hand answers
	again bool    // it is not the first
	upto  int     // how much of the text there was when it was asked for
	seam  *seam.Seam
	base  codec.Usage // of those that broke off

	Marked     bool // the stream in hand was asked for with the text marked as a prefix
	Instructed bool // or with an instruction to go on
}

// Joinable says whether an answer to a request may be text alone: one, in no form that the half of it would break, and
// nothing that only its own format can say.
func Joinable(q *codec.Request) bool {
	if slices.ContainsFunc(q.Tools, func(t codec.Tool) bool { return t.Kind == codec.ToolHosted }) {
		return false
	}
	for _, m := range q.Modalities {
		if m != "text" && m != "TEXT" {
			return false
		}
	}
	return (q.N == nil || *q.N <= 1) && (q.Output == nil || q.Output.Kind == codec.OutputText) && (q.LogProbs == nil || !*q.LogProbs)
}

// NewJoint begins an answer that others may go on with. The encoder is the client's.
func NewJoint(encoder codec.StreamEncoder, of Request) *Joint {
	return &Joint{encoder: encoder, plain: true, of: of}
}

// Next has another request answered by the rest. What there is of a character that was cut in two is forgotten: the
// client has none of it, and gets it whole.
func (j *Joint) Next(of Request) {
	j.of, j.again, j.upto = of, true, len(j.text)
	j.cut, j.seam, j.Marked, j.Instructed = nil, nil, false, false
}

// Plain says whether another can go on with the answer: it is text alone.
func (j *Joint) Plain() bool { return j.plain }

// Ended says whether the answer is complete: the client has its finish.
func (j *Joint) Ended() bool { return j.ended }

// Text is what the client has, as long as another can go on with it.
func (j *Joint) Text() []byte { return j.text }

// Given is how many bytes of it there were when the stream in hand was asked for.
func (j *Joint) Given() int { return j.upto }

// Left is how many tokens are left of so many that the client allows the answer; with nothing left it is 0 or less.
func (j *Joint) Left(most int64) int64 {
	return most - max(estimate.Text(j.said), j.base.Completion) // what a provider told may be more than what is guessed
}

// Add adds what a stream came to that broke off.
func (j *Joint) Add(u codec.Usage) {
	j.base.Add(u)
	j.base.Total = 0 // which one of them may not tell
}

// begin is for when the stream in hand begins.
func (j *Joint) begin() {
	if j.again {
		j.seam = seam.New(j.text, j.Instructed)
	}
}

// Held is how many bytes are held for others to go on with.
func (j *Joint) Held() int {
	n := cap(j.text)
	if j.seam != nil {
		n += j.seam.Held()
	}
	return n
}

// forget has no other go on: the answer is more than text, or too long.
func (j *Joint) forget() { j.plain, j.text = false, nil }

// brokeOff says whether an event means that the provider gave up an answer that another can go on with.
func (j *Joint) brokeOff(e *codec.Event) bool {
	return j.plain && e.Kind == codec.EventFinish && e.Finish.Reason == codec.FinishError
}

// Append implements codec.StreamEncoder.
func (j *Joint) Append(dst []byte, e *codec.Event) []byte {
	switch e.Kind {
	case codec.EventPing:
		return j.encoder.Append(dst, e)
	case codec.EventStart:
		if j.again {
			return j.count(dst, e.Usage)
		}
		return j.encoder.Append(dst, e)
	case codec.EventUsage:
		return j.count(dst, e.Usage)
	case codec.EventText:
		return j.say(dst, e)
	case codec.EventReasoning, codec.EventReasoningEnd:
		return j.think(dst, e)
	}
	dst = j.flush(dst)
	if e.Kind == codec.EventFinish {
		j.ended = true
		return j.encoder.Append(dst, e)
	}
	j.forget()
	if c := e.Citation; c != nil && j.again { // it counts from where its own answer begins
		moved, at := *e, *c
		at.Start, at.End = 0, 0
		moved.Citation = &at
		return j.encoder.Append(dst, &moved)
	}
	j.said += e.Said()
	return j.encoder.Append(dst, e)
}

// think writes thinking, which another can go on behind as long as nobody has signed it. Once there is text, that of
// those who go on is theirs alone: the client has had the thinking before it.
func (j *Joint) think(dst []byte, e *codec.Event) []byte {
	if e.ProvesText() {
		return j.encoder.Append(dst, e)
	}
	if j.upto > 0 {
		return dst
	}
	if e.Signature.Value != "" || e.Reasoning != nil && e.Reasoning.Encrypted != "" {
		j.forget()
	}
	j.said += e.Said()
	return j.encoder.Append(dst, e)
}

// say writes a piece of text without what it repeats, and without a character that is not whole. Google's signatures of
// texts go behind what there is of the piece: they are of the thinking that led to it, and may come with the first
// piece of many.
func (j *Joint) say(dst []byte, e *codec.Event) []byte {
	if _, signed := e.TextProof(); signed && e.Choice == 0 {
		unsigned := *e
		unsigned.Signature = codec.Signature{}
		dst = j.say(dst, &unsigned)
		return j.encoder.Append(dst, &codec.Event{Kind: codec.EventText, Signature: e.Signature})
	}
	if e.Choice != 0 {
		j.forget()
	}
	if !j.plain {
		return j.encoder.Append(j.flush(dst), e)
	}
	text := e.Text
	if j.seam != nil {
		text = j.seam.Push(text)
	}
	if len(j.cut) > 0 {
		text = append(j.cut, text...)
	}
	whole := wholeCharacters(text)
	piece := *e
	piece.Text = text[:whole]
	dst = j.write(dst, &piece)
	j.cut = append([]byte(nil), text[whole:]...)
	return dst
}

// flush writes text that was held back.
func (j *Joint) flush(dst []byte) []byte {
	if j.seam == nil && len(j.cut) == 0 {
		return dst
	}
	text := j.cut
	if j.seam != nil {
		text = append(text, j.seam.End()...)
	}
	j.seam, j.cut = nil, nil
	return j.write(dst, &codec.Event{Kind: codec.EventText, Text: text})
}

// write writes text that is new.
func (j *Joint) write(dst []byte, e *codec.Event) []byte {
	if len(e.Text) == 0 {
		return dst
	}
	j.said += e.Said()
	if j.plain {
		if j.text = append(j.text, e.Text...); len(j.text) > MostBuffered {
			j.forget()
		}
	}
	return j.encoder.Append(dst, e)
}

// wholeCharacters is how much of a text is left without the beginning of a character at its end.
func wholeCharacters(text []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		at := len(text) - back
		if utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				return at
			}
			break
		}
	}
	return len(text)
}

// count tells the client what the answer has cost so far, all streams together.
func (j *Joint) count(dst []byte, u codec.Usage) []byte {
	if !u.Tells() {
		return dst
	}
	return j.encoder.Append(dst, &codec.Event{Kind: codec.EventUsage, Usage: j.with(u)})
}

func (j *Joint) with(u codec.Usage) codec.Usage {
	if !j.again {
		return u
	}
	sum := j.base
	sum.Add(u)
	sum.Total = 0 // which one of them may not tell
	return sum
}

// Fail implements codec.StreamEncoder.
func (j *Joint) Fail(dst []byte, e *codec.Error) []byte { return j.encoder.Fail(dst, e) }

// End implements codec.StreamEncoder. Where one stream of several has not told its usage, or half of it is missing,
// that is estimated, as it is for the books: the client is to see what the whole cost.
func (j *Joint) End(dst []byte) []byte {
	dst = j.flush(dst)
	if u := j.of.ToldUsage(); j.again || untold(&u, true) {
		if !u.Complete() {
			j.of.GuessUsage(&u)
		}
		dst = j.count(dst, u)
	}
	return j.encoder.End(dst)
}

// finish ends the answer where its last stream broke off behind the last word, or where it is as long as it may be.
func (j *Joint) finish() []byte {
	var dst []byte
	if !j.ended {
		dst = j.encoder.Append(dst, &codec.Event{Kind: codec.EventFinish, Finish: codec.Finish{Reason: codec.FinishLength, Native: "length"}})
	}
	dst = j.encoder.Append(dst, &codec.Event{Kind: codec.EventUsage, Usage: j.base})
	return j.encoder.End(dst)
}

package codec

import "uniapi/codec/rawjson"

// Told is what an answer, or a piece of one, says of usage and errors beside what it answers, wherever providers that
// speak as OpenAI does put that.
type Told struct {
	Usage   Usage
	Counts  bool // there is a usage
	Failure *Error

	status int64 // Groq and others put it beside the error object
}

// Member reads a member of the object if it is one of: status_code, service_tier, usage, usageMetadata, usage_metadata,
// meta, x_groq, error, base_resp.
func (t *Told) Member(data []byte, it *rawjson.Members) {
	switch it.Name() {
	case ServiceTier:
		if tier := TierTold(data, it.Value); tier != "" {
			t.Usage.Tier = tier
		}
	case "status_code":
		t.status, _ = rawjson.Int(data, it.Value)
	case "usage", "usageMetadata", "usage_metadata":
		t.TakeUsage(data, it.Whole())
	case "meta":
		if v := it.Whole(); v.Kind == rawjson.Object {
			u, _ := ReadBilled(data, v)
			t.Usage.Update(u)
		}
	case "x_groq":
		v := it.Whole()
		t.TakeUsage(data, v.Get(data, "usage"))
		t.TakeError(data, v.Get(data, "error"))
	case "error":
		t.TakeError(data, it.Whole())
	case "base_resp":
		v := it.Whole()
		if n, ok := rawjson.Int(data, v.Get(data, "status_code")); ok && n != 0 && n != 200 {
			t.Failure = AnswerError(data, v)
		}
	}
}

// End takes the end of the object. The error says that it is none, or not whole; what was found before is there all the
// same.
func (t *Told) End(it *rawjson.Members) error {
	if err := it.Err(); err != nil {
		// Of a body that is cut off in its error member the error is still certain.
		if it.Key.End > 0 && it.Name() == "error" && t.Failure == nil {
			t.Failure = NoAnswer("the upstream answered with an error that is not valid JSON or too long")
		}
		return err
	}
	if t.Failure != nil && t.Failure.Class == Semantic && t.status >= 400 && t.status <= 599 {
		t.Failure.Status, t.Failure.Numbered = int(t.status), true
		t.Failure.Type = ""
		t.Failure.Classify(t.Failure.Raw)
	}
	return nil
}

// TakeUsage reads a usage member.
func (t *Told) TakeUsage(data []byte, v rawjson.Value) {
	if !v.Present() {
		return
	}
	t.Counts = true
	u, _ := ReadUsage(data, v)
	t.Usage.Update(u)
}

// TakeError reads an error member unless it says that there is none: null, "", {}, or the object with nothing in it
// that some upstreams send with every answer.
func (t *Told) TakeError(data []byte, v rawjson.Value) {
	switch v.Kind {
	case rawjson.String:
		if v.End-v.Start == len(`""`) {
			return
		}
	case rawjson.Object:
		blank := true
		for it := v.Members(data); it.Next(); {
			blank = blank && (!it.Value.Present() || it.Value.Kind == rawjson.String && it.Value.End-it.Value.Start == len(`""`))
		}
		if blank {
			return
		}
	case rawjson.Missing, rawjson.Null, rawjson.False:
		return
	}
	t.Failure = AnswerError(data, v)
}

// FailureIn is the error in what came where an answer was due: an error of any shape, a page, words, or an object that
// says nothing. Nil if it is an answer, be it of another format.
func FailureIn(body []byte) *Error {
	if _, err := CheckObject(body); err != nil {
		e, _ := err.(*Error)
		return e
	}
	v, err := rawjson.One(body)
	if err != nil {
		return NotAnAnswer(body)
	}
	for it := v.Members(body); it.Next(); {
		if name := it.Name(); (name == "choices" || name == "data") && it.Value.Kind == rawjson.Array && it.Value.End-it.Value.Start > len("[]") {
			return nil
		}
	}
	if new(Error).SaysError(body, v) {
		return AnswerError(body, v)
	}
	return Empty()
}

// CheckObject looks at a whole answer that is no conversation's, and returns its usage. The error, always an *Error,
// says that it is none: any JSON object that is no error will do.
func CheckObject(body []byte) (Usage, error) {
	var t Told
	it := rawjson.MembersOf(body)
	for it.Step() {
		if it.Name() == "choices" {
			v := it.Whole()
			for choices := v.Elements(body); choices.Next(); {
				t.TakeUsage(body, choices.Value.Get(body, "usage"))
				t.TakeError(body, choices.Value.Get(body, "error"))
			}
			continue
		}
		t.Member(body, &it)
	}
	err := t.End(&it)
	switch {
	case t.Failure != nil:
		return t.Usage, t.Failure
	case err != nil:
		return t.Usage, NotAnAnswer(body)
	}
	return t.Usage, nil
}

package openai

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/trigger"
)

// CheckAnswer looks at a whole plain answer that came with a success status, in one pass, and returns its usage. The
// error, always a *codec.Error, says that it is none: an error object, HTML or anything else that is not a JSON object,
// an answer that says nothing, or one that holds one of the operator's error triggers.
func CheckAnswer(body []byte, triggers []string) (codec.Usage, error) {
	var f findings
	return f.check(body, triggers)
}

// CheckChat is CheckAnswer for an answer that passes, and says whether it lacks something that clients read: see
// Mended.
func CheckChat(body []byte, triggers []string) (u codec.Usage, lacking bool, err error) {
	var f findings
	u, err = f.check(body, triggers)
	l := f.lacks()
	return u, l.unnamed || l.inMessage(), err
}

func (f *findings) check(body []byte, triggers []string) (codec.Usage, error) {
	err := f.inspect(body)
	switch {
	case f.Failure != nil:
		return f.Usage, f.Failure
	case err != nil:
		return f.Usage, codec.NotAnAnswer(body)
	}
	if e := trigger.InJSON(body, triggers); e != nil {
		return f.Usage, e
	}
	if !f.content {
		return f.Usage, f.emptyAnswer(body)
	}
	return f.Usage, nil
}

// emptyAnswer is nil for an answer that has a reason to say nothing: a model that spent its tokens on thinking, or a
// filter. To ask another channel would cost the same again and end the same way.
func (f *findings) emptyAnswer(body []byte) error {
	if failure := finishFailure(f.finish); failure != nil {
		return failure
	}
	if f.choices && (f.finish == "length" || f.finish == "content_filter") {
		return nil
	}
	if failure := f.disguised(body); failure != nil {
		return failure
	}
	return codec.Empty()
}

// disguised is the error in an object that has neither an error member nor a choice, but a message: Alibaba, Mistral
// and FastAPI servers write errors so. Nil if there is no such thing.
func (f *findings) disguised(data []byte) *codec.Error {
	if f.choices {
		return nil
	}
	v, err := rawjson.One(data)
	if err != nil || !new(codec.Error).SaysError(data, v) {
		return nil
	}
	return codec.AnswerError(data, v)
}

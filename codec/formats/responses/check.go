package responses

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
	"uniapi/codec/trigger"
)

// CheckAnswer looks at a whole plain answer that came with a success status, and returns its usage. The error, always a
// *codec.Error, says that it is none: an error object, a page, a response that failed or says nothing, or one that
// holds one of the operator's error triggers. A response that is made in the background has yet to say something.
func CheckAnswer(body []byte, triggers []string) (codec.Usage, error) {
	var w whole
	err := w.check(body, triggers)
	return w.Usage, err
}

// whole is what is to be known of a whole answer. It is read once.
type whole struct {
	codec.Told
	status string
	named  bool // it has an id
	worded bool // it has a message at its top, as errors have
	listed bool // it has a list of items
	said   bool // one of them has anything for its reader

	searches searches // among them
}

func (w *whole) check(body []byte, triggers []string) error {
	if e := w.read(body); e != nil {
		return e
	}
	if e := trigger.InJSON(body, triggers); e != nil {
		return e
	}
	switch w.status {
	case "failed", "cancelled":
		return failed(nil, rawjson.Value{})
	case "incomplete", "queued", "in_progress":
		return nil
	}
	switch {
	case !w.listed:
		return noResponse(body)
	case !w.said:
		return codec.Empty()
	}
	return nil
}

// read goes through the answer. The error is one that the body is, or that it is no answer.
func (w *whole) read(body []byte) *codec.Error {
	it := rawjson.MembersOf(body)
	for it.Step() {
		switch it.Name() {
		case "id":
			w.named = it.Value.Kind == rawjson.String && passHolds(it.Value)
		case "message":
			w.worded = it.Value.Kind == rawjson.String && passHolds(it.Value)
		case "status":
			w.status, _ = rawjson.Text(body, it.Value)
		case "output":
			w.listed = it.Value.Kind == rawjson.Array
			w.said, w.searches = false, searches{}
			items := it.Elements()
			for items.Step() {
				w.item(body, &items)
			}
			it.Leave(&items.Walk)
		default:
			w.Member(body, &it)
		}
	}
	e := toldError(&w.Told, &it, body, w.worded)
	w.searches.tell(&w.Usage)
	return e
}

// toldError is the error that was found in an answer which has been gone through, nil if there is none.
func toldError(t *codec.Told, it *rawjson.Members, body []byte, worded bool) *codec.Error {
	switch err := t.End(it); {
	case t.Failure != nil:
		return blamed(t.Failure)
	case err != nil:
		return blamed(codec.NotAnAnswer(body))
	case worded:
		e := asError(body)
		return e
	}
	return nil
}

// item goes through the item that a walk is at, once: whether it says anything is told as by passSays.
func (w *whole) item(data []byte, items *rawjson.Elements) {
	if items.Value.Kind != rawjson.Object {
		return
	}
	kind := ""
	var text, summary, content, sealed bool // whether they hold anything
	it := items.Members()
	for it.Step() {
		switch it.Name() {
		case "type":
			kind, _ = rawjson.Text(data, it.Value)
		case "summary":
			summary = passHolds(it.Whole())
		case "encrypted_content":
			sealed = passHolds(it.Whole())
		case "content":
			text = false
			parts := it.Elements()
			for parts.Step() {
				text = partSays(&parts) || text
			}
			it.Leave(&parts.Walk)
			content = passHolds(it.Whole())
		}
	}
	items.Leave(&it.Walk)
	says := true
	switch kind {
	case "message":
		says = text
	case "reasoning":
		says = summary || content || sealed
	case "web_search_call", "file_search_call", "code_interpreter_call": // it is mostly short, and may be read again
		w.searches.count(data, items.Value)
	}
	w.said = w.said || says
}

// partSays says whether a part of a message is not empty.
func partSays(parts *rawjson.Elements) bool {
	text, refusal := false, false
	it := parts.Members()
	for it.Step() {
		switch it.Name() {
		case "text":
			text = passHolds(it.Whole())
		case "refusal":
			refusal = passHolds(it.Whole())
		}
	}
	parts.Leave(&it.Walk)
	return text || refusal
}

package anthropic

import (
	"bytes"
	"errors"

	"uniapi/codec"
	"uniapi/codec/estimate"
	"uniapi/codec/passthrough"
	"uniapi/codec/rawjson"
	"uniapi/codec/trigger"
)

// Inspector reads a Messages stream for a passthrough.Stream. The answer begins with what the decoder finds to say
// something: an upstream that is overloaded often notices behind message_start.
type Inspector struct {
	events Events
	said   []codec.Event
	passed int64 // characters of what has been said
}

var (
	_ passthrough.Inspector = (*Inspector)(nil)
	_ passthrough.Mender    = (*Inspector)(nil)
)

// Mend implements passthrough.Mender: a message without an id gets one.
func (in *Inspector) Mend(dst, name, data []byte) []byte {
	return passthrough.AppendWithID(dst, name, data, "message", codec.NewID("msg_"))
}

// unnamed says whether the last event begins a message without an id.
func (in *Inspector) unnamed() bool {
	return len(in.said) > 0 && in.said[0].Kind == codec.EventStart && in.said[0].ID == ""
}

// Reset implements passthrough.Inspector.
func (in *Inspector) Reset() {
	in.events.blocks.Reset()
	in.events = Events{text: in.events.text[:0], blocks: in.events.blocks}
	in.passed = 0
}

// Usage implements passthrough.Inspector.
func (in *Inspector) Usage() codec.Usage { return in.events.counts.usage() }

// Failure implements passthrough.Inspector.
func (in *Inspector) Failure(_, block []byte) *codec.Error { return answerFailure(block) }

// Event implements passthrough.Inspector.
func (in *Inspector) Event(name, data []byte, begun bool) passthrough.Sign {
	if begun && goesOn(name, data) {
		plain := isPlain(name, data)
		if !plain {
			if _, err := rawjson.One(data); err != nil {
				return passthrough.NotJSON(err)
			}
		}
		in.passed += max(estimate.Weight(data[min(beforeDelta, len(data)):])-int64(len(emptyDelta)-beforeDelta), 0)
		return passthrough.Sign{Plain: plain}
	}
	if string(name) == hostsEvent || bytes.HasPrefix(data, []byte(`{"type":"`+hostsEvent)) {
		return passthrough.Sign{Hidden: true}
	}
	d := &in.events
	d.Reset()
	dropped := d.Dropped()
	in.said = d.Append(in.said[:0], data)
	if d.Dropped() > dropped {
		return passthrough.NotJSON(errNotWhole)
	}
	for i := range in.said {
		in.passed += in.said[i].Said()
	}
	if d.err == nil && string(name) == "error" {
		d.Fail(answerFailure(data))
	}
	return passthrough.Sign{Begins: in.begins(), Done: d.stopped, Err: d.err, Lacks: d.err == nil && in.unnamed() && bytes.Contains(data, messageMember)}
}

// hostsEvent is one that Vertex puts among Claude's, with counts that the format's own have as well. Clients with a
// list of the events that there are end at it.
const hostsEvent = "vertex_event"

// messageMember is what an id can be put into.
var messageMember = []byte(`"message"`)

var errNotWhole = errors.New("it is cut off or garbled")

// emptyDelta is what stands around the text of an event that goes on.
const (
	emptyDelta  = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}`
	beforeDelta = len(emptyDelta) - len(`"}}`)
)

// Said implements passthrough.Inspector.
func (in *Inspector) Said() int64 { return in.passed }

// goesOn says whether an event only goes on with an answer, which is so of nearly all. These neither count nor end
// anything, and an event that is cut off is not one of them.
func goesOn(name, data []byte) bool {
	const delta = `{"type":"content_block_`
	return (bytes.HasPrefix(name, []byte("content_block_")) || len(name) == 0 && bytes.HasPrefix(data, []byte(delta))) &&
		data[len(data)-1] == '}'
}

// isPlain says whether an event is a delta as Anthropic writes it, with one text in it, and nothing beside.
func isPlain(name, data []byte) bool {
	const lead = `{"type":"content_block_delta","index":`
	if len(name) > 0 && string(name) != "content_block_delta" || !bytes.HasPrefix(data, []byte(lead)) {
		return false
	}
	rest := data[len(lead):]
	for len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
		rest = rest[1:]
	}
	for _, kind := range [...]string{`,"delta":{"type":"text_delta","text":"`, `,"delta":{"type":"input_json_delta","partial_json":"`, `,"delta":{"type":"thinking_delta","thinking":"`} {
		if inner, is := bytes.CutPrefix(rest, []byte(kind)); is {
			for {
				end := bytes.IndexAny(inner, `"\\`)
				if end < 0 || inner[end] == '"' {
					return end >= 0 && isEnd(inner[end:])
				}
				inner = inner[min(end+2, len(inner)):]
			}
		}
	}
	return false
}

// isEnd says whether a delta ends there, behind its text. Anthropic pads events with spaces before the last brace.
func isEnd(end []byte) bool {
	inner, last := bytes.CutSuffix(end, []byte{'}'})
	return last && string(bytes.TrimRight(inner, " ")) == `"}`
}

// begins looks whether the last event says something, or ends an answer that has reason to say nothing.
func (in *Inspector) begins() bool {
	for i := range in.said {
		if in.said[i].Says() {
			return true
		}
	}
	for _, b := range in.events.blocks.All() { // a hosted tool is at work, which the decoder has no word for
		if b.kind == otherBlock {
			return true
		}
	}
	return in.silent()
}

// silent says whether the stop reason explains that the answer says nothing. Another channel would say no more.
func (in *Inspector) silent() bool {
	switch finishOf(in.events.finish.Native, false).Reason {
	case codec.FinishLength, codec.FinishFilter:
		return true
	}
	return false
}

// Head implements passthrough.Inspector.
func (in *Inspector) Head(name, data []byte, begun bool) passthrough.Sign {
	if begun && goesOn(name, []byte("{}")) {
		return passthrough.Sign{}
	}
	kind := string(name)
	it := rawjson.MembersOf(data)
	for it.Next() {
		if it.Name() == "type" {
			kind, _ = rawjson.Text(data, it.Value)
		}
	}
	if kind == "error" {
		return passthrough.Sign{Err: codec.NoAnswer("the upstream reported an error whose text is too long")}
	}
	in.events.started = true
	return passthrough.Sign{Begins: kind != "message_start"}
}

// Tail implements passthrough.Inspector. The events with counts are small.
func (in *Inspector) Tail([]byte) passthrough.Sign { return passthrough.Sign{} }

const lastEvent = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

// End implements passthrough.Inspector.
func (in *Inspector) End(begun bool) (last string, err *codec.Error) {
	switch d := &in.events; {
	case !d.started:
		return "", codec.Empty()
	case d.finish.Native == "":
		return "", codec.CutShort()
	case !begun && !in.silent():
		return "", codec.Empty()
	}
	return lastEvent, nil
}

// CheckAnswer looks at a whole plain answer that came with a success status, in one pass, and returns its usage. The
// error, always a *codec.Error, says that it is none: an error object, a page, an answer that says nothing, or one that
// holds one of the operator's error triggers.
func CheckAnswer(body []byte, triggers []string) (codec.Usage, error) {
	var n counts
	var kind, word string
	said, whole := false, false
	it := rawjson.MembersOf(body)
	for it.Next() {
		switch it.Name() {
		case "type":
			kind, _ = rawjson.Text(body, it.Value)
		case "content":
			whole = it.Value.Kind == rawjson.Array
			for blocks := it.Value.Elements(body); blocks.Next() && !said; {
				said = says(body, blocks.Value)
			}
		case "stop_reason":
			word, _ = rawjson.Text(body, it.Value)
		case "usage":
			n.take(body, it.Value, false)
		}
	}
	if it.Err() != nil || kind == "error" || !whole {
		return n.usage(), answerFailure(body)
	}
	if e := trigger.InJSON(body, triggers); e != nil {
		return n.usage(), e
	}
	switch finishOf(word, false).Reason {
	case codec.FinishLength, codec.FinishFilter:
	default:
		if !said {
			return n.usage(), codec.Empty()
		}
	}
	return n.usage(), nil
}

// says tells whether a block of an answer has anything for its reader.
func says(body []byte, block rawjson.Value) bool {
	var kind string
	var text rawjson.Value
	for it := block.Members(body); it.Next(); {
		switch it.Name() {
		case "type":
			kind, _ = rawjson.Text(body, it.Value)
		case "text", "thinking":
			text = it.Value
		}
	}
	return kind != "text" && kind != "thinking" || text.Kind == rawjson.String && text.End-text.Start > len(`""`)
}

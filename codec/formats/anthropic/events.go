package anthropic

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/fields"
	"uniapi/codec/keyed"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// Events gives the meaning of a stream's events one by one, however they are framed. It holds what must be known across
// them: the blocks that are open and the counts so far. A finish is held back until the connection ends, because some
// proxies run the turns of a loop together and send a second message behind the first. The zero value is at the start
// of a stream.
type Events struct {
	codec.Drops
	text    []byte // decoded texts of the events since Reset
	started bool
	stopped bool // message_stop has come, and no message after it
	err     *codec.Error
	blocks  keyed.List[int64, openBlock] // by their index
	calls   int64
	said    bool  // there was text or a call
	runes   int64 // of text so far
	counts  counts
	finish  codec.Finish
	refusal string // why, if it was refused

	// signature is that of the last thinking, until a call takes it along.
	signature codec.Signature
}

type blockKind uint8

const (
	otherBlock blockKind = iota // of a hosted tool, or not known
	textBlock
	thinkingBlock
	callBlock
	answerBlock // the answer to an emulated schema
)

type openBlock struct {
	kind      blockKind
	call      int64
	begin     int64 // runes before it
	fragments bool
	input     []byte // what the start of a call had; used if no fragments follow
	signature []byte
}

// Reset ends the life of the texts that were given out.
func (d *Events) Reset() { d.text = d.text[:0] }

// Started says whether the first event of the format has come.
func (d *Events) Started() bool { return d.started }

// Open says whether more events are wanted: no error has come.
func (d *Events) Open() bool { return d.err == nil }

// Fail makes e the end of the stream, unless an error came before it.
func (d *Events) Fail(e *codec.Error) {
	if d.err == nil {
		d.err = e
	}
}

// Err is the error that ended the stream.
func (d *Events) Err() error {
	if d.err == nil {
		return nil
	}
	return d.err
}

// Append appends what one event, given by its JSON, means.
func (d *Events) Append(dst []codec.Event, data []byte) []codec.Event {
	var kind string
	var index int64
	var delta, block, message, usage, failure rawjson.Value
	it := rawjson.MembersOf(data)
	for it.Next() {
		switch it.Name() {
		case "type":
			kind, _ = rawjson.Text(data, it.Value)
		case "index":
			index, _ = rawjson.Int(data, it.Value)
		case "delta":
			delta = it.Value
		case "content_block":
			block = it.Value
		case "message":
			message = it.Value
		case "usage":
			usage = it.Value
		case "error":
			failure = it.Value
		}
	}
	switch {
	case it.Err() != nil && string(data) == "[DONE]":
		return dst
	case it.Err() != nil && d.started:
		d.Drop()
		return dst
	case failure.Kind == rawjson.Object:
		d.Fail(streamError(data, failure))
		return dst
	case !d.started && isHosts(kind) && !saysError(data):
		return dst
	case !d.started && kind != "message_start" && kind != "ping" && kind != "content_block_start":
		d.Fail(answerFailure(data))
		return dst
	case d.stopped && kind != "message_start":
		return dst // strays of a message that has ended
	}
	switch kind {
	case "message_start":
		return d.start(dst, data, message)
	case "content_block_start":
		if !d.started {
			dst = d.start(dst, data, message)
		}
		return d.open(dst, data, index, block)
	case "content_block_delta":
		return d.delta(dst, data, index, delta)
	case "content_block_stop":
		return d.close(dst, index)
	case "message_delta":
		d.counts.take(data, usage, false)
		d.takeFinish(data, delta)
		if d.counts.seen || d.counts.notes != 0 {
			dst = append(dst, codec.Event{Kind: codec.EventUsage, Usage: d.counts.usage()})
		}
	case "message_stop":
		d.stopped = true
	case "ping":
		return append(dst, codec.Event{Kind: codec.EventPing})
	}
	return dst
}

// isHosts says whether an event may be one that a host adds to those of the format, also as the first. Anthropic asks
// clients to pass over types that they do not know.
func isHosts(kind string) bool {
	if strings.HasPrefix(kind, "response.") { // a stream of OpenAI's other API
		return false
	}
	switch kind {
	case "", "error", "message_start", "message_delta", "message_stop", "ping", "content_block_start", "content_block_delta", "content_block_stop":
		return false
	}
	return true
}

func saysError(data []byte) bool {
	if _, err := codec.CheckObject(data); err != nil {
		return true
	}
	v, _ := rawjson.One(data)
	return new(codec.Error).SaysError(data, v)
}

// start begins the answer. A proxy that was spliced to another begins it twice: the first counts.
func (d *Events) start(dst []codec.Event, data []byte, message rawjson.Value) []codec.Event {
	d.counts.take(data, message.Get(data, "usage"), true)
	if d.started {
		if d.stopped {
			d.stopped, d.finish = false, codec.Finish{}
		}
		return dst
	}
	d.started = true
	e := codec.Event{Kind: codec.EventStart, Usage: d.counts.usage()}
	e.ID, _ = rawjson.Text(data, message.Get(data, "id"))
	e.Name, _ = rawjson.Text(data, message.Get(data, "model"))
	return append(dst, e)
}

func (d *Events) open(dst []codec.Event, data []byte, index int64, v rawjson.Value) []codec.Event {
	if d.blocks.Find(index) != nil {
		dst = d.close(dst, index)
	}
	if d.blocks.Len() == codec.MaxItems || d.calls == codec.MaxCalls {
		d.Fail(codec.TooMany(codec.MaxItems, "blocks that are open, or tool calls"))
		return dst
	}
	b := openBlock{begin: d.runes}
	kind, _ := rawjson.Text(data, v.Get(data, "type"))
	switch kind {
	case "text":
		b.kind = textBlock
		dst = d.piece(dst, codec.EventText, data, v.Get(data, "text"))
		for it := v.Get(data, "citations").Elements(data); it.Next(); {
			dst = d.citation(dst, data, it.Value, b.begin)
		}
	case "thinking":
		b.kind = thinkingBlock
		dst = d.piece(dst, codec.EventReasoning, data, v.Get(data, "thinking"))
		b.signature, _ = rawjson.AppendText(nil, data, v.Get(data, "signature"))
	case "redacted_thinking":
		if s, _ := rawjson.Text(data, v.Get(data, "data")); s != "" {
			dst = append(dst, codec.Event{Kind: codec.EventReasoningEnd, Reasoning: &codec.ReasoningInfo{Encrypted: string([]byte(s))}})
		}
	case "tool_use":
		name, _ := rawjson.Text(data, v.Get(data, "name"))
		if b.kind = callBlock; name == AnswerTool {
			b.kind = answerBlock
		}
		if input := v.Get(data, "input"); input.Kind == rawjson.Object && input.End-input.Start > len("{}") {
			b.input = bytes.Clone(input.Raw(data))
		}
		d.said = true
		if b.kind == answerBlock {
			break
		}
		id, _ := rawjson.Text(data, v.Get(data, "id"))
		b.call = d.calls
		d.calls++
		dst = append(dst, codec.Event{Kind: codec.EventToolStart, Index: b.call, ID: toolid.Join(id, d.signature), Name: name})
		d.signature = codec.Signature{}
	}
	d.blocks.Add(index, b)
	return dst
}

// piece appends a text, if there is one.
func (d *Events) piece(dst []codec.Event, kind codec.EventKind, data []byte, v rawjson.Value) []codec.Event {
	text := rawjson.TextIn(&d.text, data, v)
	if len(text) == 0 {
		return dst
	}
	if kind == codec.EventText {
		d.said = true
		d.runes += int64(utf8.RuneCount(text))
	}
	return append(dst, codec.Event{Kind: kind, Text: text})
}

func (d *Events) delta(dst []codec.Event, data []byte, index int64, v rawjson.Value) []codec.Event {
	var kind string
	var text, thinking, arguments, signature, citation rawjson.Value
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "type":
			kind, _ = rawjson.Text(data, it.Value)
		case "text":
			text = it.Value
		case "thinking":
			thinking = it.Value
		case "partial_json":
			arguments = it.Value
		case "signature":
			signature = it.Value
		case "citation":
			citation = it.Value
		}
	}
	switch kind {
	case "text_delta":
		return d.piece(dst, codec.EventText, data, text)
	case "thinking_delta":
		return d.piece(dst, codec.EventReasoning, data, thinking)
	}
	b := d.blocks.Find(index)
	if b == nil {
		return dst
	}
	switch kind {
	case "input_json_delta":
		return d.arguments(dst, data, b, arguments)
	case "signature_delta":
		b.signature, _ = rawjson.AppendText(b.signature, data, signature)
	case "citations_delta":
		return d.citation(dst, data, citation, b.begin)
	}
	return dst
}

func (d *Events) arguments(dst []codec.Event, data []byte, b *openBlock, v rawjson.Value) []codec.Event {
	text := rawjson.TextIn(&d.text, data, v)
	if len(text) == 0 || b.input != nil && string(text) == "{}" {
		return dst
	}
	switch b.kind {
	case callBlock:
		b.fragments = true
		return append(dst, codec.Event{Kind: codec.EventToolArguments, Index: b.call, Text: text})
	case answerBlock:
		b.fragments = true
		return append(dst, codec.Event{Kind: codec.EventText, Answer: true, Text: text})
	}
	return dst
}

func (d *Events) citation(dst []codec.Event, data []byte, v rawjson.Value, begin int64) []codec.Event {
	if v.Kind != rawjson.Object {
		return dst
	}
	r := reader{Reader: fields.Reader{Data: data}}
	c := r.citation(v)
	c.Start, c.End = begin, d.runes
	return append(dst, codec.Event{Kind: codec.EventCitation, Citation: &c})
}

// noInput is what a model gives to a tool that it gives nothing.
var noInput = []byte("{}")

func (d *Events) close(dst []codec.Event, index int64) []codec.Event {
	b := d.blocks.Find(index)
	if b == nil {
		return dst
	}
	switch b.kind {
	case thinkingBlock:
		e := codec.Event{Kind: codec.EventReasoningEnd}
		if len(b.signature) > 0 {
			e.Signature = codec.Signature{Provider: providerName, Value: string(b.signature)}
			d.signature = e.Signature
		}
		dst = append(dst, e)
	case callBlock:
		if !b.fragments && b.input != nil {
			dst = append(dst, codec.Event{Kind: codec.EventToolArguments, Index: b.call, Text: b.input})
		}
		dst = append(dst, codec.Event{Kind: codec.EventToolEnd, Index: b.call})
	case answerBlock:
		if b.input == nil {
			b.input = noInput
		}
		if !b.fragments {
			dst = append(dst, codec.Event{Kind: codec.EventText, Answer: true, Text: b.input})
		}
	}
	d.blocks.Remove(index)
	return dst
}

func (d *Events) takeFinish(data []byte, delta rawjson.Value) {
	word, _ := rawjson.Text(data, delta.Get(data, "stop_reason"))
	if word == "" {
		return
	}
	d.finish.Native = string([]byte(word))
	if s, _ := rawjson.Text(data, delta.Get(data, "stop_sequence")); s != "" {
		d.finish.StopSequence = string([]byte(s))
	}
	if why, _ := rawjson.Text(data, delta.Get(data, "stop_details").Get(data, "explanation")); why != "" {
		d.refusal = string([]byte(why))
	}
}

// End takes the end of the connection. A stream that told its stop reason is complete without its last event.
func (d *Events) End(dst []codec.Event) ([]codec.Event, error) {
	switch {
	case d.err != nil:
	case !d.started:
		d.err = codec.NoAnswer("the upstream returned an empty response")
	case d.finish.Native == "" && !d.stopped:
		d.err = codec.CutShort()
	default:
		dst = d.ending(dst)
	}
	return dst, d.Err()
}

// ending appends what ends the answer.
func (d *Events) ending(dst []codec.Event) []codec.Event {
	for index := range d.blocks.All() {
		dst = d.close(dst, index)
	}
	f := finishOf(d.finish.Native, d.calls > 0)
	f.StopSequence = d.finish.StopSequence
	if f.Reason == codec.FinishFilter && !d.said && d.refusal != "" {
		dst = append(dst, codec.Event{Kind: codec.EventRefusal, Text: []byte(d.refusal)})
	}
	return append(dst, codec.Event{Kind: codec.EventFinish, Finish: f})
}

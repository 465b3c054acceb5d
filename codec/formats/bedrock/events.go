package bedrock

import (
	"encoding/base64"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/keyed"
	"uniapi/codec/rawjson"
	"uniapi/codec/toolid"
)

// events gives the meaning of ConverseStream's events one by one.
type events struct {
	codec.Drops
	text     []byte // decoded texts of the events of one Push
	started  bool
	finished bool
	blocks   keyed.List[int64, openBlock] // by their index
	calls    int64
	runes    int64 // of text so far

	// signature is that of the last reasoning, until a call takes it along.
	signature codec.Signature
	err       *codec.Error
}

type blockKind uint8

const (
	plainBlock blockKind = iota // text, reasoning, or both unknown yet: they have no start
	callBlock
	answerBlock // the answer to an emulated schema
	otherBlock  // of a hosted tool
)

type openBlock struct {
	kind      blockKind
	call      int64
	begin     int64 // runes before it
	reasoning bool
	answered  bool
	signature []byte
	redacted  []byte
}

var converseEvents = map[string]bool{"messageStart": true, "contentBlockStart": true, "contentBlockDelta": true, "contentBlockStop": true,
	"messageStop": true, "metadata": true}

func (d *events) append(dst []codec.Event, name string, data []byte) []codec.Event {
	if !d.started && converseEvents[name] {
		d.started = true
		dst = append(dst, codec.Event{Kind: codec.EventStart})
	}
	var index int64
	var start, delta, stop, usage, tier rawjson.Value
	it := rawjson.MembersOf(data)
	for it.Next() {
		switch it.Name() {
		case "contentBlockIndex":
			index, _ = rawjson.Int(data, it.Value)
		case "start":
			start = it.Value
		case "delta":
			delta = it.Value
		case "stopReason":
			stop = it.Value
		case "usage":
			usage = it.Value
		case "serviceTier":
			tier = it.Value.Get(data, "type")
		}
	}
	if it.Err() != nil {
		d.Drop()
		return dst
	}
	switch name {
	case "contentBlockStart":
		return d.open(dst, data, index, start)
	case "contentBlockDelta":
		return d.delta(dst, data, index, delta)
	case "contentBlockStop":
		return d.close(dst, index)
	case "messageStop":
		for index := range d.blocks.All() {
			dst = d.close(dst, index)
		}
		d.finished = true
		word, _ := rawjson.Text(data, stop)
		return append(dst, codec.Event{Kind: codec.EventFinish, Finish: finishOf(string([]byte(word)), d.calls > 0)})
	case "metadata":
		if u, _ := codec.ReadUsage(data, usage); u.Tells() {
			u.Tier = codec.TierTold(data, tier)
			dst = append(dst, codec.Event{Kind: codec.EventUsage, Usage: u})
		}
	}
	return dst
}

// hasRoom says whether there may be another block.
func (d *events) hasRoom() bool {
	if d.blocks.Len() == codec.MaxItems || d.calls == codec.MaxCalls {
		d.err = codec.TooMany(codec.MaxItems, "blocks that are open, or tool calls")
	}
	return d.err == nil
}

func (d *events) open(dst []codec.Event, data []byte, index int64, start rawjson.Value) []codec.Event {
	if d.blocks.Find(index) != nil {
		dst = d.close(dst, index)
	}
	if !d.hasRoom() {
		return dst
	}
	b := openBlock{begin: d.runes}
	if use := start.Get(data, "toolUse"); use.Kind == rawjson.Object {
		id, _ := rawjson.Text(data, use.Get(data, "toolUseId"))
		name, _ := rawjson.Text(data, use.Get(data, "name"))
		kind, _ := rawjson.Text(data, use.Get(data, "type"))
		switch {
		case kind == "server_tool_use":
			b.kind = otherBlock
		case name == answerTool:
			b.kind = answerBlock
		default:
			b.kind, b.call = callBlock, d.calls
			d.calls++
			dst = append(dst, codec.Event{Kind: codec.EventToolStart, Index: b.call, ID: toolid.Join(id, d.signature), Name: name})
			d.signature = codec.Signature{}
		}
	} else if start.Get(data, "toolResult").Present() {
		b.kind = otherBlock
	}
	d.blocks.Add(index, b)
	return dst
}

func (d *events) delta(dst []codec.Event, data []byte, index int64, v rawjson.Value) []codec.Event {
	b := d.blocks.Find(index)
	if b == nil {
		if !d.hasRoom() {
			return dst
		}
		b = d.blocks.Add(index, openBlock{begin: d.runes})
	}
	it := v.Members(data)
	if !it.Next() {
		return dst
	}
	switch it.Name() {
	case "text":
		if text := rawjson.TextIn(&d.text, data, it.Value); len(text) > 0 {
			d.runes += int64(utf8.RuneCount(text))
			dst = append(dst, codec.Event{Kind: codec.EventText, Text: text})
		}
	case "reasoningContent":
		return d.reasoning(dst, data, b, it.Value)
	case "toolUse":
		text := rawjson.TextIn(&d.text, data, it.Value.Get(data, "input"))
		if len(text) == 0 {
			return dst
		}
		switch b.kind {
		case callBlock:
			return append(dst, codec.Event{Kind: codec.EventToolArguments, Index: b.call, Text: text})
		case answerBlock:
			b.answered = true
			return append(dst, codec.Event{Kind: codec.EventText, Answer: true, Text: text})
		}
	case "citation":
		r := reader{data: data}
		c := r.citation(it.Value)
		c.Start, c.End = b.begin, d.runes
		return append(dst, codec.Event{Kind: codec.EventCitation, Citation: &c})
	}
	return dst
}

func (d *events) reasoning(dst []codec.Event, data []byte, b *openBlock, v rawjson.Value) []codec.Event {
	b.reasoning = true
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "text":
			if text := rawjson.TextIn(&d.text, data, it.Value); len(text) > 0 {
				dst = append(dst, codec.Event{Kind: codec.EventReasoning, Text: text})
			}
		case "signature":
			b.signature, _ = rawjson.AppendText(b.signature, data, it.Value)
		case "redactedContent":
			b.redacted, _ = rawjson.AppendText(b.redacted, data, it.Value)
		}
	}
	return dst
}

func (d *events) close(dst []codec.Event, index int64) []codec.Event {
	b := d.blocks.Find(index)
	if b == nil {
		return dst
	}
	switch {
	case b.kind == callBlock:
		dst = append(dst, codec.Event{Kind: codec.EventToolEnd, Index: b.call})
	case b.kind == answerBlock && !b.answered: // it gives nothing
		dst = append(dst, codec.Event{Kind: codec.EventText, Answer: true, Text: []byte("{}")})
	case len(b.redacted) > 0:
		inner, err := base64.StdEncoding.DecodeString(string(b.redacted))
		if err != nil {
			inner = b.redacted
		}
		dst = append(dst, codec.Event{Kind: codec.EventReasoningEnd, Reasoning: &codec.ReasoningInfo{Encrypted: string(inner)}})
	case b.reasoning:
		s := signature(string(b.signature))
		if s.Value != "" {
			d.signature = s
		}
		dst = append(dst, codec.Event{Kind: codec.EventReasoningEnd, Signature: s})
	}
	d.blocks.Remove(index)
	return dst
}

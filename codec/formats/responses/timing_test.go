package responses

import (
	"fmt"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
)

const textEvent = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":7,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\" some words\\n\",\"logprobs\":[]}\n\n"

// running returns a stream between a Responses upstream and a chat client that is in the middle of a text.
func running() (codec.StreamDecoder, codec.StreamEncoder) {
	d := Format{}.NewStreamDecoder()
	e := openai.Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	events, _ := d.Push(nil, []byte(textEvent))
	for i := range events {
		e.Append(nil, &events[i])
	}
	return d, e
}

func BenchmarkTextEventToChat(b *testing.B) {
	d, e := running()
	piece := []byte(textEvent)
	events, out := make([]codec.Event, 0, 8), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		events, _ = d.Push(events[:0], piece)
		out = out[:0]
		for i := range events {
			out = e.Append(out, &events[i])
		}
	}
	if !strings.Contains(string(out), `"content":" some words\n"`) {
		b.Fatalf("%s", out)
	}
}

func BenchmarkTextEventFromChat(b *testing.B) {
	e := Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	event := &codec.Event{Kind: codec.EventText, Text: []byte(" some words\n")}
	out := e.Append(make([]byte, 0, 4096), event)
	b.ReportAllocs()
	for b.Loop() {
		out = e.Append(out[:0], event)
	}
	if !strings.Contains(string(out), `"delta":" some words\n"`) {
		b.Fatalf("%s", out)
	}
}

func TestTextEventToChatDoesNotAllocate(t *testing.T) {
	d, e := running()
	piece := []byte(textEvent)
	events, out := make([]codec.Event, 0, 8), make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(200, func() {
		events, _ = d.Push(events[:0], piece)
		out = out[:0]
		for i := range events {
			out = e.Append(out, &events[i])
		}
	}); n != 0 {
		t.Errorf("%v allocations per event", n)
	}
}

// TestTextEventFromChatAllocatesOnlyToKeepTheAnswer allows for the growing of what the last event must repeat.
func TestTextEventFromChatAllocatesOnlyToKeepTheAnswer(t *testing.T) {
	e := Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	event := &codec.Event{Kind: codec.EventText, Text: []byte(" some words\n")}
	out := make([]byte, 0, 4096)
	for range 2000 {
		out = e.Append(out[:0], event)
	}
	if n := testing.AllocsPerRun(1000, func() { out = e.Append(out[:0], event) }); n != 0 {
		t.Errorf("%v allocations per event", n)
	}
}

func TestDecoderDoesNotKeepTheAnswer(t *testing.T) {
	d := &streamDecoder{}
	var events []codec.Event
	size := 0
	for i := range 20_000 {
		var err error
		place := i / 10_000
		piece := fmt.Appendf(nil, "data: {\"type\":\"response.output_text.delta\",\"output_index\":%d,\"delta\":\"line\\n\",\"logprobs\":[{\"token\":\"a\",\"logprob\":-1}]}\n\n", place)
		if events, err = d.Push(events[:0], piece); err != nil {
			t.Fatal(err)
		}
		if i == 100 {
			size = cap(d.text)
		}
	}
	if cap(d.text) > size || d.items.Len() != 2 {
		t.Errorf("%d bytes became %d, %d items are known", size, cap(d.text), d.items.Len())
	}
}

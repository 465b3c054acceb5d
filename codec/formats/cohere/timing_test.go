package cohere

import (
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
)

// running returns a stream between a Cohere upstream and a chat client that is in the middle of a text, and an event of
// it.
func running(tb testing.TB) (codec.StreamDecoder, codec.StreamEncoder, []byte) {
	d, e := Format{}.NewStreamDecoder(), openai.Format{}.NewStreamEncoder(&codec.Request{Model: "m"})
	list, err := d.Push(nil, []byte("data: {\"type\":\"message-start\",\"id\":\"1\"}\n\n"))
	if err != nil {
		tb.Fatal(err)
	}
	for i := range list {
		e.Append(nil, &list[i])
	}
	return d, e, []byte("event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\" some words of an answer\\n\"}}}}\n\n")
}

func BenchmarkTextEventToChat(b *testing.B) {
	d, e, event := running(b)
	list, out := make([]codec.Event, 0, 8), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		list, _ = d.Push(list[:0], event)
		out = out[:0]
		for i := range list {
			out = e.Append(out, &list[i])
		}
	}
}

func TestTextEventToChatDoesNotAllocate(t *testing.T) {
	d, e, event := running(t)
	list, out := make([]codec.Event, 0, 8), make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(200, func() {
		list, _ = d.Push(list[:0], event)
		out = out[:0]
		for i := range list {
			out = e.Append(out, &list[i])
		}
	}); n != 0 {
		t.Errorf("%v allocations per event", n)
	}
}

package gemini

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/openai"
)

// textFrame is an event of the size and shape that Google sends.
func textFrame(text string) string {
	return `data: {"candidates": [{"content": {"parts": [{"text": "` + text + `"}],"role": "model"},"index": 0}],` +
		`"usageMetadata": {"promptTokenCount": 34,"candidatesTokenCount": 448,"totalTokenCount": 1269,` +
		`"promptTokensDetails": [{"modality": "TEXT","tokenCount": 34}],"thoughtsTokenCount": 787},` +
		`"modelVersion": "gemini-2.5-pro","responseId": "beHBaJfEMIi-qtsP3769-Q8"}` + "\r\n\r\n"
}

// pump runs frames through the decoder and an OpenAI client's encoder on reused buffers.
type pump struct {
	decoder codec.StreamDecoder
	encoder codec.StreamEncoder
	events  []codec.Event
	out     []byte
}

func newPump() *pump {
	p := &pump{decoder: Format{}.NewStreamDecoder(), encoder: openai.Format{}.NewStreamEncoder(&codec.Request{Model: "m"})}
	p.push([]byte(textFrame("first")))
	p.push([]byte(textFrame("second")))
	return p
}

func (p *pump) push(piece []byte) {
	events, err := p.decoder.Push(p.events[:0], piece)
	if err != nil {
		panic(err)
	}
	p.events, p.out = events, p.out[:0]
	for i := range events {
		p.out = p.encoder.Append(p.out, &events[i])
	}
}

func TestTextEventsOfASteadyStreamAllocateNothing(t *testing.T) {
	for name, frame := range map[string]string{"plain": textFrame("a few words of it"), "escaped": textFrame(`a \"few\"\n words`),
		"not ASCII": textFrame("ein paar Wörter, 你好")} {
		p, piece := newPump(), []byte(frame)
		p.push(piece)
		if n := testing.AllocsPerRun(100, func() { p.push(piece) }); n != 0 {
			t.Errorf("%s: %v allocations for an event", name, n)
		}
	}
}

func BenchmarkTextEventToOpenAI(b *testing.B) {
	burst := bytes.Repeat([]byte(textFrame("a few words of it")), 20)
	for _, c := range []struct {
		name   string
		piece  []byte
		events int
	}{
		{"one a push", []byte(textFrame("a few words of it")), 1},
		{"one with escapes", []byte(textFrame(`a \"few\"\n words`)), 1},
		{"one thought", []byte(strings.Replace(textFrame("a few words of it"), `it"}`, `it","thought": true}`, 1)), 1},
		{"20 a push", burst, 20},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := newPump()
			b.ReportAllocs()
			b.SetBytes(int64(len(c.piece)))
			for b.Loop() {
				p.push(c.piece)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.events), "ns/event")
		})
	}
}

func BenchmarkEncodeRequest(b *testing.B) {
	q := &codec.Request{Model: "m", Messages: []codec.Message{{Role: codec.RoleSystem, Parts: []codec.Part{{Text: "Be brief."}}}}}
	for i := range 200 {
		q.Messages = append(q.Messages,
			codec.Message{Role: codec.RoleUser, Parts: []codec.Part{{Text: fmt.Sprintf("%d: %s", i, bytes.Repeat([]byte("some \"words\" of it, "), 13))}}},
			codec.Message{Role: codec.RoleAssistant, Parts: []codec.Part{{Text: fmt.Sprintf("%d: %s", i, bytes.Repeat([]byte("words of an answer "), 13))}}})
	}
	q.Target = Format{}.target(q, "gemini-3-pro") // found once, when a channel is made
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = (Format{}).EncodeRequest(dst[:0], q, "gemini-3-pro"); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(dst)))
}

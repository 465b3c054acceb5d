package bedrock

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/eventstream"
	"uniapi/codec/internal/flows"
)

// claude are the events of an answer, as they stand in the frames.
var claude = []string{
	`{"type":"message_start","message":{"id":"msg_1","content":[],"usage":{"input_tokens":5,"output_tokens":1}}}`,
	`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\n"}}`,
	`{"type":"content_block_stop","index":0}`,
	`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}`,
	`{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":5}}`,
}

// wrapped puts events into frames, with the padding that Bedrock adds.
func wrapped(events ...string) (frames []byte) {
	for i, e := range events {
		payload := fmt.Appendf(nil, `{"bytes":"%s","p":"%s"}`, base64.StdEncoding.EncodeToString([]byte(e)), strings.Repeat("a", i))
		frames = eventstream.AppendEvent(frames, "chunk", payload)
	}
	return frames
}

// unframed is what a client of Anthropic's gets of events.
func unframed(events ...string) string {
	var b strings.Builder
	for _, e := range events {
		kind, _, _ := strings.Cut(strings.TrimPrefix(e, `{"type":"`), `"`)
		b.WriteString("event: " + kind + "\ndata: " + e + "\n\n")
	}
	return b.String()
}

func newUnwrapped(triggers ...string) *Unwrapped {
	u := new(Unwrapped)
	u.Reset(triggers...)
	return u
}

func TestFramesBecomeTheEventsThatAreInThem(t *testing.T) {
	frames, want := wrapped(claude...), unframed(claude...)
	u := new(Unwrapped)
	for n := 1; n <= len(frames); n++ {
		u.Reset() // it can be used again
		got, err := flows.Run(u, frames, n)
		if usage, ok := u.Usage(); got != want || err != nil || !u.Started() || !u.Done() || !ok || usage.Prompt != 5 || usage.Completion != 9 {
			t.Fatalf("by %d bytes: %v, usage %+v, got\n%s", n, err, usage, got)
		}
	}
}

func TestBrokenStreamOfFramesSaysWhatIsWrong(t *testing.T) {
	throttled := eventstream.AppendException(nil, "throttlingException", []byte(`{"message":"Too many requests"}`))
	damaged := wrapped(claude[:3]...)
	damaged[len(damaged)-1]++
	for _, c := range []struct {
		name   string
		frames []byte
		sent   int // events
		says   string
		status int
		class  codec.Class
	}{
		{"an exception first", throttled, 0, "Too many requests", 429, codec.RateLimit},
		{"an exception before anything is said", append(wrapped(claude[:2]...), throttled...), 0, "Too many requests", 429, codec.RateLimit},
		{"an exception within", append(wrapped(claude[:4]...), throttled...), 4, "Too many requests", 429, codec.RateLimit},
		{"an error of Claude's", wrapped(claude[0], `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`), 0, "Overloaded", 503, codec.Unready},
		{"an object where a stream was due", []byte(`{"Output":{"__type":"com.amazon#ValidationException","message":"no such thing"}}`), 0, "no such thing", 400, codec.ClientMistake},
		{"a page", []byte("<html><title>Oh no</title></html>"), 0, "Oh no", 502, codec.Semantic},
		{"a chunk without bytes", eventstream.AppendEvent(nil, "chunk", []byte(`{}`)), 0, "without bytes", 502, codec.Semantic},
		{"a chunk that is no base64", eventstream.AppendEvent(nil, "chunk", []byte(`{"bytes":"*"}`)), 0, "cannot be read", 502, codec.Semantic},
		{"a damaged frame", damaged, 0, "checksum", 502, codec.Semantic},
		{"nothing", nil, 0, "empty", 502, codec.Semantic},
		{"a cut between frames", wrapped(claude[:4]...), 4, "ended before", 502, codec.Cut},
		{"a cut within a frame", wrapped(claude[:5]...)[:len(wrapped(claude[:4]...))+20], 4, "ended before", 502, codec.Cut},
		{"a trigger", wrapped(claude[0], claude[1], strings.Replace(claude[2], `"a"`, `"no policy"`, 1)), 0, "error trigger", 502, codec.Semantic},
	} {
		for n := 1; n <= len(c.frames)+1; n++ {
			out, err := flows.Run(newUnwrapped("policy"), c.frames, n)
			var e *codec.Error
			if !errors.As(err, &e) || out != unframed(claude[:c.sent]...) || e.Status != c.status || e.Class != c.class || !strings.Contains(e.Message, c.says) {
				t.Errorf("%s by %d: %+v, sent %q", c.name, n, e, out)
				break
			}
		}
	}
}

// begun is a stream whose answer has begun.
func begun(t testing.TB) *Unwrapped {
	t.Helper()
	u := newUnwrapped()
	if _, err := u.Push(wrapped(claude[:3]...)); err != nil || !u.Started() {
		t.Fatal(err)
	}
	return u
}

func TestFramesThatPassDoNotAllocate(t *testing.T) {
	frames := wrapped(claude[2:5]...)
	half := len(frames) / 2
	flows.AllocateNothing(t, begun(t), frames[:half], frames[half:])
}

func FuzzUnwrap(f *testing.F) {
	f.Add(wrapped(claude...), uint16(1))
	f.Add(eventstream.AppendException(wrapped(claude[:3]...), "modelStreamErrorException", []byte(`{"message":"x"}`)), uint16(7))
	f.Add([]byte(`{"message":"x"}`), uint16(3))
	f.Fuzz(func(t *testing.T, frames []byte, n uint16) {
		flows.SameInPieces(t, func() flows.Flow { return newUnwrapped("trigger") }, frames, 1, int(n)+1)
	})
}

// FuzzUnwrapEvents is FuzzUnwrap with frames that are whole, whatever is in them.
func FuzzUnwrapEvents(f *testing.F) {
	f.Add(strings.Join(claude, "\n"), uint16(1))
	f.Fuzz(func(t *testing.T, events string, n uint16) {
		frames := wrapped(strings.Split(events, "\n")...)
		flows.SameInPieces(t, func() flows.Flow { return newUnwrapped() }, frames, int(n)+1)
	})
}

func BenchmarkUnwrap(b *testing.B) {
	u := begun(b)
	flows.Benchmark(b, u, wrapped(claude[2]), 1)
}

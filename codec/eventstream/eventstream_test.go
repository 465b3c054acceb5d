package eventstream

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// read feeds the stream in pieces of n bytes and lists its messages in words.
func read(stream []byte, n int) (out []string, err error) {
	var r Reader
	for i := 0; i < len(stream); i += n {
		piece := bytes.Clone(stream[i:min(i+n, len(stream))])
		r.Push(piece)
		for {
			m, ok, err := r.Next()
			if err != nil {
				return out, err
			}
			if !ok {
				break
			}
			out = append(out, fmt.Sprintf("%s %s%s %s%s %s", m.Type, m.Event, m.Exception, m.ErrorCode, m.ErrorMessage, m.Payload))
		}
		for i := range piece {
			piece[i] = 'x' // the reader must have copied what it keeps
		}
	}
	if r.Rest() > 0 {
		err = fmt.Errorf("%d bytes left", r.Rest())
	}
	return out, err
}

func sample() []byte {
	b := AppendEvent(nil, "messageStart", []byte(`{"role":"assistant"}`))
	b = AppendEvent(b, "empty", nil)
	return AppendException(b, "throttlingException", []byte(`{"message":"slow down"}`))
}

func TestMessagesAreFoundWhateverTheSplits(t *testing.T) {
	want := fmt.Sprint([]string{`event messageStart  {"role":"assistant"}`, `event empty  `, `exception throttlingException  {"message":"slow down"}`})
	for n := 1; n <= len(sample()); n++ {
		if got, err := read(sample(), n); err != nil || fmt.Sprint(got) != want {
			t.Fatalf("pieces of %d: %v, %v", n, got, err)
		}
	}
}

func TestFramesAreThoseOfTheSDK(t *testing.T) {
	var want bytes.Buffer
	m := sdk.Message{Payload: []byte(`{"a":1}`)}
	for _, h := range [][2]string{{":event-type", "x"}, {":content-type", "application/json"}, {":message-type", "event"}} {
		m.Headers.Set(h[0], sdk.StringValue(h[1]))
	}
	if err := sdk.NewEncoder().Encode(&want, m); err != nil {
		t.Fatal(err)
	}
	if got := AppendEvent(nil, "x", m.Payload); !bytes.Equal(got, want.Bytes()) {
		t.Errorf("got\n%s\nwant\n%s", hex.Dump(got), hex.Dump(want.Bytes()))
	}
}

func TestHeadersOfAllTypesAreSkipped(t *testing.T) {
	var b bytes.Buffer
	m := sdk.Message{}
	for name, v := range map[string]sdk.Value{"a": sdk.BoolValue(true), "b": sdk.Int8Value(1), "c": sdk.Int16Value(1), "d": sdk.Int32Value(1),
		"e": sdk.Int64Value(1), "f": sdk.BytesValue("abc"), "g": sdk.UUIDValue{}, ":message-type": sdk.StringValue("error"), ":error-code": sdk.StringValue("Code"),
		":error-message": sdk.StringValue("words")} {
		m.Headers.Set(name, v)
	}
	if err := sdk.NewEncoder().Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	if got, err := read(b.Bytes(), 7); err != nil || fmt.Sprint(got) != "[error  Codewords ]" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDamageIsSeen(t *testing.T) {
	good := sample()
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		if _, err := read(bad, len(bad)); err == nil {
			t.Errorf("a flipped bit in byte %d was not seen", i)
		}
	}
	if _, err := read([]byte(`{"message":"not a stream"}`), 5); err == nil {
		t.Error("JSON was taken for a stream")
	}
}

func FuzzReader(f *testing.F) {
	f.Add(sample(), 3)
	f.Fuzz(func(t *testing.T, stream []byte, n int) {
		whole, err := read(stream, len(stream)+1)
		pieces, err2 := read(stream, max(n%64, 1))
		if fmt.Sprint(whole) != fmt.Sprint(pieces) || (err == nil) != (err2 == nil) {
			t.Fatalf("whole: %v, %v; in pieces: %v, %v", whole, err, pieces, err2)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	frame := AppendEvent(nil, "contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"text":"some words of it"},"p":"abcdefghijkl"}`))
	var r Reader
	b.ReportAllocs()
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		r.Push(frame)
		if _, ok, err := r.Next(); !ok || err != nil {
			b.Fatal(err)
		}
	}
}

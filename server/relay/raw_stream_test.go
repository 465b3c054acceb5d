package relay

import (
	"strings"
	"testing"

	"uniapi/config"
	"uniapi/server/telemetry"
)

// keyText is a provider's key.
const keyText = "sk-upstream-abcdefghijklmnopqrstuvwxyz"

// TestStreamsOfImagesAndTranscriptsTellNoSecretInPieces has an event that names a key come in small pieces, and others
// whole beside it.
func TestStreamsOfImagesAndTranscriptsTellNoSecretInPieces(t *testing.T) {
	secrets := telemetry.NewRedactor([]config.Secret{{Text: keyText}})
	clean := func(text []byte) []byte { return []byte(secrets.Clean(string(text))) }
	for name, test := range map[string]struct {
		kind         rawKind
		before, text string
	}{
		"an event":            {rawEvents, "data: {\"type\":\"image_generation.partial_image\"}\n\n", "event: error\r\ndata: {\"message\":\"no KEY\"}\r\n\r\ndata: {}\n\n"},
		"an event at the end": {rawEvents, "", "data: {\"message\":\"no KEY\"}"},
		"a long event":        {rawEvents, "", "data: {\"detail\":\"" + strings.Repeat("x", mostWaiting-100) + "\",\"message\":\"no KEY\"}\n\n"},
		"a line of JSON":      {rawText, "", "{\"error\":\"no KEY\",\n\"a\":1}"},
		"its last line":       {rawText, "{\n", "\"error\":\"no KEY\"}"},
	} {
		whole := test.before + strings.ReplaceAll(test.text, "KEY", keyText)
		want := string(clean([]byte(whole)))
		for _, size := range []int{1, 7, 11, 30, 1 << 20} {
			s := &rawStream{kind: test.kind, clean: cleaner{clean: clean}}
			got := ""
			for rest := []byte(whole); len(rest) > 0; {
				n := min(size, len(rest))
				out, _ := s.Push(rest[:n:n])
				got += string(out)
				if rest = rest[n:]; len(whole)-len(rest) == len(test.before) && got != test.before {
					t.Errorf("%s in pieces of %d: what is whole waits: %q", name, size, got)
				}
			}
			if out, _ := s.End(); got+string(out) != want {
				t.Errorf("%s in pieces of %d: %.200q, want %.200q", name, size, got+string(out), want)
			}
		}
	}
}

// TestLargeEventsOfImagesDoNotWait has an image go out while it comes.
func TestLargeEventsOfImagesDoNotWait(t *testing.T) {
	s := &rawStream{kind: rawEvents, clean: cleaner{clean: func(text []byte) []byte { return text }}}
	in, out := "data: "+strings.Repeat("x", 1<<20)+"\n\ndata: {}\n\n", ""
	for at := 0; at < len(in); at += 1000 {
		piece, _ := s.Push([]byte(in[at:min(at+1000, len(in))]))
		out += string(piece)
		if s.Held() > 1<<20 || at > 2*mostWaiting && len(out) < at-2*mostWaiting {
			t.Fatalf("after %d bytes %d are out, %d held", at, len(out), s.Held())
		}
	}
	if out != in {
		t.Errorf("%d bytes came of %d", len(out), len(in))
	}
}

// cleaner is a Redactor of pieces alone.
type cleaner struct {
	Redactor
	clean func(text []byte) []byte
}

func (c cleaner) Clean(text []byte) []byte { return c.clean(text) }

// FuzzRawStream gives a stream in one piece and in two: what is found out does not depend on it, and every byte passes.
func FuzzRawStream(f *testing.F) {
	f.Add([]byte("event: image_generation.completed\r\ndata: {\"b64_json\":\""+strings.Repeat("A", 3*mostEnd)+"\",\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}\r\n\r\n"), 100, true)
	f.Add([]byte("data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\\\"b\"}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"ab\",\"usage\":{\"seconds\":3}}"), 9, true)
	f.Add([]byte("data: {\"type\":\"a.completed\"}\n\r\r\ndata: {\"type\":\"b.completed\"}\r\n\r\n\r"), 33, true)
	f.Add([]byte(`{"text":"a","usage":{"total_tokens":1e300}}`), 3, false)
	f.Fuzz(func(t *testing.T, data []byte, at int, events bool) {
		at = min(max(at, 0), len(data))
		kind := rawText
		if events {
			kind = rawEvents
		}
		whole, split := &rawStream{kind: kind}, &rawStream{kind: kind}
		out, _ := whole.Push(data)
		first, _ := split.Push(data[:at])
		second, _ := split.Push(data[at:])
		if string(out) != string(data) || string(first)+string(second) != string(data) {
			t.Fatal("it does not pass as it came")
		}
		whole.End()
		split.End()
		a, _ := whole.Usage()
		b, _ := split.Usage()
		if a != b || whole.Said() != split.Said() || whole.made() != split.made() {
			t.Fatalf("%+v, %d, %d\nsplit at %d: %+v, %d, %d", a, whole.Said(), whole.made(), at, b, split.Said(), split.made())
		}
		if a.Prompt < 0 || a.Completion < 0 || whole.Said() < 0 || len(whole.begun) > mostEnd || len(whole.ending) > 2*mostEnd {
			t.Fatalf("%+v, %d, %d kept", a, whole.Said(), len(whole.begun)+len(whole.ending))
		}
	})
}

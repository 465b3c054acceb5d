package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"unicode"
)

func TestNoTerminalObeysALineOfTheLog(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"nothing unseen", "gpt-4o, été, 模型, 🙂"},
		{"an escape sequence", "\x1b[2J\x1b]0;title\a"},
		{"one of a single character", "a\u009b2Jb"},
		{"the end of one", "a\u009cb\u0090c"},
		{"DEL", "a\x7fb"},
		{"directions", "a\u202eb\u2066c\u200fd\u061ce"},
		{"one behind another", "\u202e\u202e\x7f\u009b\u009b"},
		{"beside what begins alike", "©\u00a0\u2026Ø\u202e…"},
	} {
		for _, form := range []struct {
			name string
			text bool
		}{{"JSON", false}, {"text", true}} {
			t.Run(c.name+"/"+form.name, func(t *testing.T) {
				var out bytes.Buffer
				log, flush := NewLogger(&out, form.text, slog.LevelInfo)
				log.Info("a message", "model", c.text)
				flush()
				line := strings.TrimSuffix(out.String(), "\n")
				if at := strings.IndexFunc(line, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }); at >= 0 {
					t.Errorf("%+q holds %+q", line, line[at:])
				}
				var read struct{ Model string }
				if form.text {
					return
				}
				if err := json.Unmarshal(out.Bytes(), &read); err != nil || read.Model != c.text {
					t.Errorf("%v: %+q is not %+q", err, read.Model, c.text)
				}
			})
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("a\u009b\u202e\x7f\u00a0")
	f.Fuzz(func(t *testing.T, text string) {
		line, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var before, after string
		shown := visible(line)
		if json.Unmarshal(line, &before) != nil || json.Unmarshal(shown, &after) != nil || before != after {
			t.Errorf("%q becomes %q", line, shown)
		}
		if bytes.ContainsFunc(shown, unseen) {
			t.Errorf("%q is left as it is", shown)
		}
	})
}

func BenchmarkVisible(b *testing.B) {
	lines := bytes.Repeat([]byte(`{"time":"2026-01-01T00:00:00Z","level":"INFO","msg":"request","status":200,"model":"gpt-4o"}`+"\n"), flushAt/90)
	b.SetBytes(int64(len(lines)))
	b.ReportAllocs()
	for b.Loop() {
		visible(lines)
	}
}

package server

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"reflect"
	"testing"
	"time"
)

func TestALineSaysWhatSlogWouldSay(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	attrs := []slog.Attr{
		slog.String("plain", "gpt-4o"),
		slog.String("hostile", "a\"b\\c\nd\te\x00f\xffg<&>"),
		slog.String("empty", ""),
		slog.Int("int", -7),
		slog.Int64("large", math.MaxInt64),
		slog.Bool("yes", true), slog.Bool("no", false),
		slog.Float64("ms", 12.345), slog.Float64("whole", 3), slog.Float64("small", 0.001), slog.Float64("tenths", 7.5), slog.Float64("finer", 0.0001234), slog.Float64("negative", -2.25), slog.Float64("huge", 1e15),
		slog.Duration("other", time.Second),
	}
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		var theirs bytes.Buffer
		record := slog.NewRecord(now, level, "re\"quest", 0)
		record.AddAttrs(attrs...)
		if err := slog.NewJSONHandler(&theirs, &slog.HandlerOptions{Level: slog.LevelDebug}).Handle(t.Context(), record); err != nil {
			t.Fatal(err)
		}
		line := appendLine(nil, now, level, "re\"quest", attrs)
		var got, want map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if err := json.Unmarshal(theirs.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		want["other"] = "1s" // slog has nanoseconds; no line of ours has a duration
		if !reflect.DeepEqual(got, want) || bytes.Count(line, []byte("\n")) != 1 {
			t.Errorf("%s\n%s", line, theirs.Bytes())
		}
	}
}

func TestALineGoesThroughAHandlerThatIsNotOurs(t *testing.T) {
	var out bytes.Buffer
	attrs := []slog.Attr{slog.Int("status", 200)}
	for name, log := range map[string]*slog.Logger{
		"slog's own":        slog.New(slog.NewJSONHandler(&out, nil)),
		"with an attribute": func() *slog.Logger { l, _ := NewLogger(&out, false, slog.LevelInfo); return l.With("a", 1) }(),
		"for a terminal":    func() *slog.Logger { l, _ := NewLogger(&out, true, slog.LevelInfo); return l }(),
	} {
		out.Reset()
		writeLine(log, nil, slog.LevelWarn, "request", attrs)
		if !bytes.Contains(out.Bytes(), []byte("status")) || !bytes.Contains(out.Bytes(), []byte("request")) {
			t.Errorf("%s: %q", name, out.String())
		}
	}
}

func BenchmarkLine(b *testing.B) {
	log, _ := NewLogger(discard{}, false, slog.LevelInfo)
	attrs := []slog.Attr{slog.String("id", "0123456789abcdef"), slog.Int("status", 200), slog.String("model", "gpt-4o"), slog.Bool("stream", true),
		slog.Int("attempts", 1), slog.Float64("ms", 12.345), slog.String("key", "alias"), slog.String("provider", "openai"),
		slog.Float64("first_byte_ms", 1.234), slog.Int64("prompt_tokens", 1000), slog.Int64("completion_tokens", 500)}
	b.Run("direct", func(b *testing.B) {
		b.ReportAllocs()
		var line []byte
		for b.Loop() {
			line = writeLine(log, line, slog.LevelInfo, "request", attrs)
		}
	})
	b.Run("slog", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			log.LogAttrs(b.Context(), slog.LevelInfo, "request", attrs...)
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

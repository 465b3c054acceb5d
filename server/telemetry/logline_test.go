package telemetry

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// everyField is a line with fields of every kind.
func everyField(l *Line) {
	l.Bytes("id", []byte("0123456789ab-1a"), true)
	l.Text("plain", "gpt-4o")
	l.Text("hostile", "a\"b\\c\nd\te\x00f\xffg<&>")
	l.Text("empty", "")
	l.Number("int", -7)
	l.Number("large", math.MaxInt64)
	l.Truth("yes", true)
	l.Truth("no", false)
	l.Milliseconds("ms", 12345*time.Microsecond)
	l.Milliseconds("whole", 3*time.Millisecond)
	l.Milliseconds("finest", time.Microsecond)
	l.Milliseconds("tenths", 7500*time.Microsecond)
	l.Milliseconds("none", time.Nanosecond)
	l.Milliseconds("long", 1234567*time.Second)
}

func TestLineSaysWhatSlogWouldSay(t *testing.T) {
	var ours, theirs bytes.Buffer
	log, flush := NewLogger(&ours, false, slog.LevelDebug)
	var direct, through AccessLog
	direct.Use(log)
	through.Use(slog.New(slog.NewJSONHandler(&theirs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	var l Line
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		ours.Reset()
		theirs.Reset()
		for _, a := range []*AccessLog{&direct, &through} {
			a.Begin(&l, time.Now(), level)
			everyField(&l)
			a.End(&l, level)
		}
		flush()
		var got, want map[string]any
		if err := json.Unmarshal(ours.Bytes(), &got); err != nil {
			t.Fatalf("%q: %v", ours.Bytes(), err)
		}
		if err := json.Unmarshal(theirs.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		delete(got, "time")
		delete(want, "time")
		if !reflect.DeepEqual(got, want) || bytes.Count(ours.Bytes(), []byte("\n")) != 1 {
			t.Errorf("%s\n%s", ours.Bytes(), theirs.Bytes())
		}
		order := func(line []byte) (names []string) {
			for _, part := range strings.Split(string(line), `,"`) {
				names = append(names, part[:strings.IndexByte(part, '"')])
			}
			return names
		}
		if got, want := order(ours.Bytes()), order(theirs.Bytes()); !reflect.DeepEqual(got, want) {
			t.Errorf("the fields are %q, slog's %q", got, want)
		}
	}
}

func TestTimeOfALineIsWrittenAsRFC3339Nano(t *testing.T) {
	second := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("", 3600), time.FixedZone("", -12600)} {
		var a AccessLog
		for _, after := range []time.Duration{0, 1, 10, 123456789, 123456000, 500 * time.Millisecond, 999999999, time.Second, time.Hour, 1, 365 * 24 * time.Hour} {
			now := second.Add(after).In(zone)
			if got, want := string(a.appendTime(nil, now)), now.Format(time.RFC3339Nano); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	}
}

func TestLineGoesThroughAHandlerThatIsNotOurs(t *testing.T) {
	for name, make := range map[string]func(io.Writer) (*slog.Logger, func()){
		"slog's own": func(w io.Writer) (*slog.Logger, func()) { return slog.New(slog.NewJSONHandler(w, nil)), func() {} },
		"with an attribute": func(w io.Writer) (*slog.Logger, func()) {
			l, flush := NewLogger(w, false, slog.LevelInfo)
			return l.With("a", 1), flush
		},
		"for a terminal": func(w io.Writer) (*slog.Logger, func()) { return NewLogger(w, true, slog.LevelInfo) },
	} {
		var out bytes.Buffer
		log, flush := make(&out)
		var a AccessLog
		a.Use(log)
		var l Line
		for range 2 {
			a.Begin(&l, time.Now(), slog.LevelWarn)
			l.Number("status", 200)
			a.End(&l, slog.LevelWarn)
		}
		flush()
		if bytes.Count(out.Bytes(), []byte("status")) != 2 || bytes.Count(out.Bytes(), []byte("request")) != 2 {
			t.Errorf("%s: %q", name, out.String())
		}
	}
}

func TestLineIsWrittenIfTheLogTakesItsLevel(t *testing.T) {
	for _, least := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		ours, _ := NewLogger(discard{}, false, least)
		var a, b AccessLog
		a.Use(ours)
		b.Use(ours.With("a", 1))
		for _, level := range []slog.Level{slog.LevelInfo, slog.LevelWarn} {
			if a.Enabled(level) != (level >= least) || b.Enabled(level) != (level >= least) {
				t.Errorf("a log from %v up takes %v: %v", least, level, a.Enabled(level))
			}
		}
	}
}

func BenchmarkLine(b *testing.B) {
	log, _ := NewLogger(discard{}, false, slog.LevelInfo)
	b.Run("direct", func(b *testing.B) {
		var a AccessLog
		a.Use(log)
		a.secrets.Store(manySecrets())
		var l Line
		id := []byte("0123456789ab-1a")
		b.ReportAllocs()
		for b.Loop() {
			a.Begin(&l, time.Now(), slog.LevelInfo)
			l.Bytes("id", id, true)
			l.Number("status", 200)
			l.Text("model", "gpt-4o")
			l.Truth("stream", true)
			l.Number("attempts", 1)
			l.Milliseconds("ms", 12345*time.Microsecond)
			l.Text("key", "alias")
			l.Text("provider", "openai")
			l.Milliseconds("first_byte_ms", 1234*time.Microsecond)
			l.Number("prompt_tokens", 1000)
			l.Number("completion_tokens", 500)
			a.End(&l, slog.LevelInfo)
		}
	})
	b.Run("slog", func(b *testing.B) {
		attrs := []slog.Attr{slog.String("id", "0123456789ab-1a"), slog.Int("status", 200), slog.String("model", "gpt-4o"), slog.Bool("stream", true),
			slog.Int("attempts", 1), slog.Float64("ms", 12.345), slog.String("key", "alias"), slog.String("provider", "openai"),
			slog.Float64("first_byte_ms", 1.234), slog.Int64("prompt_tokens", 1000), slog.Int64("completion_tokens", 500)}
		b.ReportAllocs()
		for b.Loop() {
			log.LogAttrs(b.Context(), slog.LevelInfo, "request", attrs...)
		}
	})
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

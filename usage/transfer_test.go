package usage

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestALedgerOfAllKindsIsExportedAndRestored has counted what is priced by tokens alone, and what is not.
func TestALedgerOfAllKindsIsExportedAndRestored(t *testing.T) {
	now := time.Now().UTC().Add(-80 * time.Hour).Truncate(time.Minute)
	dir, again := t.TempDir(), t.TempDir()
	b := open(t, Options{Dir: dir, Now: func() time.Time { return now }})
	k, recent := configure(t, b, nil, nil), new(Recent)
	for _, tokens := range []Tokens{
		{Prompt: 5, Completion: 7},
		{Prompt: 300_000, Cached: 100_000, Completion: 7, Service: "flex"},
		{Prompt: 5, CacheWrite: 4, CacheWrite1h: 3, AudioInput: 1, Completion: 7, AudioOutput: 2, Searches: 3, FileSearches: 4, CodeCalls: 5, Search: "high"},
		{Prompt: 5, ImageInput: 2, Completion: 7, ImageOutput: 6, Images: 2, ImageSize: "1024x1024"},
		{Seconds: 9, Characters: 8, Estimated: true},
	} {
		s := sample(1, 11)
		s.Tokens = tokens
		k.Series("p", "m", "POST /v1/chat/completions").Record(s)
		recent.Parts(k, "p", "m", "POST /v1/chat/completions", &tokens, 11)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	out := func(dir string) string {
		var out bytes.Buffer
		if err := Export(Options{Dir: dir, Log: quiet}, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	was := out(dir)
	for _, name := range []string{`"of":"parts"`, `"code_calls":5`, `"file_searches":4`, `"sound_seconds":9`, `"images":2`} {
		if !strings.Contains(was, name) {
			t.Errorf("%s is not in\n%s", name, was)
		}
	}
	if strings.Contains(was, `"":`) {
		t.Errorf("a column has no name:\n%s", was)
	}
	if _, err := Restore(Options{Dir: again, Log: quiet}, strings.NewReader(was)); err != nil {
		t.Fatal(err)
	}
	if got := out(again); got != was {
		t.Errorf("it comes back as\n%s\nand was\n%s", got, was)
	}
}

func TestEveryColumnAndKindHasANameInAnExport(t *testing.T) {
	seen := map[string]bool{}
	for field, name := range columnNames {
		if name == "" || seen[name] {
			t.Errorf("field %d is named %q", field, name)
		}
		seen[name] = true
	}
	for _, k := range allKinds {
		if kindNames[k] == "" {
			t.Errorf("%c has no name", k)
		}
	}
}

// TestColumnsThatAreAskedForAreAdded asks for each by itself.
func TestColumnsThatAreAskedForAreAdded(t *testing.T) {
	var from Counts
	for field := range from.Row {
		from.Row[field] = int64(field + 1)
	}
	for which := range from.histograms {
		from.histogram(which)[3] = 1
	}
	for field := range from.Row {
		var to, want Counts
		want.Row[field] = int64(field + 1)
		if to.addOnly(&from, columnsOf(field)); to.Row != want.Row {
			t.Errorf("of field %d: %v", field, to.Row)
		}
	}
	for which := range from.histograms {
		var to Counts
		to.addOnly(&from, histogramColumn(which))
		for other, h := range to.histograms {
			if (h != nil) != (other == which) {
				t.Errorf("of histogram %d there is %d: %v", which, other, h != nil)
			}
		}
	}
}

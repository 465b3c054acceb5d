package usage

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestLedgerOfAllKindsIsExportedAndRestored has counted what is priced by tokens alone, and what is not.
func TestLedgerOfAllKindsIsExportedAndRestored(t *testing.T) {
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

// TestExportThatCannotBeTrueIsRefusedWhole gives files that somebody has changed, or whose clock was wrong.
func TestExportThatCannotBeTrueIsRefusedWhole(t *testing.T) {
	const day0 = 1772323200 // 2026-03-01
	now := func() time.Time { return time.Unix(day0+13*3600, 0) }
	head := func(hoursTo int64) string {
		return fmt.Sprintf(`{"ledger":"uni-api","version":1,"marks":[%d,%d,%d,%d,%d,%d]}`+"\n", day0, day0, day0, hoursTo, day0, day0)
	}
	row := func(at string) string {
		return `{"span":"hour","at":"` + at + `","of":"requests","name":["k","p","m","e"],"counts":{"requests":1}}` + "\n"
	}
	good := head(day0+12*3600) + row("2026-03-01T10:00:00Z")
	for _, test := range []struct{ name, text, says string }{
		{"a good one", good, ""},
		{"a clock that is somewhat ahead", head(day0+14*3600) + row("2026-03-01T14:00:00Z"), ""},
		{"as much as can be, twice", good + strings.Replace(row("2026-03-01T10:00:00Z"), ":1}", ":9223372036854775807}", 1), ""},
		{"a name of any characters", good + strings.Replace(row("2026-03-01T10:00:00Z"), `"m"`, `"\u0000\u202e\n"`, 1), ""},
		{"hours of the year 9987", head(253_000_000_000-253_000_000_000%3600) + row("2026-03-01T10:00:00Z"), "line 1: .*still to come"},
		{"a row of the year 9999", good + row("9999-12-01T05:00:00Z"), "line 3: .*still to come"},
		{"a row of the next week", good + row("2026-03-08T05:00:00Z"), "line 3: .*still to come"},
		{"a row before all", good + row("0000-12-01T05:00:00Z"), "line 3: no hour begins"},
		{"more than can be", good + strings.Replace(row("2026-03-01T10:00:00Z"), ":1}", ":9223372036854775808}", 1), "line 3: "},
		{"a long line", good + strings.Replace(row("2026-03-01T10:00:00Z"), `"m"`, `"`+strings.Repeat("m", 2<<20)+`"`, 1), "line 3 is longer than"},
		{"less than nothing added", good + `{"credits":"k","nano_dollars":-5}`, "line 3: "},
		{"a key that is none", good + `{"credits":"k\u0000","nano_dollars":5}`, "line 3: .*NUL"},
		{"an instance that is none", good + strings.Replace(row("2026-03-01T10:00:00Z"), `"of"`, `"instance":"\u0000","of"`, 1), "line 3: .*NUL"},
		{"an instance with a name that nobody can read", good + strings.Replace(row("2026-03-01T10:00:00Z"), `"of"`, `"instance":"`+strings.Repeat("i", 300)+`","of"`, 1), "name of an instance"},
		{"more instances than there are", good + ofInstances(row("2026-03-01T10:00:00Z"), mostInstances), "more than 5000 instances"},
		{"imports that are none", good + `{"imported":"nonsense"}`, "line 3: nobody knows what was imported"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := Options{Dir: t.TempDir(), Log: quiet, Now: now}
			done, err := Restore(o, strings.NewReader(test.text))
			if test.says == "" {
				if err != nil || done.Rows == 0 {
					t.Error(err)
				}
				return
			}
			if err == nil || !regexp.MustCompile(test.says).MatchString(err.Error()) {
				t.Errorf("%v, not %q", err, test.says)
			}
			var out bytes.Buffer
			if err := Export(o, &out); err != nil || strings.Contains(out.String(), `"span"`) {
				t.Errorf("something was taken: %v %s", err, &out)
			}
		})
	}
}

// ofInstances is a row of each of many.
func ofInstances(row string, many int) string {
	var all strings.Builder
	for i := range many + 1 {
		all.WriteString(strings.Replace(row, `"of"`, fmt.Sprintf(`"instance":"i%d","of"`, i), 1))
	}
	return all.String()
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

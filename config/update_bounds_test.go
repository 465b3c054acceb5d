//go:build !race

package config

import (
	"strings"
	"testing"
)

// What the next start would refuse, or read otherwise, is not written.
func TestUpdateNeverWritesWhatTheNextStartRefuses(t *testing.T) {
	many := func(n int) string { return `[` + strings.Repeat(`1,`, n) + `1]` }
	for _, test := range []struct{ name, value, want string }{
		{"larger than is read", `"` + strings.Repeat("x", maxSize/2) + `"`, "larger than"},
		{"larger by its depth", strings.Repeat(`[`, 90) + strings.Repeat(`1,`, 50_000) + `1` + strings.Repeat(`]`, 90), "larger than"},
		{"deeper than is read", strings.Repeat("[", 200) + strings.Repeat("]", 200), "deeper than"},
		{"of more values than are read", many(maxNodes), "more than"},
		{"half a pair", `"\ud83d"`, `\ud83d`},
		{"the other half", `"\ude00x"`, `\ude00`},
		{"halves in the wrong order", `"\ude00\ud83d"`, `\ude00`},
		{"half a pair and a letter", `"\ud83d\u0041"`, `\ud83d`},
		{"half a pair in a name", `{"\udfff":1}`, `\udfff`},
		{"half a pair behind a backslash", `"\\\ud83d"`, `\ud83d`},
		{"bytes that are no UTF-8", "\"\xff\"", "UTF-8"},
		{"a member twice", `{"a":1,"a":2}`, "twice"},
		{"a member twice, deep", `[{"a":{"b":1,"\u0062":2}}]`, "twice"},
		{"a number that is too large", `1e400`, "1e400"},
		{"a number that is far too large", `-1e99999`, "99999"},
		{"what is masked", `"sk-…abcd"`, "masked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if taken, err := roundTrip(t, test.value); taken || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 1000 {
				t.Errorf("taken: %v, %.300v", taken, err)
			}
		})
	}
	if taken, err := roundTrip(t, many(10_000)); !taken {
		t.Errorf("what is large, and not too large: %v", err)
	}
}

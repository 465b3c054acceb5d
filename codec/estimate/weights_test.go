package estimate

import (
	"strings"
	"testing"
)

// plainWeight is WeightOfString byte by byte.
func plainWeight(text []byte) (end int, weight int64) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return i, Weight(text[:i])
		case c < ' ':
			return -1, 0
		case c == '\\':
			if i++; i < len(text) && text[i] < ' ' {
				return -1, 0
			}
		}
	}
	return -1, 0
}

func FuzzWeightOfString(f *testing.F) {
	for _, s := range []string{`"`, ` word"},"finish_reason":null}`, `eight...nine"`, `a long piece of text which has "`, `\n\"x\\"`, `\u00e9\u4f60\ud83d\ude00 and more"`, "你好，世界\"", "emoji 😀 in it\"",
		"a\nb\"", "\\\n\"", `cut \`, `cut \u12`, `cut`, "\x7f\x80\xff\"", "12345678\t\"", `\u00zz"`, ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end, weight := WeightOfString([]byte(text))
		want, wantWeight := plainWeight([]byte(text))
		if end != want {
			t.Fatalf("%q ends at %d, want %d", text, end, want)
		}
		if end >= 0 && !broken(text[:end]) && weight != wantWeight {
			t.Fatalf("%q weighs %d, want %d", text[:end], weight, wantWeight)
		}
	})
}

// broken says whether an escape of a code is none.
func broken(inside string) bool {
	for rest := strings.ReplaceAll(inside, `\\`, ""); ; {
		_, after, found := strings.Cut(rest, `\u`)
		if !found {
			return false
		}
		if len(after) < 4 || !hexDigits([]byte(after[:4])) {
			return true
		}
		rest = after
	}
}

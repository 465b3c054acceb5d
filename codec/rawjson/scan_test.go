package rawjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestOneAcceptsWhatIsJSON(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, ` {"a" : [1, -2.5e+7, true, false, null, "x\"y\\"] , "b":{} } `, `"x"`, `0`, `-0`, `1E5`, `null`,
		"[\"tab\\t and \\u00e9\"]", strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
	} {
		if _, err := One([]byte(text)); err != nil {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

func TestOneSaysWhatIsWrongAndWhere(t *testing.T) {
	for _, c := range []struct {
		text   string
		offset int
		says   string
	}{
		{"", 0, "ends too early"},
		{"  ", 2, "ends too early"},
		{`{"a":`, 5, "ends too early"},
		{`{"a":"x`, 7, "ends too early"},
		{`{"a"`, 4, "ends too early"},
		{`{"a`, 3, "ends too early"},
		{`[1,`, 3, "ends too early"},
		{`tru`, 3, "ends too early"},
		{`trux`, 0, "invalid literal"},
		{`[nul]`, 1, "invalid literal"},
		{`{"a":1,}`, 7, "member name"},
		{`{a:1}`, 1, "member name"},
		{`{"a" 1}`, 5, "colon"},
		{`[1 2]`, 3, "comma"},
		{`[1}`, 2, "comma"},
		{`{"a":1]`, 6, "comma"},
		{`[1,]`, 3, "value is expected"},
		{"\xff\xfe", 0, "value is expected"},
		{`[01]`, 2, "comma"},
		{`[1.]`, 3, "invalid number"},
		{`[-]`, 2, "invalid number"},
		{`[1e+]`, 4, "invalid number"},
		{`{} x`, 3, "unexpected data"},
		{strings.Repeat("[", MaxDepth+1), MaxDepth, "nested deeper"},
	} {
		_, err := One([]byte(c.text))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Offset != c.offset || !strings.Contains(syntax.Message, c.says) {
			t.Errorf("%.60q: got %v, want %q at %d", c.text, err, c.says, c.offset)
		}
	}
}

// The bound is the same by whichever scanner, in whatever brackets, and what is wrong below it is told as that.
func TestOneGoesDownToTheSameDepthInAnyBrackets(t *testing.T) {
	for _, kind := range []struct{ open, close string }{{"[", "]"}, {`{"a":`, "}"}, {`[{"a":`, "}]"}, {"[ ", "]"}, {`["xy\"z",`, ",1]"}} {
		levels := strings.Count(kind.open, "[") + strings.Count(kind.open, "{")
		for depth, says := range map[int]string{
			MaxDepth - 4: "", MaxDepth: "", MaxDepth + 2: "nested deeper than 4096 levels",
		} {
			n := depth / levels
			whole := strings.Repeat(kind.open, n) + "null" + strings.Repeat(kind.close, n)
			for name, text := range map[string]string{"whole": whole, "cut off": strings.Repeat(kind.open, n), "broken": strings.Repeat(kind.open, n) + "x"} {
				want := says
				switch {
				case says != "":
				case name == "cut off":
					want = "ends too early"
				case name == "broken":
					want = "value is expected"
				}
				if _, err := One([]byte(text)); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%s, %d levels of %s: %v, not %q", name, depth, kind.open, err, want)
				}
			}
		}
	}
}

// Each of these has cost somebody's parser its stack or a quadratic amount of time.
func TestHostileBodiesAreRefusedQuickly(t *testing.T) {
	for name, body := range map[string]string{
		"deep arrays":        strings.Repeat("[", 200_000),
		"deep objects":       strings.Repeat(`{"a":`, 100_000),
		"backslashes":        `{"a":"` + strings.Repeat(`\`, 2<<20),
		"escaped quotes":     `{"a":"` + strings.Repeat(`\"`, 1<<20),
		"unclosed in arrays": `{"a":` + strings.Repeat(`["`, 100_000),
		"many members":       `{` + strings.Repeat(`"a":[],`, 200_000),
	} {
		quickest := time.Hour
		for range 5 { // a busy machine does not take each of them its time
			start := time.Now()
			it := MembersOf([]byte(body))
			for it.Next() {
			}
			if it.Err() == nil {
				t.Errorf("%s: accepted", name)
			}
			quickest = min(quickest, time.Since(start))
		}
		if quickest > time.Second {
			t.Errorf("%s: took %v", name, quickest)
		}
	}
}

func TestWhatIsCutOffIsRefusedWhereverItIs(t *testing.T) {
	for _, begin := range []string{`"`, `"\"`, `"\\`, `["`, `["\"`, `{"`, `{"a":"`, `{"a":"\"`, `[{"a":[1,"`} {
		for n := range 4 * largeValue {
			cut := []byte(begin + strings.Repeat("0", n))
			// What lies behind the slice is not to be read.
			cut = append(cut, strings.Repeat(`"`, 64)...)[:len(cut)]
			for name, scan := range map[string]func([]byte, int) (Value, string){"ours": skip, "sonic's": skipAny} {
				if v, msg := scan(cut, 0); msg != errTruncated || v.End != len(cut) {
					t.Fatalf("%s and %d digits, by %s: %v %q", begin, n, name, v, msg)
				}
			}
		}
	}
}

func FuzzSkip(f *testing.F) {
	for _, s := range []string{`[1,2]`, `{"a":[tru]}`, `[1 2]`, `["a\"",-0.5e+7]`, `{"a":1,}`, "[\"\x01\"]", `{"a":{"b":[[]]}}`,
		"[" + strings.Repeat(`"0123456789",`, 30) + "1]", `"` + strings.Repeat("0", 512), `"\"` + strings.Repeat("0", 510)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, msg := skip(b, 0)
		either, msg2 := skipAny(b, 0)
		if msg == errDepth {
			return
		}
		if (msg == "") != (msg2 == "") || msg == "" && ours != either {
			t.Fatalf("our scanner %v %q, sonic's %v %q", ours, msg, either, msg2)
		}
		if msg == "" && !json.Valid(ours.Raw(b)) && json.Valid(plainStrings(ours.Raw(b))) {
			return // wrong only inside a string, where the scanner does not look
		}
		if valid := json.Valid(b); valid && msg != "" {
			t.Fatalf("refused valid JSON: %s", msg)
		}
		if msg == "" && !json.Valid(plainStrings(ours.Raw(b))) {
			t.Fatalf("accepted %q", ours.Raw(b))
		}
	})
}

// plainStrings replaces what is in strings, so that only the structure is left.
func plainStrings(b []byte) []byte {
	var out []byte
	for i := 0; i < len(b); {
		if b[i] != '"' {
			out = append(out, b[i])
			i++
			continue
		}
		end := skipString(b, i, false)
		if end < 0 {
			return append(out, b[i:]...)
		}
		out = append(out, '"', '"')
		i = end
	}
	return out
}

func BenchmarkSkip(b *testing.B) {
	prose := []byte(`["` + strings.Repeat(`He said \"no\" to the first of them,\nand went on. `, 2000) + `"]`)
	for name, scan := range map[string]func([]byte, int) (Value, string){"ours": skip, "sonic": skipAny} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(prose)))
			for b.Loop() {
				if _, msg := scan(prose, 0); msg != "" {
					b.Fatal(msg)
				}
			}
		})
	}
}

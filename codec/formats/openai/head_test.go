package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

func TestReadHeadFindsWhatRoutingNeeds(t *testing.T) {
	for _, c := range []struct {
		body          string
		model         string
		stream, usage bool
	}{
		{`{"model":"gpt-4o"}`, "gpt-4o", false, false},
		{` {"messages":[{"model":"no","stream":true}], "model" : "a/b:c" ,"stream": true} `, "a/b:c", true, false},
		{`{"model":"m\u00fcller","stream":false}`, "müller", false, false},
		{`{"m\u006fdel":"escaped name"}`, "escaped name", false, false},
		{`{"model":"m","stream":true,"stream_options":{"include_usage":true}}`, "m", true, true},
		{`{"model":"m","stream":true,"stream_options":{"include_usage":false}}`, "m", true, false},
		{`{"model":"m","stream":true,"stream_options":null}`, "m", true, false},
		{`{"model":"m","stream":false,"stream_options":{"include_usage":true}}`, "m", false, false},
		{`{"model":"m","stream_options":"whatever the upstream says to it"}`, "m", false, false},
	} {
		h, err := ReadHead([]byte(c.body))
		if err != nil || h.Model != c.model || h.Stream != c.stream || h.IncludeUsage != c.usage {
			t.Errorf("%s: got %q %v %v, %v", c.body, h.Model, h.Stream, h.IncludeUsage, err)
		}
	}
}

func TestReadHeadTellsTheClientWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ body, says string }{
		{``, "empty"},
		{`{`, "not valid JSON: the JSON ends too early at byte 1"},
		{`[]`, "must be a JSON object, not an array"},
		{`null`, "must be a JSON object, not null"},
		{`"x"`, "must be a JSON object, not a string"},
		{`{}`, "model parameter"},
		{`{"model":null}`, "model parameter"},
		{`{"model":5}`, "must be a string, not a number"},
		{`{"model":""}`, "must not be empty"},
		{`{"model":" "}`, "must not be empty"},
		{`{"model":"\x"}`, "not a valid JSON string"},
		{"{\"model\":\"a\nb\"}", "not a valid JSON string"},
		{"{\"model\":\"\xf9\"}", "not a valid JSON string"},
		{`{"model":"a","Model":"b"}`, "did you mean 'model'"},
		{`{"model":"a","\u006dodel":"b"}`, "'model' is in the request more than once"},
		{`{"model":"a","messages":[],"x":1,"messages":[]}`, "'messages' is in the request more than once"},
		{`{"model":"a","stream":true,"stream":null}`, "'stream' is in the request more than once"},
		{`{"model":"a","reasoning":{"effort":"low","x":1,"x":2,"effort":"high"}}`, "'reasoning.effort' is in the request more than once"},
		{`{"model":"a","reasoning":{"Effort":"low"}}`, "unknown field 'reasoning.Effort': did you mean 'effort'"},
		{`{"model":"a","stream":"yes"}`, "'stream' must be true or false, not a string"},
		{`{"model":"a","stream":1}`, "'stream' must be true or false"},
		{`{"model":"a","stream":true,"stream_options":[]}`, "'stream_options' must be an object"},
		{"\xff\xfe", "not valid JSON"},
		{`{"model":"m","messages":`, "ends too early"},
		{`{"model":"m"} {}`, "unexpected data after"},
		{strings.Repeat("[", 200_000), "nested deeper"},
		{strings.Repeat(`{"a":`, 100_000), "nested deeper"},
	} {
		var err error
		quickest := time.Hour
		for range 5 { // a busy machine does not take each of them its time
			start := time.Now()
			_, err = ReadHead([]byte(c.body))
			quickest = min(quickest, time.Since(start))
		}
		var e *codec.Error
		if !errors.As(err, &e) || e.Status != 400 || e.Class != codec.ClientMistake || !strings.Contains(e.Message, c.says) {
			t.Errorf("%.40q: got %v, want %q", c.body, err, c.says)
		}
		if quickest > 100*time.Millisecond {
			t.Errorf("%.40q: took %v", c.body, quickest)
		}
	}
}

func partsOf(t testing.TB, body, model string, askUsage bool) string {
	t.Helper()
	h, err := ReadHead([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var scratch []byte
	parts := string(bytes.Join(h.Parts(nil, []byte(body), model, askUsage, &scratch), nil))

	// A Splicer, which finds the members by their names, must come to the same.
	var s rawjson.Splicer
	byName(&s, &h, []byte(body), model, askUsage)
	edited, err := s.Parts(nil, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if json.Unmarshal([]byte(parts), &a) == nil {
		if err := json.Unmarshal(bytes.Join(edited, nil), &b); err != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("by places %s, by names %s", parts, bytes.Join(edited, nil))
		}
	}
	return parts
}

func TestPartsChangesNothingButModelAndStreamOptions(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"the model alone", `{"seed": 9007199254740993, "model" : "m","x":1.50}`, `{"seed": 9007199254740993, "model" : "up","x":1.50}`},
		{"options are added to a stream", `{"model":"m","stream":true}`,
			`{"model":"up","stream_options":{"include_usage":true},"stream":true}`},
		{"options are merged", `{"model":"m","stream":true,"stream_options":{"include_obfuscation":false}}`,
			`{"model":"up","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}`},
		{"options before the model", `{"stream":true,"stream_options":{ },"model":"m"}`,
			`{"stream":true,"stream_options":{"include_usage":true },"model":"up"}`},
		{"false becomes true", `{"model":"m","stream":true,"stream_options":{"a":1,"include_usage": false }}`,
			`{"model":"up","stream":true,"stream_options":{"a":1,"include_usage": true }}`},
		{"true stays", `{"model":"m","stream":true,"stream_options":{"include_usage": true}}`,
			`{"model":"up","stream":true,"stream_options":{"include_usage": true}}`},
		{"null counts as absent", `{"stream_options":null,"model":"m","stream":true}`,
			`{"stream_options":{"include_usage":true},"model":"up","stream":true}`},
		{"without a stream they are passed", `{"model":"m","stream_options":{"include_usage":false}}`,
			`{"model":"up","stream_options":{"include_usage":false}}`},
		{"a member that is not read may come twice", `{"model":"m","x":1,"x":2}`, `{"model":"up","x":1,"x":2}`},
	} {
		if got := partsOf(t, c.body, "up", true); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestPartsLeavesTheBodyWholeIfNothingChanges(t *testing.T) {
	body := []byte(`{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}`)
	h, err := ReadHead(body)
	if err != nil {
		t.Fatal(err)
	}
	var scratch []byte
	for _, askUsage := range []bool{true, false} {
		parts := h.Parts(nil, body, "m", askUsage, &scratch)
		if len(parts) != 1 || &parts[0][0] != &body[0] {
			t.Errorf("askUsage %v: got %q", askUsage, parts)
		}
	}
}

func TestPartsQuotesTheModel(t *testing.T) {
	if got := partsOf(t, `{"model":"m"}`, "a\"b\\c", false); got != `{"model":"a\"b\\c"}` {
		t.Error(got)
	}
}

func TestReadHeadAndPartsDoNotAllocate(t *testing.T) {
	body := chatBody(64 << 10)
	var dst [][]byte
	var scratch []byte
	allocs := testing.AllocsPerRun(100, func() {
		h, err := ReadHead(body)
		if err != nil {
			t.Fatal(err)
		}
		scratch = scratch[:0]
		dst = h.Parts(dst[:0], body, "another-model", true, &scratch)
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzParts(f *testing.F) {
	for _, body := range []string{`{"model":"m","stream":true}`, `{"model":"m","stream":true,"stream_options":{"a":[1]},"x":"\u00e9"}`,
		`{"model":"a","stream":true,"stream_options":{"include_usage":null}}`, "{\"model\":\"\xf9\"}"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := ReadHead(body)
		if err != nil {
			return
		}
		var want map[string]any
		if json.Unmarshal(body, &want) != nil {
			return // wrong inside a string, which the upstream will tell
		}
		if model, _ := want["model"].(string); model != h.Model {
			t.Fatalf("model %q read as %q", model, h.Model)
		}
		want["model"] = "up"
		if h.Stream {
			options, _ := want["stream_options"].(map[string]any)
			if options == nil {
				options = map[string]any{}
			}
			options["include_usage"] = true
			want["stream_options"] = options
		}
		var got map[string]any
		out := partsOf(t, string(body), "up", true)
		if err := json.Unmarshal([]byte(out), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s became %s", body, out)
		}
	})
}

package embed_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/embed"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
)

func TestRequestsOfAllFormsAreRead(t *testing.T) {
	long := int64(256)
	for name, tt := range map[string]struct {
		body string
		want embed.Request
	}{
		"a text":                    {`{"model":"e","input":"hello \u00e9"}`, embed.Request{Model: "e", Inputs: []string{"hello é"}}},
		"a list":                    {`{"model":"e","input":["a","b"],"dimensions":256.0,"user":"u"}`, embed.Request{Model: "e", Inputs: []string{"a", "b"}, Dimensions: &long}},
		"what Python's SDK sends":   {`{"input":["a"],"model":"e","encoding_format":"base64"}`, embed.Request{Model: "e", Inputs: []string{"a"}, Base64: true}},
		"as many as there may be":   {`{"input":["a"` + strings.Repeat(`,"a"`, 2047) + `]}`, embed.Request{Inputs: slices.Repeat([]string{"a"}, 2048)}},
		"members that are null":     {`{"input":"a","model":"e","encoding_format":null,"dimensions":null}`, embed.Request{Model: "e", Inputs: []string{"a"}}},
		"Google's word beside them": {`{"input":"a","model":"e","encoding_format":"float","task_type":"RETRIEVAL_QUERY"}`, embed.Request{Model: "e", Inputs: []string{"a"}, TaskType: "RETRIEVAL_QUERY"}},
	} {
		got, err := openai.Embeddings{}.DecodeRequest([]byte(tt.body))
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, tt.want)
		}
	}
}

func TestRequestsThatCannotBeServedSayWhy(t *testing.T) {
	for name, tt := range map[string]struct{ body, param, want string }{
		"tokens":            {`{"input":[1,2]}`, "input", "'input' is a list of tokens, which only OpenAI's models can read: send the text itself"},
		"lists of tokens":   {`{"input":[[1],[2]]}`, "input", "'input' is a list of tokens"},
		"tokens after text": {`{"input":["a",[2]]}`, "input", "'input' is a list of tokens"},
		"no input":          {`{"model":"e"}`, "input", "'input' is missing"},
		"null":              {`{"input":null}`, "input", "'input' is missing"},
		"an object":         {`{"input":{}}`, "input", "must be a text or a list of texts, not an object"},
		"an empty list":     {`{"input":[]}`, "input", "'input' must not be empty"},
		"an empty text":     {`{"input":""}`, "input", "'input' must not be an empty text"},
		"one empty text":    {`{"input":["a",""]}`, "input[1]", "'input[1]' must not be an empty text"},
		"a null in a list":  {`{"input":["a",null]}`, "input[1]", "'input[1]' must be a string, not null"},
		"too many texts":    {`{"input":["a"` + strings.Repeat(`,"a"`, 2048) + `]}`, "input", "'input' has more than 2048 texts: send fewer at once"},
		"an odd encoding":   {`{"input":"a","encoding_format":"int8"}`, "encoding_format", "must be float or base64"},
		"no dimensions":     {`{"input":"a","dimensions":0}`, "dimensions", "must be 1 or more"},
		"half a dimension":  {`{"input":"a","dimensions":1.5}`, "dimensions", "must be a whole number"},
		"no JSON":           {`{"input":`, "", "not a valid JSON object"},
		"a list as body":    {`[]`, "", "not a valid JSON object"},
	} {
		_, err := openai.Embeddings{}.DecodeRequest([]byte(tt.body))
		e, ok := errors.AsType[*codec.Error](err)
		if !ok || e.Status != 400 || e.Param != tt.param || !strings.Contains(e.Message, tt.want) {
			t.Errorf("%s: %+v, want %s", name, err, tt.want)
		}
	}
}

func TestGoogleIsAskedInTheWayTheModelTakes(t *testing.T) {
	dimensions := int64(768)
	for _, tt := range []struct {
		name   string
		google gemini.Embeddings
		q      embed.Request
		model  string
		method string
		want   string
	}{
		{"one input", gemini.Embeddings{}, embed.Request{Inputs: []string{"a\n"}}, "gemini-embedding-001", "embedContent",
			`{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a\n"}]}}`},
		{"one with everything", gemini.Embeddings{}, embed.Request{Inputs: []string{"a"}, Dimensions: &dimensions, TaskType: "RETRIEVAL_QUERY", Base64: true}, "models/m", "embedContent",
			`{"model":"models/m","content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":768}`},
		{"several", gemini.Embeddings{}, embed.Request{Inputs: []string{"a", "b"}, Dimensions: &dimensions}, "gemini-embedding-2", "batchEmbedContents",
			`{"requests":[{"model":"models/gemini-embedding-2","content":{"parts":[{"text":"a"}]},"outputDimensionality":768},` +
				`{"model":"models/gemini-embedding-2","content":{"parts":[{"text":"b"}]},"outputDimensionality":768}]}`},
		{"Vertex", gemini.Embeddings{Vertex: true}, embed.Request{Inputs: []string{"a", "b"}, TaskType: "CLUSTERING"}, "text-embedding-005", "predict",
			`{"instances":[{"content":"a","task_type":"CLUSTERING"},{"content":"b","task_type":"CLUSTERING"}]}`},
		{"Vertex, short vectors", gemini.Embeddings{Vertex: true}, embed.Request{Inputs: []string{"a"}, Dimensions: &dimensions}, "publishers/google/models/gemini-embedding-001", "predict",
			`{"instances":[{"content":"a"}],"parameters":{"outputDimensionality":768}}`},
		{"Vertex, new models", gemini.Embeddings{Vertex: true}, embed.Request{Inputs: []string{"a"}, Dimensions: &dimensions}, "gemini-embedding-2", "embedContent",
			`{"content":{"role":"user","parts":[{"text":"a"}]},"outputDimensionality":768}`},
	} {
		if got := tt.google.Method(tt.model, len(tt.q.Inputs)); got != tt.method {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.method)
		}
		if got, err := tt.google.EncodeRequest(nil, &tt.q, tt.model); err != nil || string(got) != tt.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", tt.name, err, got, tt.want)
		}
	}
}

func TestMoreInputsThanTheUpstreamTakesAreRefused(t *testing.T) {
	for _, tt := range []struct {
		google gemini.Embeddings
		model  string
		most   int
	}{{gemini.Embeddings{}, "gemini-embedding-001", 100}, {gemini.Embeddings{Vertex: true}, "text-embedding-005", 250}, {gemini.Embeddings{Vertex: true}, "gemini-embedding-001", 1},
		{gemini.Embeddings{Vertex: true}, "gemini-embedding-2", 1}} {
		q := embed.Request{Inputs: strings.Split(strings.Repeat("a", tt.most), "")}
		if _, err := tt.google.EncodeRequest(nil, &q, tt.model); err != nil || tt.google.Most(tt.model) != tt.most {
			t.Errorf("%s: %d, %v", tt.model, tt.google.Most(tt.model), err)
		}
		q.Inputs = append(q.Inputs, "b")
		if _, err := tt.google.EncodeRequest(nil, &q, tt.model); err == nil {
			t.Errorf("%s: %d inputs were taken", tt.model, len(q.Inputs))
		}
	}
}

func TestAnswersBecomeOpenAIs(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"one", `{"embedding":{"values":[ 0.10, -2.5e-06 ,1]}}`,
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10,-2.5e-06,1]}],"model":"alias","usage":{"prompt_tokens":2,"total_tokens":2}}`},
		{"one that is counted", `{"embedding":{"values":[0.5]},"usageMetadata":{"promptTokenCount":11,"totalTokenCount":11}}`,
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"alias","usage":{"prompt_tokens":11,"total_tokens":11}}`},
		{"several", "{\n \"embeddings\": [\n  {\"values\": [1,\n 2]}, {\"values\": [3,4]}\n ]\n}",
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,2]},{"object":"embedding","index":1,"embedding":[3,4]}],"model":"alias","usage":{"prompt_tokens":4,"total_tokens":4}}`},
		{"Vertex", `{"predictions":[{"embeddings":{"statistics":{"truncated":false,"token_count":5},"values":[1]}},{"embeddings":{"values":[2],"statistics":{"token_count":6}}}],"metadata":{"billableCharacterCount":35}}`,
			`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]},{"object":"embedding","index":1,"embedding":[2]}],"model":"alias","usage":{"prompt_tokens":11,"total_tokens":11}}`},
	} {
		q := &embed.Request{Model: "alias", Inputs: []string{"hello", "world"}[:strings.Count(tt.want, "index")]}
		a, err := gemini.Embeddings{}.DecodeResponse([]byte(tt.body), q)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := (openai.Embeddings{}).EncodeResponse(nil, a, q); string(got) != tt.want || !json.Valid(got) {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
		if estimated := !strings.Contains(tt.body, "oken"); a.Usage.Estimated != estimated {
			t.Errorf("%s: estimated is %v", tt.name, a.Usage.Estimated)
		}
	}
}

func TestVectorsInBase64AreLittleEndianFloats(t *testing.T) {
	q := &embed.Request{Inputs: []string{"a"}, Base64: true}
	a, err := gemini.Embeddings{}.DecodeResponse([]byte(`{"embedding":{"values":[-0.01530608,1,2.2529825e-06]}}`), q)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Data []struct{ Embedding string } }
	if err := json.Unmarshal((openai.Embeddings{}).EncodeResponse(nil, a, q), &answer); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(answer.Data[0].Embedding)
	if err != nil || len(raw) != 12 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	for i, want := range []float32{-0.01530608, 1, 2.2529825e-06} {
		if got := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])); got != want {
			t.Errorf("number %d: %v, want %v", i, got, want)
		}
	}
}

func TestAnswersOfSeveralRequestsAreOne(t *testing.T) {
	q := &embed.Request{Model: "m", Inputs: []string{"a", "b"}}
	var all *embed.Response
	for _, body := range []string{`{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":3}}}]}`, `{"embedding":{"values":[2]}}`} {
		a, err := gemini.Embeddings{Vertex: true}.DecodeResponse([]byte(body), &embed.Request{Inputs: []string{"x"}})
		if err != nil {
			t.Fatal(err)
		}
		if all == nil {
			all = a
		} else {
			all.Add(a)
		}
	}
	want := `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]},{"object":"embedding","index":1,"embedding":[2]}],"model":"m","usage":{"prompt_tokens":4,"total_tokens":4}}`
	if got := string((openai.Embeddings{}).EncodeResponse(nil, all, q)); got != want || !all.Usage.Estimated {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"nothing":            {``, "empty"},
		"HTML":               {`<html><title>Bad gateway</title></html>`, "Bad gateway"},
		"an error":           {`{"error":{"code":429,"message":"quota"}}`, "quota"},
		"no vectors":         {`{}`, "0 embeddings for 1 inputs"},
		"too many":           {`{"embeddings":[{"values":[1]},{"values":[2]}]}`, "more embeddings than the 1 that were asked for"},
		"an empty vector":    {`{"embedding":{"values":[]}}`, "without numbers"},
		"texts as numbers":   {`{"embedding":{"values":["NaN"]}}`, "a string among its numbers"},
		"no vector in one":   {`{"predictions":[{"embeddings":{}}]}`, "without numbers"},
		"no object at all":   {`[1]`, "[1]"},
		"a vector by itself": {`{"embedding":[1]}`, "without numbers"},
	} {
		a, err := gemini.Embeddings{}.DecodeResponse([]byte(tt.body), &embed.Request{Inputs: []string{"a"}})
		e, ok := errors.AsType[*codec.Error](err)
		if a != nil || !ok || e.Class != codec.Semantic || !e.InAnswer || e.Status != 502 || !strings.Contains(e.Message, tt.want) {
			t.Errorf("%s: %+v, want %s", name, err, tt.want)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","input":["a","b"],"dimensions":3,"encoding_format":"base64","task_type":"x"}`), true)
	f.Add([]byte(`{"input":[1,[2]]}`), false)
	f.Fuzz(func(t *testing.T, body []byte, vertex bool) {
		q, err := openai.Embeddings{}.DecodeRequest(body)
		if err != nil {
			if e := err.(*codec.Error); e.Status != 400 || e.Message == "" {
				t.Fatalf("%+v", e)
			}
			return
		}
		for _, model := range []string{"gemini-embedding-001", "text-embedding-005", "gemini-embedding-2"} {
			if out, err := (gemini.Embeddings{Vertex: vertex}).EncodeRequest(nil, q, model); err == nil && !json.Valid(out) {
				t.Fatalf("not JSON: %s", out)
			}
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte(`{"embeddings":[{"values":[1,2.5e3]},{"values":[-0]}],"usageMetadata":{"promptTokenCount":3}}`))
	f.Add([]byte(`{"predictions":[{"embeddings":{"statistics":{"token_count":5},"values":[1]}},{"embeddings":{"values":[2]}}]}`))
	f.Add([]byte(`{"embedding":{"values":[1]},"error":{"message":"x"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q := &embed.Request{Model: "m", Inputs: []string{"a", "b"}}
		a, err := gemini.Embeddings{}.DecodeResponse(body, q)
		if err != nil {
			if e := err.(*codec.Error); e.Message == "" || e.Status < 400 {
				t.Fatalf("%+v", e)
			}
			return
		}
		for _, q.Base64 = range []bool{false, true} {
			if out := (openai.Embeddings{}).EncodeResponse(nil, a, q); !json.Valid(out) {
				t.Fatalf("not JSON: %s", out)
			}
		}
	})
}

func BenchmarkResponse(b *testing.B) {
	values := strings.TrimSuffix(strings.Repeat("-0.01530608,\n    ", 3072), ",\n    ")
	body := []byte(`{"embeddings":[{"values":[` + values + `]}]}`)
	for name, q := range map[string]*embed.Request{"numbers": {Inputs: []string{"a"}}, "base64": {Inputs: []string{"a"}, Base64: true}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				a, err := gemini.Embeddings{}.DecodeResponse(body, q)
				if err != nil {
					b.Fatal(err)
				}
				dst = (openai.Embeddings{}).EncodeResponse(dst[:0], a, q)
			}
		})
	}
}

func TestEmbeddingsOfOpenAIBecomeGoogles(t *testing.T) {
	q := &embed.Request{Inputs: []string{"a", "b"}}
	a, err := openai.Embeddings{}.DecodeResponse([]byte(`{"data":[{"index":1,"embedding":"AACAPwAAAMA="},{"index":0,"embedding":[0.10,2]}],"usage":{"prompt_tokens":3,"total_tokens":3}}`), q)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string((gemini.Embeddings{Batch: true}).EncodeResponse(nil, a, nil)), `{"embeddings":[{"values":[0.10,2]},{"values":[1,-2]}],"usageMetadata":{"promptTokenCount":3}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for name, body := range map[string]string{
		"too few": `{"data":[{"index":0,"embedding":[1]}]}`, "one twice": `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`, "none": `{}`, "no object": `[]`,
		"a number beyond": `{"data":[{"index":0,"embedding":[1]},{"index":99999999999,"embedding":[1]}]}`, "half a float": `{"data":[{"embedding":[1]},{"embedding":"AAA="}]}`,
		"no number": `{"data":[{"embedding":[1]},{"embedding":"AADAfw=="}]}`, "texts": `{"data":[{"embedding":["1"]},{"embedding":[1]}]}`,
	} {
		if a, err := (openai.Embeddings{}).DecodeResponse([]byte(body), q); err == nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func FuzzGoogleRequest(f *testing.F) {
	f.Add([]byte(`{"requests":[{"model":"models/e","content":{"role":"user","parts":[{"text":"x"},{"inlineData":{}}]},"title":"t","outputDimensionality":2}]}`), true)
	f.Add([]byte(`{"content":{"parts":[{"text":"x"}]},"taskType":"CLUSTERING"}`), false)
	f.Fuzz(func(t *testing.T, body []byte, batch bool) {
		q, err := gemini.Embeddings{Batch: batch}.DecodeRequest(body)
		if err != nil {
			if e := err.(*codec.Error); e.Status != 400 || e.Message == "" {
				t.Fatalf("%+v", e)
			}
			return
		}
		if !json.Valid(body) { // what passes as it came is the upstream's to judge
			return
		}
		plain := q.Plain() == nil
		for _, g := range []gemini.Embeddings{{}, {Vertex: true}} {
			for _, model := range []string{"gemini-embedding-001", "text-embedding-005", "gemini-embedding-2"} {
				if out, err := g.EncodeRequest(nil, q.Some(0, 1), model); (plain || !g.Vertex) && (err != nil || !json.Valid(out)) {
					t.Fatalf("%v: not JSON: %s", err, out)
				}
			}
		}
		if out, err := (openai.Embeddings{}).EncodeRequest(nil, q, "m"); err != nil || !json.Valid(out) {
			t.Fatalf("not JSON: %s", out)
		}
	})
}

func FuzzOpenAIResponse(f *testing.F) {
	f.Add([]byte(`{"data":[{"index":1,"embedding":"AACAPwAAAMA="},{"index":0,"embedding":[0.10,2]}],"usage":{"prompt_tokens":3,"total_tokens":3}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := openai.Embeddings{}.DecodeResponse(body, &embed.Request{Inputs: []string{"a", "b"}})
		if err != nil {
			if e := err.(*codec.Error); e.Message == "" || e.Status < 400 {
				t.Fatalf("%+v", e)
			}
			return
		}
		for _, batch := range []bool{false, true} {
			if out := (gemini.Embeddings{Batch: batch}).EncodeResponse(nil, a, nil); !json.Valid(out) {
				t.Fatalf("not JSON: %s", out)
			}
		}
	})
}

//go:build !race

package codec_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"uniapi/bench/linear"
	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/choice"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/bedrock"
	"uniapi/codec/formats/cohere"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
	"uniapi/codec/formats/responses"
	"uniapi/codec/internal/adversarial"
	"uniapi/codec/modifier"
	"uniapi/codec/override"
	"uniapi/codec/rawjson"
	"uniapi/codec/said"
	"uniapi/codec/strip"
	"uniapi/codec/toolid"
)

// upstreams are the formats that requests are written in, each for models of all capabilities that it tells apart.
var upstreams = []struct {
	name   string
	format codec.Format
	models []string
}{
	{"openai", openai.Format{}, []string{"m"}},
	{"responses", responses.Format{}, []string{"m"}},
	{"anthropic", anthropic.Format{}, []string{"claude-sonnet-4-5", "claude-opus-4-6", "claude-3-opus"}},
	{"anthropic-vertex", anthropic.Vertex, []string{"claude-sonnet-4-5"}},
	{"bedrock-invoke", bedrock.Invoke, []string{"anthropic.claude-sonnet-4-5"}},
	{"bedrock-converse", bedrock.Format{}, []string{"anthropic.claude-sonnet-4-5", "amazon.nova-pro-v1:0", "mistral.mistral-large-2402-v1:0"}},
	{"cohere", cohere.Format{}, []string{"command-a-reasoning", "command-r"}},
	{"gemini", gemini.Format{}, []string{"gemini-2.5-pro", "gemini-3-pro", "gemini-2.0-flash", "gemma-3"}},
	{"gemini-vertex", gemini.Format{Vertex: true}, []string{"gemini-2.5-flash"}},
}

// stage is a piece of the work on an input. It is told what the input is before it is measured.
type stage struct {
	name string
	make func(body []byte) (work func())
}

// plain is the work of a stage that needs nothing made before.
func plain(do func(body []byte)) func(body []byte) func() {
	return func(body []byte) func() { return func() { do(body) } }
}

// documents are those of a file in testdata.
func documents(t testing.TB, file string) (list [][]byte) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "adversarial", file))
	if err != nil {
		t.Fatal(err)
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for _, r := range raw {
		list = append(list, r)
	}
	return list
}

// quiet is a test that only tells whether it failed.
type quiet struct {
	testing.TB
	failed bool
}

func (q *quiet) Helper()               {}
func (q *quiet) Errorf(string, ...any) { q.failed = true }

// sampled says which of the cases are tried: all of them would take an hour. Small inputs are always the same ones. Of
// large inputs each run tries others, and a failure tells the seed, by which SEED=n has them again.
func sampled(t *testing.T, cases []adversarial.Case) []adversarial.Case {
	if linear.Large < 1<<20 {
		return adversarial.Sample(cases, 100, 1)
	}
	seed := rand.Uint64()
	if text := os.Getenv("SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("SEED=%s: %v", text, err)
		}
		seed = given
	}
	t.Logf("SEED=%d", seed)
	return adversarial.Sample(cases, 40, seed)
}

// costLinearTime fails the test if one of the stages costs more than in proportion to its input, for what can be made
// of the documents.
func costLinearTime(t *testing.T, docs [][]byte, stages []stage) {
	for _, c := range sampled(t, adversarial.Cases(docs)) {
		check := func(t testing.TB, stages ...stage) {
			linear.Check(t, func(size int) func() {
				body := c.Make(size)
				var works []func()
				for _, s := range stages {
					if work := s.make(body); work != nil {
						works = append(works, work)
					}
				}
				return func() {
					for _, work := range works {
						work()
					}
				}
			})
		}
		all := &quiet{TB: t}
		if check(all, stages...); !all.failed {
			continue
		}
		for _, s := range stages {
			t.Run(c.Name+": "+s.name, func(t *testing.T) { check(t, s) })
		}
	}
}

// inboundFormats are the formats of clients, with what is done to a request that passes.
var inboundFormats = []struct {
	name   string
	format codec.Format
	pass   func(body []byte)
}{
	{"openai", openai.Format{}, passChat},
	{"responses", responses.Format{}, func(body []byte) {
		if h, err := responses.ReadHead(body); err == nil {
			var scratch []byte
			h.Parts(nil, body, "another", &scratch)
		}
	}},
	{"anthropic", anthropic.Format{}, func(body []byte) {
		body = anthropic.WithoutEagerInput(body)
		if h, err := anthropic.ReadHead(body); err == nil {
			for _, host := range []anthropic.Format{{}, anthropic.Vertex, bedrock.Invoke.WithBetas([]string{"effort-2025-11-24"}, capability.Find(capability.Query{Place: "bedrock", Format: capability.Messages, Model: "claude-opus-4-5"})).Format} {
				var scratch []byte
				h.Parts(nil, body, "another", host, &scratch)
			}
		}
	}},
	{"gemini", gemini.Format{}, func(body []byte) { gemini.ReadHead(body) }},
}

// quirksOf is what a host wants otherwise than OpenAI's format has it.
func quirksOf(host, request, upstream string) *openai.Rules {
	return openai.NewRules(capability.Find(capability.Query{Host: host, Format: capability.Chat, Model: upstream}), request)
}

// quirks are some of each kind.
var quirks = []*openai.Rules{
	quirksOf("api.mistral.ai", "m", "mistral-large"), quirksOf("api.deepseek.com", "m", "deepseek-reasoner"), quirksOf("api.openai.com", "m", "o3-mini"),
	quirksOf("api.openai.com", "m", "o1-mini"), quirksOf("api.groq.com", "m", "openai/gpt-oss-20b"), quirksOf("api.perplexity.ai", "m", "sonar"),
	quirksOf("api.x.ai", "m", "grok-4"),
}

func passChat(body []byte) {
	h, err := openai.ReadHead(body)
	if err != nil {
		return
	}
	var scratch []byte
	h.Parts(nil, body, "another", true, &scratch)
	for _, rules := range quirks {
		rules.Edit(body)
		rules.EditTranslated(body)
	}
	strip.Request(toolid.Strip(body), true, true)
}

// overrides are many, on members that requests have and on others.
var overrides = func() *override.Edits {
	entries := []override.Entry{{Name: "metadata", Value: []byte(`{"a":{"b":1}}`)}, {Name: "stream", Value: []byte("false")},
		{Name: override.Remove, Value: []byte(`["user",{"path":"messages.content","where":{"type":"text"}},{"path":"tools","where_any":[{"type":"web_search"},{"function.name":"g"}],"drop_empty":true},{"path":"x.y.z"}]`)}}
	for c := 'a'; c <= 'z'; c++ {
		entries = append(entries, override.Entry{Name: "x" + string(c), Value: []byte(`{"y":1}`)})
	}
	rules, err := override.Compile(entries, "m", func(string) bool { return false })
	if err != nil {
		panic(err)
	}
	return rules
}()

func overridden(body []byte) {
	var s rawjson.Splicer
	overrides.Edit(&s, body)
	if _, err := s.Parts(nil, body); err != nil {
		return // it is no object
	}
}

func TestRequestsCostLinearTime(t *testing.T) {
	for _, client := range inboundFormats {
		docs := documents(t, "request-"+client.name+".json")
		t.Run(client.name, func(t *testing.T) {
			costLinearTime(t, docs, requestStages(client.format, client.pass))
		})
	}
}

// requestStages are what may be done with a request that comes in a format.
func requestStages(from codec.Format, pass func(body []byte)) []stage {
	stages := []stage{{"as it is", plain(pass)}, {"overrides", plain(overridden)},
		{"models that it names", plain(func(body []byte) { choice.Names(body, from.Name() == "gemini") })},
		{"what a moderator reads", plain(func(body []byte) {
			said.Last(body)
			said.Whole(body)
		})},
		{"decoding", plain(func(body []byte) { from.DecodeRequest(body) })}}
	for _, up := range upstreams {
		for _, model := range up.models {
			stages = append(stages, stage{"to " + up.name + ", " + model, func(body []byte) func() {
				q, err := from.DecodeRequest(body)
				if err != nil {
					return nil
				}
				return func() { encode(up.format, q, model) }
			}})
		}
	}
	return stages
}

// encode does what the relay does on the way to an upstream.
func encode(f codec.Format, q *codec.Request, model string) ([]byte, error) {
	q = q.Without(false, true)
	if f.Name() == "openai" {
		q = q.WithoutCustom()
	}
	return f.EncodeRequest(nil, modifier.Apply(q, model), model)
}

// providers are the formats of whole answers.
var providers = []struct {
	name, file string
	format     codec.Format
}{
	{"openai", "openai", openai.Format{}}, {"anthropic", "anthropic", anthropic.Format{}}, {"gemini", "gemini", gemini.Format{}}, {"responses", "responses", responses.Format{}},
	{"cohere", "cohere", cohere.Format{}}, {"bedrock-converse", "bedrock", bedrock.Format{}}, {"bedrock-invoke", "anthropic", bedrock.Invoke},
}

// answerStages are what may be done with a whole answer: it is looked at and passes, or it is written for clients of
// any format, whole or as the stream that it could have been.
func answerStages(from codec.Format) []stage {
	stages := []stage{{"decoding", plain(func(body []byte) { from.DecodeResponse(body) })},
		{"passing", plain(func(body []byte) {
			openai.CheckAnswer(body, []string{"trigger"})
			anthropic.CheckAnswer(body, []string{"trigger"})
			gemini.CheckAnswer(body, []string{"trigger"})
			responses.CheckAnswer(body, []string{"trigger"})
			codec.CheckObject(body)
		})},
		{"an error", plain(func(body []byte) { from.DecodeError(500, "application/json", body) })}}
	for _, client := range inboundFormats {
		q := &codec.Request{Format: client.format.Name(), Model: "m", IncludeUsage: true, Reasoning: &codec.Reasoning{Summary: "auto"}}
		stages = append(stages, stage{"whole for " + client.name, func(body []byte) func() {
			a, err := from.DecodeResponse(body)
			if err != nil {
				return nil
			}
			return func() { client.format.EncodeResponse(nil, a, q) }
		}}, stage{"as a stream for " + client.name, func(body []byte) func() {
			a, err := from.DecodeResponse(body)
			if err != nil {
				return nil
			}
			return func() {
				encoder := client.format.NewStreamEncoder(q)
				var out []byte
				for _, e := range a.Events(nil) {
					out = encoder.Append(out[:0], &e)
				}
				encoder.End(out)
			}
		}})
	}
	return stages
}

func TestAnswersCostLinearTime(t *testing.T) {
	for _, p := range providers {
		docs := documents(t, "answer-"+p.file+".json")
		t.Run(p.name, func(t *testing.T) { costLinearTime(t, docs, answerStages(p.format)) })
	}
}

// TestAdversarysDocumentsHaveWhatDecodersRead keeps the documents as rich as the decoders are.
func TestAdversarysDocumentsHaveWhatDecodersRead(t *testing.T) {
	for _, c := range []struct {
		file, dir string
		prefixes  []string
		without   string // words that are no member and no kind of block
	}{
		{"request-openai.json", "openai", []string{"decode_"}, "any"},
		{"request-responses.json", "responses", []string{"decode_"}, ""},
		{"request-anthropic.json", "anthropic", []string{"decode_"}, ""},
		{"request-gemini.json", "gemini", []string{"decode_", "thinking"}, "none"},
		{"answer-openai.json", "openai", []string{"response", "decode_message", "answer", "thinking"}, "role tool_call_id top_logprobs"},
		{"answer-anthropic.json", "anthropic", []string{"response", "decode_message"}, ""},
		{"answer-gemini.json", "gemini", []string{"answer", "response", "function_call", "citations", "usage", "logprobs"}, "content token logprob top_logprobs"},
		{"answer-responses.json", "responses", []string{"response"}, ""},
		{"answer-cohere.json", "cohere", []string{"response", "format"}, ""},
		{"answer-bedrock.json", "bedrock", []string{"response", "decode_message"}, ""},
	} {
		words, err := adversarial.Read("formats/"+c.dir, c.prefixes...)
		if err != nil || len(words) == 0 {
			t.Fatalf("%s: %v", c.dir, err)
		}
		has := adversarial.Words(documents(t, c.file)...)
		for _, w := range words {
			if !has[w] && !slices.Contains(strings.Fields(c.without), w) {
				t.Errorf("testdata/adversarial/%s has no %q, which codec/formats/%s reads", c.file, w, c.dir)
			}
		}
	}
}

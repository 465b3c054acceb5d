package gemini

import (
	"encoding/json"
	"testing"

	"uniapi/codec"
	"uniapi/codec/capability"
	"uniapi/codec/front"
)

const aiStudio = "generativelanguage.googleapis.com"

func rulesAt(host, place, model string) front.Rules {
	return Format{}.NewRules(capability.Find(capability.Query{Host: host, Place: place, Format: capability.Gemini, Model: model}), model)
}

func frontHead(t testing.TB, body string) *front.Head {
	t.Helper()
	h := &front.Head{Model: "m"}
	if err := (inbound{}).ReadHead([]byte(body), nil, h); err != nil {
		t.Fatal(err)
	}
	return h
}

// settled is what becomes of a request, which must be the same whether its head is known or not.
func settled(t *testing.T, r front.Rules, body string) string {
	t.Helper()
	h := frontHead(t, body)
	out := string(r.Settle(codec.Chat, h, []byte(body)))
	if again := string(r.Settle(codec.Chat, nil, []byte(body))); again != out {
		t.Errorf("without the head it becomes\n%s", again)
	}
	if may := r.MayEdit(codec.Chat, h, []byte(body)); may != (out != body) {
		t.Errorf("it is said to change: %v", may)
	}
	return out
}

func TestClientsOwnRequestsAreWhatTheModelTakes(t *testing.T) {
	const (
		old, flash, lite, pro = "gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro"
		pro3, flash3, pro31   = "gemini-3-pro-preview", "gemini-3-flash-preview", "gemini-3.1-pro-preview"
	)
	for _, test := range []struct{ name, model, config, want string }{
		{"a level where nothing thinks", old, `{"topP":1,"thinkingConfig":{"thinkingLevel":"LOW"}}`, `{"topP":1}`},
		{"no thinking where nothing thinks", old, `{"thinkingConfig":{"thinkingBudget":0}, "topP": 1}`, `{"topP": 1}`},
		{"nor in pictures", "gemini-2.5-flash-image", `{"thinkingConfig":{"thinkingBudget":1}}`, `{}`},
		{"nor in speech", "gemini-2.5-flash-preview-tts", `{"thinkingConfig":{"includeThoughts":true}}`, `{}`},
		{"a level as tokens", flash, `{"thinkingConfig":{"includeThoughts":true,"thinkingLevel":"LOW"}}`, `{"thinkingConfig":{"includeThoughts":true,"thinkingBudget":1024}}`},
		{"a small letter's level as tokens", pro, `{"thinkingConfig":{"thinkingLevel":"high"}}`, `{"thinkingConfig":{"thinkingBudget":24576}}`},
		{"the least that it takes", lite, `{"thinkingConfig":{"thinkingBudget":100}}`, `{"thinkingConfig":{"thinkingBudget":512}}`},
		{"nothing is less than that", lite, `{"thinkingConfig":{"thinkingBudget":0}}`, ``},
		{"it cannot but think", pro, `{"thinkingConfig":{"thinkingBudget":0}}`, `{"thinkingConfig":{"thinkingBudget":128}}`},
		{"more than it takes", flash, `{"thinkingConfig":{"thinkingBudget":30000}}`, `{"thinkingConfig":{"thinkingBudget":24576}}`},
		{"tokens in a text", flash, `{"thinkingConfig":{"thinkingBudget":"30000"}}`, `{"thinkingConfig":{"thinkingBudget":24576}}`},
		{"which it takes", pro, `{"thinkingConfig":{"thinkingBudget":"30000"}}`, ``},
		{"as the model likes", pro, `{"thinkingConfig":{"thinkingBudget":-1}}`, ``},
		{"both for tokens", flash, `{"thinkingConfig":{"thinkingLevel":"LOW","thinkingBudget":7}}`, `{"thinkingConfig":{"thinkingBudget":7}}`},
		{"both for levels", pro3, `{"thinkingConfig":{"thinkingLevel":"LOW","thinkingBudget":700}}`, `{"thinkingConfig":{"thinkingLevel":"LOW"}}`},
		{"a level that is not there", pro3, `{"thinkingConfig":{"thinkingLevel":"MEDIUM"}}`, `{"thinkingConfig":{"thinkingLevel":"HIGH"}}`},
		{"which is there", pro31, `{"thinkingConfig":{"thinkingLevel":"medium"}}`, ``},
		{"the least level", pro31, `{"thinkingConfig":{"thinkingLevel":"MINIMAL"}}`, `{"thinkingConfig":{"thinkingLevel":"LOW"}}`},
		{"which is there, too", flash3, `{"thinkingConfig":{"thinkingLevel":"MINIMAL"}}`, ``},
		{"a level of tomorrow", pro3, `{"thinkingConfig":{"thinkingLevel":"HUGE"}}`, ``},
		{"where there are none", flash, `{"thinkingConfig":{"thinkingLevel":"HUGE","includeThoughts":false}}`, `{"thinkingConfig":{"includeThoughts":false}}`},
		{"tokens that level models still take", pro3, `{"thinkingConfig":{"thinkingBudget":700}}`, ``},
		{"tokens that they do not", pro3, `{"thinkingConfig":{"thinkingBudget":0}}`, `{"thinkingConfig":{"thinkingLevel":"LOW"}}`},
		{"so many", "gemini-flash-latest", `{"thinkingConfig":{"thinkingBudget":90000}}`, `{"thinkingConfig":{"thinkingLevel":"HIGH"}}`},
		{"in the other spelling", flash, `{"thinking_config":{"thinking_level":"LOW","include_thoughts":true}}`, `{"thinking_config":{"include_thoughts":true,"thinkingBudget":1024}}`},
		{"the other spelling's tokens", pro, `{"thinking_config":{"thinking_budget":1}}`, `{"thinking_config":{"thinking_budget":128}}`},
		{"of pictures that think nothing is known", "gemini-3-pro-image-preview", `{"thinkingConfig":{"thinkingBudget":0}}`, ``},
		{"nor of a name that tells nothing", "my-tuned-model", `{"thinkingConfig":{"thinkingBudget":99999,"thinkingLevel":"LOW"},"presencePenalty":1}`, ``},
		{"nor of versions of its own", "gemini-robotics-er-1.5-preview", `{"thinkingConfig":{"thinkingBudget":0}}`, ``},
		{"the newest", "gemini-pro-latest", `{"thinkingConfig":{"thinkingLevel":"MEDIUM"}}`, ``},
		{"more stops than are taken", old, `{"stopSequences":["1", "2","3","4","5" ,"6","7"],"seed":1}`, `{"stopSequences":["1", "2","3","4","5"],"seed":1}`},
		{"as many as are taken", old, `{"stop_sequences":["1", "2","3","4","5"]}`, ``},
		{"penalties", pro, `{"presencePenalty":0.5,"topK":1,"frequency_penalty":1}`, `{"topK":1}`},
		{"which it takes", old, `{"presencePenalty":0.5}`, ``},
		{"nothing to do", flash, `{ "temperature" : 1, "thinkingConfig": {"thinkingBudget": 9 } , "stopSequences":[] }`, ``},
		{"nothing said", pro, `null`, ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rulesAt(aiStudio, "", test.model)
			around := func(config string) string {
				return `{ "contents":[{"parts":[{"text":"thinkingLevel"}]}], "generationConfig" : ` + config + ` ,"labels": {}}`
			}
			want := test.want
			if want == "" {
				want = test.config
			}
			got := settled(t, r, around(test.config))
			if got != around(want) {
				t.Errorf("got\n%s\nwant\n%s", got, around(want))
			}
			if again := settled(t, r, got); again != got {
				t.Errorf("edited twice it becomes\n%s", again)
			}
		})
	}
}

func TestRulesAreForConversationsWithHostsThatAreKnown(t *testing.T) {
	const body = `{"contents":"a","generation_config":{"thinkingConfig":{"thinkingLevel":"LOW"}}}`
	for _, test := range []struct {
		name, host, place string
		changes           bool
	}{{"AI Studio", aiStudio, "", true}, {"Vertex", "europe-west1-aiplatform.googleapis.com", "vertex", true}, {"Vertex behind a relay", "relay.example", "vertex", true}, {"a relay", "relay.example", "", false}} {
		r := rulesAt(test.host, test.place, "gemini-2.0-flash")
		if got := settled(t, r, body); (got != body) != test.changes {
			t.Errorf("%s gets %s", test.name, got)
		}
		for _, other := range []codec.Endpoint{codec.CountTokens, codec.Embeddings} {
			h := frontHead(t, body)
			if got := string(r.Settle(other, h, []byte(body))); got != body || r.MayEdit(other, h, []byte(body)) {
				t.Errorf("%s gets %s, asked for %v", test.name, got, other)
			}
		}
	}
	if got := rulesAt(aiStudio, "", "gemini-2.5-pro").Settle(codec.Chat, nil, []byte(`{"generationConfig":{"presencePenalty":1}`)); string(got) != `{"generationConfig":{"presencePenalty":1}` {
		t.Errorf("what cannot be read became %s", got)
	}
}

func TestModelThatTakesLevelsAloneGetsOneForTokens(t *testing.T) {
	target := *capability.Find(capability.Query{Host: aiStudio, Format: capability.Gemini, Model: "gemini-3-flash-preview"})
	target.Budget = nil
	r := Format{}.NewRules(&target, "")
	for tokens, want := range map[string]string{"0": `{"thinkingLevel":"MINIMAL"}`, "6000": `{"thinkingLevel":"LOW"}`, "20000": `{"thinkingLevel":"HIGH"}`} {
		if got := settled(t, r, `{"generationConfig":{"thinkingConfig":{"thinkingBudget":`+tokens+`}}}`); got != `{"generationConfig":{"thinkingConfig":`+want+`}}` {
			t.Errorf("%s tokens became %s", tokens, got)
		}
	}
	if got := settled(t, r, `{"generationConfig":{"thinkingConfig":{"thinkingBudget":-1}}}`); got != `{"generationConfig":{}}` {
		t.Errorf("what the model likes became %s", got)
	}
}

// plain is a request in which nothing has to change.
const plain = `{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"generationConfig":{"temperature":1,"stopSequences":["a"],"thinkingConfig":{"includeThoughts":true,"thinkingBudget":1024}}}`

func TestRequestThatNeedsNoChangeIsReturnedItselfWithoutAllocations(t *testing.T) {
	for _, model := range []string{"gemini-2.5-flash", "gemini-3-flash-preview"} {
		r, h, body := rulesAt(aiStudio, "", model), frontHead(t, plain), []byte(plain)
		if n := testing.AllocsPerRun(100, func() {
			if r.MayEdit(codec.Chat, h, body) {
				t.Fatal("it changes")
			}
			if out := r.Settle(codec.Chat, h, body); &out[0] != &body[0] || len(out) != len(body) {
				t.Fatalf("it became %s", out)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", model, n)
		}
	}
}

func BenchmarkRulesOfARequestThatNeedsNoChange(b *testing.B) {
	r, h, body := rulesAt(aiStudio, "", "gemini-2.5-flash"), frontHead(b, plain), []byte(plain)
	b.ReportAllocs()
	for b.Loop() {
		if r.MayEdit(codec.Chat, h, body) {
			b.Fatal("it changes")
		}
		r.Settle(codec.Chat, h, body)
	}
}

func FuzzRules(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte(`{"generation_config":{"thinking_config":{"thinking_level":"LOW","thinkingBudget":"7"},"stopSequences":["1","2",3,[],{},"6"],"presencePenalty":1,"frequency_penalty":null}}`))
	f.Add([]byte(`{"generationConfig":{"thinkingConfig":{"thinkingBudget":-9e9,"thinkingLevel":null}}}`))
	var all []front.Rules
	for _, model := range []string{"gemini-2.0-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro", "gemini-3-pro-preview", "gemini-3-flash-preview", "gemma-3-27b-it"} {
		all = append(all, rulesAt(aiStudio, "", model))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		h := &front.Head{Model: "m"}
		if (inbound{}).ReadHead(body, nil, h) != nil || !json.Valid(body) { // a byte in a text that JSON forbids goes along as it came
			return
		}
		for _, r := range all {
			out := r.Settle(codec.Chat, h, body)
			if !json.Valid(out) {
				t.Fatalf("%s became %s", body, out)
			}
			if string(r.Settle(codec.Chat, nil, out)) != string(out) {
				t.Fatalf("%s became %s, and that something else", body, out)
			}
		}
	})
}

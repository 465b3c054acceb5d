package server

import (
	"testing"

	"uniapi/codec/formats"
	"uniapi/codec/rawjson"
)

// TestAnswerAtMostIsTheMostThatARequestMaySay reads requests of each format, with members that are there twice: which
// of them a provider reads is its own choice.
func TestAnswerAtMostIsTheMostThatARequestMaySay(t *testing.T) {
	for _, c := range []struct {
		format, body    string
		tokens, answers int64
	}{
		{"openai", `{"max_tokens":5}`, 5, 1}, {"openai", `{"max_tokens":5,"max_completion_tokens":7,"n":3}`, 7, 3},
		{"openai", `{"max_tokens":5,"max_tokens":100000}`, 100000, 1}, {"openai", `{"max_tokens":100000,"max_tokens":5}`, 100000, 1},
		{"openai", `{"max_tokens":5,"thinking":{"budget_tokens":1000}}`, 1005, 1}, {"openai", `{"max_tokens":5,"messages":[{"max_tokens":900}]}`, 5, 1},
		{"openai", `{"max\u005ftokens":50,"best_of":1000}`, 50, 128}, {"openai", `{"max_tokens":null}`, -1, 1}, {"openai", `{"max_tokens":0}`, -1, 1}, {"openai", `{}`, -1, 1}, {"openai", `{"max_tokens":5`, -1, 1},
		// What servers read that people run themselves, before or beside what the format says.
		{"openai", `{"max_tokens":1,"n_predict":9000}`, 9000, 1}, {"openai", `{"max_tokens":1,"n_predict":-1}`, -1, 1}, {"openai", `{"n_predict":-2,"max_tokens":1}`, -1, 1}, {"openai", `{"n_predict":1}`, -1, 1},
		{"openai", `{"max_tokens":1,"N_Predict":9000}`, 9000, 1}, {"openai", `{"max_tokens":1,"n_predict":"9000"}`, 9000, 1}, {"openai", `{"max_tokens":1,"n_predict":"-1"}`, -1, 1},
		{"openai", `{"max_tokens":1,"options":{"num_predict":9000,"num_predict":1}}`, 9000, 1}, {"openai", `{"max_tokens":1,"options":{"num_predict":1},"Options":{"num_predict":9000}}`, 9000, 1},
		{"openai", `{"max_tokens":1,"num_predict":9000}`, 9000, 1}, {"openai", `{"max_tokens":1,"max_new_tokens":9000}`, 9000, 1}, {"openai", `{"max_tokens":1,"parameters":{"max_new_tokens":9000}}`, 9000, 1},
		{"openai", `{"max_tokens":1,"sampling_params":{"max_new_tokens":9000,"n":4}}`, 9000, 4}, {"openai", `{"max_tokens":1,"max_length":9000,"n_cmpl":3}`, 9000, 3},
		{"openai", `{"max_tokens":1,"options":9000,"parameters":[{"max_new_tokens":9000}]}`, 1, 1},
		// Numbers in other spellings.
		{"openai", `{"max_tokens":9e3}`, 9000, 1}, {"openai", `{"max_tokens":9000.0}`, 9000, 1}, {"openai", `{"max_tokens":9000.5}`, 9000, 1}, {"openai", `{"max_tokens":1e999}`, 1 << 40, 1},
		{"openai", `{"max_tokens":-1e999}`, -1, 1}, {"openai", `{"max_tokens":0.5}`, -1, 1}, {"openai", `{"max_tokens":99999999999999999999}`, 1 << 40, 1}, {"openai", `{"max_tokens":"no"}`, -1, 1},
		{"openai", `{"max_tokens":5,"n":-1}`, 5, 1}, {"openai", `{"max_tokens":5,"thinking":{"budget_tokens":-1}}`, 5, 1}, {"openai", `{"max_tokens":5,"thinking":{"budget_tokens":4},"thinking_budget":-1}`, 9, 1},
		{"responses", `{"max_output_tokens":16,"n_predict":9000}`, 9000, 1},
		{"anthropic", `{"max_tokens":5,"thinking":{"type":"enabled","budget_tokens":4}}`, 9, 1},
		{"responses", `{"max_output_tokens":8,"max_tokens":1}`, 8, 1},
		{"gemini", `{"generationConfig":{"maxOutputTokens":5,"candidateCount":2},"generation_config":{"max_output_tokens":9}}`, 9, 2},
	} {
		in := &inbound{wish: wish{format: formats.All[c.format]}, body: []byte(c.body)}
		if tokens, answers, _ := in.answerAtMost(); tokens != c.tokens || answers != c.answers {
			t.Errorf("%s %s: %d tokens, %d answers; want %d and %d", c.format, c.body, tokens, answers, c.tokens, c.answers)
		}
	}
}

func BenchmarkAnswerAtMost(b *testing.B) {
	in := &inbound{wish: wish{format: formats.All["openai"]}, body: []byte(`{"model":"m","max_tokens":100,"temperature":1,"messages":[{"role":"user","content":"` + askedText + `"}]}`)}
	top, err := rawjson.One(in.body)
	if err != nil {
		b.Fatal(err)
	}
	in.head.Messages = top.Get(in.body, "messages") // reading the head has found them
	b.ReportAllocs()
	for b.Loop() {
		if n, _, _ := in.answerAtMost(); n != 100 {
			b.Fatal(n)
		}
	}
}

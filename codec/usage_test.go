package codec

import (
	"math"
	"testing"

	"uniapi/codec/rawjson"
)

func readUsage(t testing.TB, text string) Usage {
	t.Helper()
	v, err := rawjson.One([]byte(text))
	if err != nil {
		t.Fatal(text, err)
	}
	u, told := ReadUsage([]byte(text), v)
	if told == u.Zero() {
		t.Errorf("%s is told: %v, and zero: %v", text, told, u.Zero())
	}
	return u
}

func TestUsageIsReadInTheWordsOfEveryProvider(t *testing.T) {
	const none = NoPrompt | NoCompletion
	for text, want := range map[string]Usage{
		`{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}`:                                                    {Prompt: 11, Completion: 7, Total: 18},
		`{"prompt_tokens":11.0,"completion_tokens":7.0}`:                                                                  {Prompt: 11, Completion: 7},
		`{"prompt_tokens":"11","completion_tokens":"7"}`:                                                                  {Prompt: 11, Completion: 7},
		`{"input_tokens":11,"output_tokens":7}`:                                                                           {Prompt: 11, Completion: 7},
		`{"promptTokenCount":11,"candidatesTokenCount":7,"totalTokenCount":18}`:                                           {Prompt: 11, Completion: 7, Total: 18},
		`{"promptTokenCount":11,"candidatesTokenCount":3,"thoughtsTokenCount":4}`:                                         {Prompt: 11, Completion: 7, Reasoning: 4},
		`{"promptTokenCount":11,"thoughtsTokenCount":4,"toolUsePromptTokenCount":5}`:                                      {Prompt: 16, Completion: 4, Reasoning: 4},
		`{"inputTokens":11,"outputTokens":7,"totalTokens":18}`:                                                            {Prompt: 11, Completion: 7, Total: 18},
		`{"inputTokens":1,"cacheReadInputTokens":7,"cacheWriteInputTokens":3}`:                                            {Prompt: 11, Cached: 7, CacheWrite: 3, Gaps: NoCompletion},
		`{"input_tokens":1,"cache_read_input_tokens":7,"cache_creation_input_tokens":3,"output_tokens":7}`:                {Prompt: 11, Cached: 7, CacheWrite: 3, Completion: 7},
		`{"prompt_tokens":11,"cache_read_input_tokens":7,"completion_tokens":7}`:                                          {Prompt: 11, Cached: 7, Completion: 7},
		`{"prompt_tokens":11,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":5,"audio_tokens":2}}`:         {Prompt: 11, Cached: 5, PromptAudio: 2, Completion: 7},
		`{"prompt_tokens":11,"completion_tokens":7,"prompt_cache_hit_tokens":5}`:                                          {Prompt: 11, Cached: 5, Completion: 7},
		`{"prompt_tokens":11,"completion_tokens":3,"total_tokens":18,"completion_tokens_details":{"reasoning_tokens":4}}`: {Prompt: 11, Completion: 7, Reasoning: 4, Total: 18},
		`{"input_tokens":11,"output_tokens":7,"output_tokens_details":{"reasoning_tokens":4}}`:                            {Prompt: 11, Completion: 7, Reasoning: 4},
		`{"total_tokens":18}`:                                                            {Total: 18, Gaps: none},
		`{"prompt_tokens":11,"total_tokens":18}`:                                         {Prompt: 11, Completion: 7, Total: 18},
		`{"completion_tokens":7,"total_tokens":18}`:                                      {Prompt: 11, Completion: 7, Total: 18},
		`{"prompt_tokens":11,"total_tokens":11}`:                                         {Prompt: 11, Total: 11},
		`{"prompt_tokens":11,"total_tokens":5}`:                                          {Prompt: 11, Gaps: NoCompletion | Absurd},
		`{"completion_tokens":7,"total_tokens":5}`:                                       {Completion: 7, Gaps: NoPrompt | Absurd},
		`{"prompt_tokens":10,"completion_tokens":-1000000,"total_tokens":5}`:             {Prompt: 10, Gaps: NoCompletion | Absurd},
		`{"prompt_tokens":10,"completion_tokens":-1,"total_tokens":10}`:                  {Prompt: 10, Gaps: NoCompletion | Absurd},
		`{"prompt_tokens":10,"completion_tokens":"NaN","total_tokens":10}`:               {Prompt: 10, Gaps: NoCompletion | Unreadable | Absurd},
		`{"prompt_tokens":10,"completion_tokens":-1,"total_tokens":12}`:                  {Prompt: 10, Completion: 2, Total: 12},
		`{"promptTokenCount":11,"candidatesTokenCount":-3,"thoughtsTokenCount":4}`:       {Prompt: 11, Completion: 4, Reasoning: 4, Gaps: NoCompletion | Absurd},
		`{"inputTokens":-1,"outputTokens":7,"cacheReadInputTokens":5}`:                   {Prompt: 5, Cached: 5, Completion: 7, Gaps: NoPrompt | Absurd},
		`{"inputTokens":-1,"outputTokens":7,"cacheReadInputTokens":5,"totalTokens":18}`:  {Prompt: 11, Cached: 5, Completion: 7, Total: 18},
		`{"prompt_tokens":11,"completion_tokens":null,"total_tokens":null}`:              {Prompt: 11, Gaps: NoCompletion},
		`{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`:                     {Gaps: Nothing},
		`{"prompt_tokens":0,"total_tokens":0}`:                                           {Gaps: Nothing},
		`{}`:                                                                             {Gaps: none},
		`null`:                                                                           {},
		`[11,7]`:                                                                         {Gaps: none | Unreadable},
		`"11"`:                                                                           {Gaps: none | Unreadable},
		`{"prompt_tokens":"many","completion_tokens":7}`:                                 {Completion: 7, Gaps: NoPrompt | Unreadable},
		`{"prompt_tokens":{"n":11},"completion_tokens":[7]}`:                             {Gaps: none | Unreadable},
		`{"prompt_tokens":-5,"completion_tokens":7}`:                                     {Completion: 7, Gaps: NoPrompt | Absurd},
		`{"prompt_tokens":"-5","completion_tokens":7,"total_tokens":18}`:                 {Prompt: 11, Completion: 7, Total: 18},
		`{"prompt_tokens":1e18,"completion_tokens":1e300}`:                               {Gaps: none | Absurd | Huge},
		`{"prompt_tokens":1e400,"completion_tokens":9223372036854775808}`:                {Gaps: none | Absurd | Huge},
		`{"prompt_tokens":100000000,"completion_tokens":100000001}`:                      {Prompt: MostTokens, Gaps: NoCompletion | Absurd | Huge},
		`{"prompt_tokens":11,"completion_tokens":7,"total_tokens":1e300}`:                {Prompt: 11, Completion: 7},
		`{"prompt_tokens":11,"completion_tokens":7,"prompt_cache_hit_tokens":-1}`:        {Prompt: 11, Completion: 7},
		`{"type":"duration","seconds":8.4}`:                                              {Seconds: 9, Gaps: none | OtherUnit},
		`{"type":"tokens","input_tokens":11,"output_tokens":7,"total_tokens":18}`:        {Prompt: 11, Completion: 7, Total: 18},
		`{"prompt_tokens":11.0,"completion_tokens":7.4,"total_tokens":18.0}`:             {Prompt: 11, Completion: 8, Total: 18},
		`{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,"cached_tokens":5}`: {Prompt: 11, Cached: 5, Completion: 7, Total: 18},
		`{"prompt_tokens":11,"completion_tokens":7,"num_search_queries":3}`:              {Prompt: 11, Completion: 7, Searches: 3},
		`{"search_units":1}`:                                                             {Gaps: none | OtherUnit},
		`{"tokens":{"input_tokens":11}}`:                                                 {Gaps: none},
	} {
		if got := readUsage(t, text); got != want {
			t.Errorf("%s\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func FuzzReadUsage(f *testing.F) {
	f.Add([]byte(`{"prompt_tokens":1e8,"completion_tokens":"99999999","total_tokens":-1,"thoughtsTokenCount":1e8,"cache_read_input_tokens":100000000}`))
	f.Add([]byte(`{"input_tokens":1,"output_tokens_details":{"reasoning_tokens":1e9}}`))
	f.Add([]byte(`{"billed_units":{"input_tokens":1e8,"image_tokens":1e8,"search_units":3},"tokens":{"input_tokens":2,"output_tokens":-1}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := rawjson.One(data)
		if err != nil {
			return
		}
		told, _ := ReadUsage(data, v)
		billed, _ := ReadBilled(data, v)
		for _, u := range []Usage{told, billed} {
			for _, n := range []int64{u.Prompt, u.Cached, u.CacheWrite, u.Completion, u.Reasoning, u.Total, u.Seconds, u.PromptAudio, u.CompletionAudio, u.PromptImage, u.Searches, u.Sum()} {
				if n < 0 || n > 10*MostTokens {
					t.Fatalf("%q is %+v", data, u)
				}
			}
		}
	})
}

func TestLaterUsageOfAStreamReplacesWhatItTells(t *testing.T) {
	full := Usage{Prompt: 11, Cached: 5, Completion: 7, Total: 18}
	for name, test := range map[string]struct{ first, then, want Usage }{
		"nothing, then all":            {Usage{}, full, full},
		"all, then nothing":            {full, Usage{}, full},
		"all, then zeros":              {full, Usage{Gaps: Nothing}, full},
		"zeros, then all":              {Usage{Gaps: Nothing}, full, full},
		"nothing, then zeros":          {Usage{}, Usage{Gaps: Nothing}, Usage{Gaps: Nothing}},
		"nothing, then words":          {Usage{}, Usage{Gaps: NoPrompt | NoCompletion | Unreadable}, Usage{Gaps: NoPrompt | NoCompletion | Unreadable}},
		"all, then words":              {full, Usage{Gaps: NoPrompt | NoCompletion | Unreadable}, full},
		"a running total that grows":   {full, Usage{Prompt: 11, Completion: 9, Total: 20}, Usage{Prompt: 11, Completion: 9, Total: 20}},
		"the prompt, then the answer":  {Usage{Prompt: 11, Cached: 5, Gaps: NoCompletion}, Usage{Completion: 7, Gaps: NoPrompt}, Usage{Prompt: 11, Cached: 5, Completion: 7}},
		"all, then the prompt alone":   {full, Usage{Prompt: 12, Gaps: NoCompletion}, Usage{Prompt: 12, Completion: 7}},
		"all, then a total alone":      {full, Usage{Total: 20, Gaps: NoPrompt | NoCompletion}, Usage{Prompt: 11, Cached: 5, Completion: 7, Total: 20}},
		"words, then the answer alone": {Usage{Gaps: NoPrompt | NoCompletion | Unreadable}, Usage{Completion: 7, Gaps: NoPrompt}, Usage{Completion: 7, Gaps: NoPrompt}},
	} {
		u := test.first
		if u.Update(test.then); u != test.want {
			t.Errorf("%s: %+v, want %+v", name, u, test.want)
		}
	}
}

func TestUsagesOfPartsAddUpToTheEnd(t *testing.T) {
	u := Usage{Prompt: math.MaxInt64, Completion: 1}
	u.Add(Usage{Prompt: 1, Completion: math.MaxInt64, Estimated: true, Gaps: NoPrompt})
	if u.Prompt != math.MaxInt64 || u.Completion != math.MaxInt64 || u.Sum() != math.MaxInt64 || !u.Estimated || u.Gaps != NoPrompt {
		t.Errorf("%+v", u)
	}
}

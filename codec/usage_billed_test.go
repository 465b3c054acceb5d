package codec

import (
	"testing"

	"uniapi/codec/rawjson"
)

func TestBilledUnitsAreWhatCounts(t *testing.T) {
	for text, want := range map[string]Usage{
		`{"billed_units":{"input_tokens":6772,"output_tokens":248},"tokens":{"input_tokens":7596,"output_tokens":645}}`: {Prompt: 7596, FreePrompt: 824, Completion: 645, FreeCompletion: 397}, // Cohere's own example
		`{"tokens":{"input_tokens":7,"output_tokens":5}}`:                                                               {Prompt: 7, Completion: 5},
		`{"billed_units":{"input_tokens":7.0,"output_tokens":5.0}}`:                                                     {Prompt: 7, Completion: 5},
		`{"billed_units":{"input_tokens":0,"output_tokens":0},"tokens":{"input_tokens":7,"output_tokens":5}}`:           {Prompt: 7, Completion: 5}, // of a server that fills it in
		`{"billed_units":{"input_tokens":3},"tokens":{"input_tokens":7,"output_tokens":5}}`:                             {Prompt: 7, FreePrompt: 4, Completion: 5},
		`{"billed_units":{"input_tokens":3,"search_units":2},"tokens":{"input_tokens":7,"output_tokens":5}}`:            {Prompt: 7, FreePrompt: 4, Completion: 5, Searches: 2},
		`{"billed_units":{"search_units":3}}`:                                                                           {Searches: 3, Gaps: NoPrompt | NoCompletion | OtherUnit},
		`{"billed_units":{"search_units":3},"tokens":{"input_tokens":7,"output_tokens":0}}`:                             {Prompt: 7, Searches: 3},
		`{"billed_units":{"input_tokens":2,"images":2,"image_tokens":20}}`:                                              {Prompt: 22, PromptImage: 20, Gaps: NoCompletion},
		`{"billed_units":{"input_tokens":22,"text_tokens":2,"image_tokens":20}}`:                                        {Prompt: 22, PromptImage: 20, Gaps: NoCompletion},
		`{"billed_units":{"images":1,"image_tokens":1610}}`:                                                             {Prompt: 1610, PromptImage: 1610, Gaps: NoCompletion},
		`{"billed_units":{"search_units":-3}}`:                                                                          {Gaps: NoPrompt | NoCompletion | OtherUnit | Absurd},
		`{}`:                                                                                                            {},
	} {
		v, err := rawjson.One([]byte(text))
		if err != nil {
			t.Fatal(text, err)
		}
		if u, _ := ReadBilled([]byte(text), v); u != want {
			t.Errorf("%s is %+v, want %+v", text, u, want)
		}
	}
}

package codec

import (
	"reflect"
	"testing"
)

func TestAnswerReplayedAndCollectedIsTheSame(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer Response
	}{
		{"text", Response{ID: "a", Model: "m", Created: 7, HasUsage: true, Usage: Usage{Prompt: 3, Completion: 4}, Choices: []Choice{
			{Message: said(Part{Kind: PartText, Text: "hello"}), Finish: Finish{Reason: FinishStop}}}}},
		{"signed thinking, text and two tool calls", Response{Choices: []Choice{{
			Message: said(
				Part{Kind: PartReasoning, Text: "hm", Signature: Signature{Provider: "anthropic", Value: "s"}},
				Part{Kind: PartText, Text: "let me see"},
				Part{Kind: PartToolCall, Call: &ToolCall{ID: "c1", Name: "f", Arguments: `{"a":1}`}},
				Part{Kind: PartToolCall, Call: &ToolCall{ID: "c2", Name: "g", Arguments: `{}`}},
			), Finish: Finish{Reason: FinishToolCalls}}}}},
		{"two choices", Response{Choices: []Choice{
			{Index: 0, Message: said(Part{Kind: PartText, Text: "a"}), Finish: Finish{Reason: FinishStop}},
			{Index: 1, Message: said(Part{Kind: PartText, Text: "b"}), Finish: Finish{Reason: FinishLength}}}}},
		{"two blocks of thinking", Response{Choices: []Choice{{Message: said(
			Part{Kind: PartReasoning, Text: "one"}, Part{Kind: PartReasoning, Text: "two"}, Part{Kind: PartText, Text: "done"})}}}},
		{"hidden thinking", Response{Choices: []Choice{{Message: said(
			Part{Kind: PartReasoning, Reasoning: &ReasoningInfo{Encrypted: "x"}}, Part{Kind: PartText, Text: "done"})}}}},
		{"a picture", Response{Choices: []Choice{{Message: said(
			Part{Kind: PartText, Text: "look"}, Part{Kind: PartImage, Media: &Media{MIME: "image/png", Data: "AA=="}})}}}},
		{"a citation", Response{Choices: []Choice{{Message: said(
			Part{Kind: PartText, Text: "so", Citations: []Citation{{URL: "u"}}})}}}},
		{"a refusal", Response{Choices: []Choice{{Message: said(Part{Kind: PartRefusal, Text: "no"})}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c Collector
			for _, e := range test.answer.Events(nil) {
				c.Add(&e)
			}
			if got := c.Response(); !reflect.DeepEqual(*got, test.answer) {
				t.Errorf("collected\n%+v\nwant\n%+v", *got, test.answer)
			}
		})
	}
}

func said(parts ...Part) Message { return Message{Role: RoleAssistant, Parts: parts} }

func TestOnlyWhatIsSaidCountsAsAnAnswer(t *testing.T) {
	for _, test := range []struct {
		name string
		part Part
		want bool
	}{
		{"text", Part{Kind: PartText, Text: "x"}, true},
		{"empty text", Part{Kind: PartText}, false},
		{"thinking alone", Part{Kind: PartReasoning, Text: "x"}, true},
		{"a tool call without arguments", Part{Kind: PartToolCall, Call: &ToolCall{}}, true},
		{"a picture", Part{Kind: PartImage, Media: &Media{}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := Response{Choices: []Choice{{Message: said(test.part)}}}
			if a.Says() != test.want {
				t.Errorf("says %v, want %v", a.Says(), test.want)
			}
			said := false
			for _, e := range a.Events(nil) {
				said = said || e.Says()
			}
			if said != test.want {
				t.Errorf("its events say %v, want %v", said, test.want)
			}
		})
	}
}

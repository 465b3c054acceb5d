package alternation

import (
	"fmt"
	"testing"

	"uniapi/codec"
	"uniapi/codec/toolid"
)

// crafted are conversations of about so many bytes whose ids were made up to be in each other's way.
var crafted = map[string]func(size int) []codec.Message{
	"one id for all, and all that are made of it": func(size int) []codec.Message {
		n := size / 40
		var calls []codec.Part
		for i := range n {
			calls = append(calls, called(fmt.Sprintf("x_%d", n+i)))
		}
		for range n {
			calls = append(calls, called("x"))
		}
		return turnOf(calls)
	},
	"no ids, and all that are made for them": func(size int) []codec.Message {
		n := size / 40
		var calls []codec.Part
		for i := range n {
			calls = append(calls, called(fmt.Sprintf("call_%d", n+i)))
		}
		for range n {
			calls = append(calls, called(""))
		}
		return turnOf(calls)
	},
	"results from the last to the first": func(size int) []codec.Message {
		var calls []codec.Part
		for i := range size / 20 {
			calls = append(calls, called(fmt.Sprintf("c%d", i)))
		}
		return turnOf(calls)
	},
	"ids that differ in their signature": func(size int) []codec.Message {
		var calls []codec.Part
		for i := range size / 60 {
			calls = append(calls, called(toolid.Join("c", codec.Signature{Provider: "google", Value: fmt.Sprintf("signature %d", i)})))
		}
		return turnOf(calls)
	},
	"ids that are what becomes of others": func(size int) []codec.Message {
		var calls []codec.Part
		for i := range size / 120 {
			id := fmt.Sprintf("functions.get:%d", i)
			calls = append(calls, called(id), called(toolid.Clean(id, 64)), called(toolid.Clean(toolid.Clean(id, 64), 64)))
		}
		return turnOf(calls)
	},
	"a number behind an id, and behind that": func(size int) []codec.Message {
		var calls []codec.Part
		id := "x"
		for i := range size / 150 {
			if i%50 == 0 {
				id = "x"
			}
			calls = append(calls, called(id), called(id))
			id += "_1"
		}
		return turnOf(calls)
	},
}

// turnOf is a turn of calls with their results behind it, the last first.
func turnOf(calls []codec.Part) []codec.Message {
	var results []codec.Part
	for i := len(calls) - 1; i >= 0; i-- {
		results = append(results, result(calls[i].Call.ID, calls[i].Call.ID))
	}
	return []codec.Message{{Role: codec.RoleUser, Parts: []codec.Part{text("q")}}, {Role: codec.RoleAssistant, Parts: calls}, {Role: codec.RoleTool, Parts: results}}
}

func TestNoIDMakesTwoCallsOne(t *testing.T) {
	for name, messages := range crafted {
		t.Run(name, func(t *testing.T) {
			given := messages(8 << 10)
			_, list := Split(given, Options{})
			seen := map[string]bool{}
			for i, call := range list[1].Parts {
				id := toolid.Clean(call.Call.ID, 64)
				if seen[id] {
					t.Fatalf("two calls have the id %q", id)
				}
				seen[id] = true
				answer := list[2].Parts[i].Result
				if toolid.Clean(answer.CallID, 64) != id {
					t.Fatalf("the call %q is answered as %q", id, answer.CallID)
				}
				if was := given[1].Parts[i].Call.ID; answer.Parts[0].Text != was {
					t.Fatalf("the call that was %q gets the answer of %q", was, answer.Parts[0].Text)
				}
			}
		})
	}
}

package modifier

import (
	"testing"

	"uniapi/codec"
)

func TestReadFindsTheModifiersOfAName(t *testing.T) {
	n := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		name, upstream string
		want           Modifiers
	}{
		{"claude-3-7-sonnet-think", "claude-3-7-sonnet-20250219", Modifiers{Think: true}},
		{"claude-3-7-sonnet-think-8000", "claude-3-7-sonnet-20250219", Modifiers{Think: true, Budget: n(8000)}},
		{"my-thinking-claude-2", "claude-opus-5", Modifiers{Think: true}},
		{"Claude-Think", "claude-opus-5", Modifiers{Think: true}},
		{"gemini-2.5-flash-think-24576-search", "gemini-2.5-flash", Modifiers{Think: true, Budget: n(24576), Search: true}},
		{"gemini-2.5-flash-search-think-0", "gemini-2.5-flash", Modifiers{Think: true, Budget: n(0), Search: true}},
		{"o3-mini-high", "o3-mini", Modifiers{Effort: "high"}},
		{"gemini-3-pro-minimal", "gemini-3-pro", Modifiers{Effort: "minimal"}},
		{"best-max", "gpt-5.1-codex-max", Modifiers{}},
		{"kimi-k2-thinking", "moonshotai/kimi-k2-thinking", Modifiers{}},
		{"kimi-k2-thinking-low", "kimi-k2-thinking", Modifiers{Effort: "low"}},
		{"grok-high", "grok-high", Modifiers{}},
		{"claude-sonnet-4-5", "claude-sonnet-4-5-20250929", Modifiers{}},
		{"gemini-2.5-flash-nothink", "gemini-2.5-flash", Modifiers{Effort: "none"}},
		{"high", "x", Modifiers{}},
		{"o1_high", "o1-2024-12-17", Modifiers{Effort: "high"}},
		{"o3minilow", "o3-mini", Modifiers{Effort: "low"}},
		{"O4MiniMedium", "o4-mini", Modifiers{Effort: "medium"}},
		{"yellow", "yi-large", Modifiers{}},
		{"flow", "flow-1", Modifiers{}},
		{"slow", "o3-mini", Modifiers{}},
		{"minimax", "minimax-m1", Modifiers{}},
		{"", "", Modifiers{}},
	} {
		got := Read(c.name, c.upstream)
		same := got.Think == c.want.Think && got.Effort == c.want.Effort && got.Search == c.want.Search && (got.Budget == nil) == (c.want.Budget == nil)
		if !same || got.Budget != nil && *got.Budget != *c.want.Budget {
			t.Errorf("%s at %s: %+v", c.name, c.upstream, got)
		}
	}
}

func TestApplyLeavesTheRequestAlone(t *testing.T) {
	q := &codec.Request{Model: "m-think-9"}
	wished := Apply(q, "m")
	if q.Reasoning != nil || wished.Reasoning == nil || *wished.Reasoning.Budget != 9 {
		t.Errorf("%+v %+v", q.Reasoning, wished.Reasoning)
	}
	q.Reasoning = &codec.Reasoning{Effort: "low"}
	if Apply(q, "m") != q {
		t.Error("the client's own word was not kept")
	}
	off := Apply(&codec.Request{Model: "m-think-0"}, "m").Reasoning
	if !off.Disabled || off.Adaptive {
		t.Errorf("%+v", off)
	}
}

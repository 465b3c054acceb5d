package alias

import (
	"testing"

	"uniapi/codec"
)

func TestReadFindsTheWishesOfAName(t *testing.T) {
	n := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		name, upstream string
		want           Wishes
	}{
		{"claude-3-7-sonnet-think", "claude-3-7-sonnet-20250219", Wishes{Think: true}},
		{"claude-3-7-sonnet-think-8000", "claude-3-7-sonnet-20250219", Wishes{Think: true, Budget: n(8000)}},
		{"my-thinking-claude-2", "claude-opus-5", Wishes{Think: true}},
		{"Claude-Think", "claude-opus-5", Wishes{Think: true}},
		{"gemini-2.5-flash-think-24576-search", "gemini-2.5-flash", Wishes{Think: true, Budget: n(24576), Search: true}},
		{"gemini-2.5-flash-search-think-0", "gemini-2.5-flash", Wishes{Think: true, Budget: n(0), Search: true}},
		{"o3-mini-high", "o3-mini", Wishes{Effort: "high"}},
		{"gemini-3-pro-minimal", "gemini-3-pro", Wishes{Effort: "minimal"}},
		{"best-max", "gpt-5.1-codex-max", Wishes{}},
		{"kimi-k2-thinking", "moonshotai/kimi-k2-thinking", Wishes{}},
		{"kimi-k2-thinking-low", "kimi-k2-thinking", Wishes{Effort: "low"}},
		{"grok-high", "grok-high", Wishes{}},
		{"claude-sonnet-4-5", "claude-sonnet-4-5-20250929", Wishes{}},
		{"gemini-2.5-flash-nothink", "gemini-2.5-flash", Wishes{Effort: "none"}},
		{"high", "x", Wishes{}},
		{"o1_high", "o1-2024-12-17", Wishes{Effort: "high"}},
		{"o3minilow", "o3-mini", Wishes{Effort: "low"}},
		{"O4MiniMedium", "o4-mini", Wishes{Effort: "medium"}},
		{"yellow", "yi-large", Wishes{}},
		{"flow", "flow-1", Wishes{}},
		{"slow", "o3-mini", Wishes{}},
		{"minimax", "minimax-m1", Wishes{}},
		{"", "", Wishes{}},
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
		t.Error("the client's own wish was not kept")
	}
	off := Apply(&codec.Request{Model: "m-think-0"}, "m").Reasoning
	if !off.Disabled || off.Adaptive {
		t.Errorf("%+v", off)
	}
}

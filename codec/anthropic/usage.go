package anthropic

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// counts are the numbers of a usage object as Anthropic counts: input without what the cache read and wrote. In a stream each number
// is the total so far, and a later one replaces it; one that is missing stays.
type counts struct {
	seen                                 bool
	input, read, write, output, thinking int64
}

func (c *counts) take(data []byte, v rawjson.Value) {
	for it := v.Members(data); it.Next(); {
		to := (*int64)(nil)
		switch it.Name() {
		case "input_tokens":
			to = &c.input
		case "cache_read_input_tokens":
			to = &c.read
		case "cache_creation_input_tokens":
			to = &c.write
		case "output_tokens":
			to = &c.output
		case "output_tokens_details":
			if n, ok := rawjson.Int(data, it.Value.Get(data, "thinking_tokens")); ok && n >= 0 {
				c.thinking = n
			}
		}
		if to == nil {
			continue
		}
		if n, ok := rawjson.Int(data, it.Value); ok && n >= 0 {
			*to, c.seen = n, true
		}
	}
}

func (c *counts) usage() codec.Usage {
	return codec.Usage{Prompt: c.input + c.read + c.write, Cached: c.read, CacheWrite: c.write, Completion: c.output, Reasoning: c.thinking}
}

// appendUsage writes a usage object. All members are always there: Claude Code reads them without asking.
func appendUsage(dst []byte, u codec.Usage) []byte {
	dst = append(dst, '{')
	dst = rawjson.Num(dst, "input_tokens", max(0, u.Prompt-u.Cached-u.CacheWrite))
	dst = rawjson.Num(dst, "cache_creation_input_tokens", u.CacheWrite)
	dst = rawjson.Num(dst, "cache_read_input_tokens", u.Cached)
	dst = rawjson.Num(dst, "output_tokens", u.Completion)
	if u.Reasoning > 0 {
		dst = append(rawjson.Key(dst, "output_tokens_details"), '{')
		dst = append(rawjson.Num(dst, "thinking_tokens", u.Reasoning), '}')
	}
	return append(dst, '}')
}

// EstimateTokens guesses the tokens of a request: a quarter of its text's bytes, and for an image or a file what a middling one
// takes. It is what a client sees until the upstream has counted.
func EstimateTokens(q *codec.Request) int64 {
	n := 0
	for i := range q.Tools {
		t := &q.Tools[i]
		n += len(t.Name) + len(t.Description) + len(t.Schema) + len(t.Raw)
	}
	for i := range q.Messages {
		n += 16 + estimateParts(q.Messages[i].Parts)
	}
	return int64(n/4) + 1
}

const mediaEstimate = 4 * 1500

func estimateParts(parts []codec.Part) (n int) {
	for i := range parts {
		p := &parts[i]
		n += len(p.Text) + len(p.Raw)
		if p.Media != nil {
			n += mediaEstimate
		}
		if p.Call != nil {
			n += len(p.Call.Name) + len(p.Call.Arguments)
		}
		if p.Result != nil {
			n += estimateParts(p.Result.Parts)
		}
	}
	return n
}

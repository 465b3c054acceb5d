package anthropic

import (
	"cmp"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// counts are the numbers of a usage object as Anthropic counts: input without what the cache read and wrote. In a
// stream each number is the total so far, and a later one replaces it; one that is missing stays.
type counts struct {
	seen                                        bool
	final                                       bool // the output is not that of the beginning of a stream
	told, notes                                 codec.Gaps
	input, read, write, output, thinking, total int64
	hour, searches                              int64 // of write, kept for an hour; of the web
	tier, speed, place                          string
}

// take reads a usage object. What stands at the beginning of a stream says nothing of the answer yet.
func (c *counts) take(data []byte, v rawjson.Value, beginning bool) {
	if !v.Present() {
		return
	}
	before, ended := *c, c.final
	u := codec.Untold()
	if v.Kind != rawjson.Object {
		u.Gaps |= codec.Unreadable
	}
	for it := v.Members(data); it.Next(); {
		switch it.Name() {
		case "input_tokens", "prompt_tokens":
			u.Read(&c.input, codec.NoPrompt, data, it.Value)
		case "cache_read_input_tokens":
			u.Read(&c.read, codec.NoPrompt, data, it.Value)
		case "cache_creation_input_tokens":
			u.Read(&c.write, codec.NoPrompt, data, it.Value)
		case "cache_creation":
			u.Read(&c.hour, 0, data, it.Value.Get(data, "ephemeral_1h_input_tokens"))
		case "server_tool_use":
			u.Read(&c.searches, 0, data, it.Value.Get(data, "web_search_requests"))
		case codec.ServiceTier:
			c.tier = cmp.Or(codec.TierTold(data, it.Value), c.tier)
		case codec.Speed:
			c.speed = cmp.Or(codec.TierTold(data, it.Value), c.speed)
		case codec.Place:
			said, _ := rawjson.Text(data, it.Value)
			c.place = codec.TierWord(codec.Place, said)
		case "output_tokens", "completion_tokens":
			u.Read(&c.output, codec.NoCompletion, data, it.Value)
		case "output_tokens_details":
			u.Read(&c.thinking, 0, data, it.Value.Get(data, "thinking_tokens"))
		case "total_tokens":
			u.Read(&c.total, 0, data, it.Value)
		}
	}
	const halves = codec.NoPrompt | codec.NoCompletion
	if u.Gaps&halves == halves && c.total == 0 { // it may be in another dialect
		if u, _ = codec.ReadUsage(data, v); !u.Zero() {
			c.input, c.read, c.write, c.output, c.thinking = u.Prompt-u.Cached-u.CacheWrite, u.Cached, u.CacheWrite, u.Completion, u.Reasoning
			c.hour = u.CacheWrite1h
		}
	}
	if before.prompt() > 0 && c.prompt() == 0 { // some servers end with zeros in the place of what they need not say again
		c.input, c.read, c.write, c.hour = before.input, before.read, before.write, before.hour
	}
	if ended && c.output == 0 {
		c.output, c.thinking = before.output, before.thinking
	}
	told := halves &^ u.Gaps
	c.told |= told
	c.notes |= u.Gaps & (codec.Unreadable | codec.Absurd | codec.Huge)
	c.seen = c.seen || told != 0 || c.total > 0
	c.final = c.final || !beginning && told&codec.NoCompletion != 0
}

// prompt is all that was read.
func (c *counts) prompt() int64 { return c.input + c.read + c.write }

// served is the service tier that the answer was served by. Where it does not say how quick, it may have been as quick
// as was asked for.
func (c *counts) served() string {
	tier := c.tier
	switch {
	case c.speed == "fast":
		tier = c.speed
	case c.speed == "" && tier == codec.UsualTier:
		tier = ""
	}
	return codec.JoinTier(tier, codec.Place, c.place)
}

func (c *counts) usage() codec.Usage {
	u := codec.Usage{Prompt: c.prompt(), Cached: c.read, CacheWrite: c.write, Completion: c.output, Reasoning: c.thinking,
		CacheWrite1h: c.hour, Searches: c.searches, Tier: c.served()}
	switch {
	case c.told == 0 && c.total == 0 && c.notes == 0:
		return codec.Usage{}
	case c.told != codec.NoPrompt|codec.NoCompletion:
		u.Gaps = (codec.NoPrompt|codec.NoCompletion)&^c.told | c.notes
		if c.total > 0 {
			u.Total = c.total
			u.Settle()
		}
	case !c.final:
		u.Gaps = codec.NoCompletion | c.notes
	case u.Zero():
		u.Gaps = codec.Nothing
	}
	return u
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

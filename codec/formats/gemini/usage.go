package gemini

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// counts are the numbers of usageMetadata as Google counts: thoughts beside the answer, and what its tools put into the
// prompt beside the prompt.
type counts struct {
	n                        [len(countNames)]int64
	told                     uint8 // a bit for each of n
	notes                    codec.Gaps
	promptAudio, answerAudio int64
	promptImage, answerImage int64
	tier                     string
}

const (
	countPrompt = iota
	countToolPrompt
	countCached
	countAnswer
	countThoughts
	countTotal
)

var countNames = [...]string{countPrompt: "promptTokenCount", countToolPrompt: "toolUsePromptTokenCount",
	countCached: "cachedContentTokenCount", countAnswer: "candidatesTokenCount", countThoughts: "thoughtsTokenCount",
	countTotal: "totalTokenCount"}

// countOf is the place of a name in counts, -1 if it is none.
func countOf(name string) int {
	for i, known := range countNames {
		if known == name {
			return i
		}
	}
	return -1
}

// readCounts reads usageMetadata.
func readCounts(data []byte, v rawjson.Value) counts {
	var c counts
	var u codec.Usage // for its notes
	for it := v.Members(data); it.Next(); {
		switch name := it.Name(); name {
		case "promptTokensDetails":
			c.promptAudio, c.promptImage = modalityTokens(data, it.Value, "AUDIO"), modalityTokens(data, it.Value, "IMAGE")
		case "candidatesTokensDetails":
			c.answerAudio, c.answerImage = modalityTokens(data, it.Value, "AUDIO"), modalityTokens(data, it.Value, "IMAGE")
		case "trafficType", "serviceTier": // Vertex', and Google's own of what goes on live
			if tier := codec.TierTold(data, it.Value); tier != "" {
				c.tier = tier
			}
		default:
			if i := countOf(name); i >= 0 {
				u.Gaps |= codec.NoPrompt
				u.Read(&c.n[i], codec.NoPrompt, data, it.Value)
				if u.Gaps&codec.NoPrompt == 0 {
					c.told |= 1 << i
				}
			}
		}
	}
	c.notes = u.Gaps &^ codec.NoPrompt
	return c
}

// queriesIn counts the searches that an answer is grounded on, as Google does to ask money for them: each of several
// that say the same once, and none that says nothing (https://ai.google.dev/gemini-api/docs/google-search, "Pricing").
func queriesIn(data []byte, grounding rawjson.Value) int64 {
	var queries map[string]struct{}
	for it := grounding.Get(data, "webSearchQueries").Elements(data); it.Next(); {
		query, _ := rawjson.Text(data, it.Value)
		if query == "" {
			continue
		}
		if queries == nil {
			queries = make(map[string]struct{})
		}
		queries[query] = struct{}{}
	}
	return int64(len(queries))
}

// tools counts what Google asks money for beside tokens. Of searches: each of them from Gemini 3 on, before that one
// for an answer that has any. The page above says so, and so does that of prices for Vertex
// (https://cloud.google.com/vertex-ai/generative-ai/pricing): a "grounding prompt" is paid once, however many queries
// it makes. Of Google Maps (https://ai.google.dev/gemini-api/docs/maps-grounding, "Pricing and rate limits", and
// https://ai.google.dev/gemini-api/docs/pricing): before Gemini 3 a "grounded prompt", which is an answer that has a
// source of it, and is once whatever was asked; from then on the queries, which are told with those of the web and cost
// the same.
func (a *answer) tools(u *codec.Usage) {
	u.Searches, u.Maps = a.queries, 0
	old := strings.HasPrefix(a.start.Name, "gemini-1") || strings.HasPrefix(a.start.Name, "gemini-2")
	switch {
	case old && a.mapped && !a.webbed:
		u.Searches, u.Maps = 0, 1
	case old && a.mapped:
		u.Searches, u.Maps = min(u.Searches, 1), 1
	case old:
		u.Searches = min(u.Searches, 1)
	case a.mapped:
		u.Searches = max(u.Searches, 1)
	}
}

// readUsage is readCounts and usage, for what may be in another dialect.
func readUsage(data []byte, v rawjson.Value) codec.Usage {
	c := readCounts(data, v)
	u := c.usage()
	if !u.Tells() {
		u, _ = codec.ReadUsage(data, v)
	}
	return u
}

// usage says the counts as OpenAI does. Google leaves out a count that is zero.
func (c *counts) usage() codec.Usage {
	u := codec.Usage{Prompt: c.n[countPrompt] + c.n[countToolPrompt], Cached: c.n[countCached],
		Completion: c.n[countAnswer] + c.n[countThoughts], Reasoning: c.n[countThoughts], Total: c.n[countTotal],
		PromptAudio: c.promptAudio, CompletionAudio: c.answerAudio, PromptImage: c.promptImage, CompletionImage: c.answerImage, Tier: c.tier}
	const both = 1<<countPrompt | 1<<countAnswer
	if c.told&both == both && c.small() && u.Prompt|u.Completion != 0 {
		return u // nearly always
	}
	return c.settled(u)
}

// small says that no count is near codec.MostTokens.
func (c *counts) small() bool {
	n := int64(0)
	for _, m := range c.n {
		n |= m
	}
	return n < codec.MostTokens/2
}

func (c *counts) largest() (n int64) {
	for _, m := range c.n {
		n = max(n, m)
	}
	return n
}

// settled is usage for counts that are not complete, or too large: a template reads any digits.
func (c *counts) settled(u codec.Usage) codec.Usage {
	if c.told == 0 && c.notes == 0 {
		return codec.Usage{}
	}
	u.Gaps = c.notes
	if c.largest() > codec.MostTokens {
		return codec.Usage{Gaps: codec.NoPrompt | codec.NoCompletion | codec.Absurd | codec.Huge}
	}
	if c.told&(1<<countPrompt) == 0 {
		u.Gaps |= codec.NoPrompt
	}
	if broken := c.notes&(codec.Unreadable|codec.Absurd) != 0; c.told&(1<<countAnswer) == 0 && (broken || c.told&(1<<countThoughts) == 0) {
		u.Gaps |= codec.NoCompletion
	}
	if c.told&(1<<countTotal) == 0 {
		u.SettleWithout()
	} else {
		u.Settle()
	}
	return u
}

// modalityTokens are those of one kind of content.
func modalityTokens(data []byte, v rawjson.Value, wanted string) int64 {
	for it := v.Elements(data); it.Next(); {
		if kind, _ := rawjson.Text(data, it.Value.Get(data, "modality")); kind == wanted {
			var u codec.Usage
			u.Read(&u.PromptAudio, 0, data, it.Value.Get(data, "tokenCount"))
			return u.PromptAudio
		}
	}
	return 0
}

// appendUsage writes the member usageMetadata.
func appendUsage(dst []byte, u codec.Usage) []byte {
	dst = append(rawjson.Key(dst, "usageMetadata"), '{')
	dst = rawjson.Num(dst, "promptTokenCount", u.Prompt)
	dst = rawjson.Num(dst, "candidatesTokenCount", max(u.Completion-u.Reasoning, 0))
	dst = rawjson.Num(dst, "totalTokenCount", u.Sum())
	if u.Cached > 0 {
		dst = rawjson.Num(dst, "cachedContentTokenCount", u.Cached)
	}
	if u.Reasoning > 0 {
		dst = rawjson.Num(dst, "thoughtsTokenCount", u.Reasoning)
	}
	dst = appendAudio(dst, "promptTokensDetails", u.PromptAudio, u.Prompt)
	dst = appendAudio(dst, "candidatesTokensDetails", u.CompletionAudio, u.Completion-u.Reasoning)
	return append(dst, '}')
}

// appendAudio writes how many of all tokens are sound, if any are.
func appendAudio(dst []byte, name string, audio, all int64) []byte {
	if audio <= 0 {
		return dst
	}
	dst = append(rawjson.Key(dst, name), `[{"modality":"AUDIO"`...)
	dst = append(rawjson.Num(dst, "tokenCount", audio), '}')
	if rest := all - audio; rest > 0 {
		dst = append(dst, `,{"modality":"TEXT"`...)
		dst = append(rawjson.Num(dst, "tokenCount", rest), '}')
	}
	return append(dst, ']')
}

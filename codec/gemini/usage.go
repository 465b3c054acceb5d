package gemini

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// counts are the numbers of usageMetadata as Google counts: thoughts beside the answer, and what its tools put into the prompt beside
// the prompt.
type counts struct {
	n                        [len(countNames)]int64
	promptAudio, answerAudio int64
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
	for it := v.Members(data); it.Next(); {
		switch name := it.Name(); name {
		case "promptTokensDetails":
			c.promptAudio = audioTokens(data, it.Value)
		case "candidatesTokensDetails":
			c.answerAudio = audioTokens(data, it.Value)
		default:
			if i := countOf(name); i >= 0 {
				n, _ := rawjson.Int(data, it.Value)
				c.n[i] = max(n, 0)
			}
		}
	}
	return c
}

// usage says the counts as OpenAI does.
func (c *counts) usage() codec.Usage {
	return codec.Usage{Prompt: c.n[countPrompt] + c.n[countToolPrompt], Cached: c.n[countCached],
		Completion: c.n[countAnswer] + c.n[countThoughts], Reasoning: c.n[countThoughts], Total: c.n[countTotal],
		PromptAudio: c.promptAudio, CompletionAudio: c.answerAudio}
}

func audioTokens(data []byte, v rawjson.Value) int64 {
	for it := v.Elements(data); it.Next(); {
		if kind, _ := rawjson.Text(data, it.Value.Get(data, "modality")); kind == "AUDIO" {
			n, _ := rawjson.Int(data, it.Value.Get(data, "tokenCount"))
			return max(n, 0)
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

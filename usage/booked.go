package usage

import (
	"uniapi/codec"
	"uniapi/codec/saturate"
)

// Booked are a usage's tokens as the books have them.
func Booked(u codec.Usage) Tokens {
	return Tokens{Prompt: u.Prompt, Cached: u.Cached, CacheWrite: u.CacheWrite, Completion: u.Completion, Reasoning: u.Reasoning, Estimated: u.Estimated,
		CacheWrite1h: u.CacheWrite1h, AudioInput: u.PromptAudio, AudioOutput: u.CompletionAudio, ImageInput: u.PromptImage, ImageOutput: u.CompletionImage, Searches: u.Searches, FileSearches: u.FileSearches, CodeCalls: u.CodeCalls}
}

// Sum is the number of tokens in and out, which is what limits count.
func (t *Tokens) Sum() int64 { return saturate.Add(t.Prompt, t.Completion) }

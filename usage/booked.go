package usage

import (
	"uniapi/codec"
	"uniapi/codec/saturate"
)

// Booked are a usage's tokens as the books have them.
func Booked(u codec.Usage) Tokens {
	if u.FreePrompt|u.FreeCompletion != 0 {
		u.Prompt, u.Completion = max(u.Prompt-u.FreePrompt, 0), max(u.Completion-u.FreeCompletion, 0)
		u.Cached, u.Reasoning = min(u.Cached, u.Prompt), min(u.Reasoning, u.Completion)
	}
	return Tokens{Prompt: u.Prompt, Cached: u.Cached, CacheWrite: u.CacheWrite, Completion: u.Completion, Reasoning: u.Reasoning, Estimated: u.Estimated,
		CacheWrite1h: u.CacheWrite1h, AudioInput: u.PromptAudio, AudioOutput: u.CompletionAudio, ImageInput: u.PromptImage, ImageOutput: u.CompletionImage, Searches: u.Searches, FileSearches: u.FileSearches, CodeCalls: u.CodeCalls,
		DocumentSearches: u.DocumentSearches, Maps: u.Maps}
}

// Sum is the number of tokens in and out, which is what limits count.
func (t *Tokens) Sum() int64 { return saturate.Add(t.Prompt, t.Completion) }

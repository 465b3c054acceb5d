package codec

// Usage is what a request cost, in tokens, as the upstream counted them. OpenAI's meaning throughout: Prompt includes Cached and
// CacheWrite, Completion includes Reasoning. Formats that count otherwise add or subtract when they read and write.
type Usage struct {
	Prompt     int64 // all input tokens
	Cached     int64 // of Prompt, read from the provider's cache
	CacheWrite int64 // of Prompt, written to it
	Completion int64 // all output tokens
	Reasoning  int64 // of Completion, spent on thinking
	// Total is the upstream's own sum; 0 if it gave none. Sum is what to use.
	Total int64
	// PromptAudio and CompletionAudio are the audio tokens in Prompt and Completion.
	PromptAudio, CompletionAudio int64
	// AcceptedPrediction and RejectedPrediction are the predicted-output tokens in Completion.
	AcceptedPrediction, RejectedPrediction int64
	// Estimated says that the upstream gave no usage and the numbers are our guess.
	Estimated bool
}

// Sum is the number of tokens in and out.
func (u Usage) Sum() int64 { return max(u.Total, u.Prompt+u.Completion) }

// Zero says whether there is nothing in it, as in the first chunks of upstreams that repeat a running total.
func (u Usage) Zero() bool { return u.Prompt == 0 && u.Completion == 0 && u.Total == 0 }

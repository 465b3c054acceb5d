package codec

import (
	"uniapi/codec/rawjson"
	"uniapi/codec/saturate"
)

// ReadBilled reads how Cohere counts, and who copied it: billed_units are what it asks money for, tokens are more. "The
// reason these values can be different … is that there are situations in which Cohere adds tokens under the hood, and
// there are others in which a particular model has been trained to do so … you are not charged for them"
// (https://docs.cohere.com/v2/docs/how-does-cohere-pricing-work). Some servers tell one of the two, or a half of one.
// False if there is no usable number in it.
func ReadBilled(data []byte, v rawjson.Value) (Usage, bool) {
	billed, paid := readBilledUnits(data, v.Get(data, "billed_units"))
	u, said := ReadUsage(data, v.Get(data, "tokens"))
	switch {
	case !said:
		return billed, paid || billed.Searches > 0
	case paid:
		u.FreePrompt, u.Prompt = free(u.Prompt, billed.Prompt, billed.Gaps&NoPrompt != 0)
		u.FreeCompletion, u.Completion = free(u.Completion, billed.Completion, billed.Gaps&NoCompletion != 0)
		u.PromptImage = billed.PromptImage
		if u.Gaps &^= ^billed.Gaps & (NoPrompt | NoCompletion); u.Gaps&(NoPrompt|NoCompletion) == 0 {
			u.Gaps = 0
		}
	}
	u.Searches = billed.Searches
	return u, true
}

// free is what of a number of tokens costs nothing, and how many there are in all.
func free(tokens, billed int64, untold bool) (free, all int64) {
	if untold {
		return 0, tokens
	}
	return max(tokens-billed, 0), max(tokens, billed)
}

// readBilledUnits reads what is billed: tokens of text and, beside them, of images, which have a price of their own
// (input_tokens 2 and image_tokens 20 are 22 tokens in tests/test_embed_utils.py of
// https://github.com/cohere-ai/cohere-python); and search_units, one of which is "one query with up to 100 documents to
// be ranked" (https://cohere.com/pricing).
func readBilledUnits(data []byte, v rawjson.Value) (Usage, bool) {
	u, _ := ReadUsage(data, v)
	u.Read(&u.Searches, 0, data, v.Get(data, "search_units"))
	var text int64
	u.Read(&u.PromptImage, 0, data, v.Get(data, "image_tokens"))
	u.Read(&text, 0, data, v.Get(data, "text_tokens"))
	if u.PromptImage|text != 0 {
		if text == 0 {
			text = u.Prompt
		}
		if whole := saturate.Add(text, u.PromptImage); whole <= MostTokens {
			u.Prompt = whole
			u.part(NoPrompt)
		}
	}
	return u, !u.Zero()
}

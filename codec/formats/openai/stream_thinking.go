package openai

import (
	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// proofs reads the forms of thinking that its provider wants back: thinking_blocks, or else reasoning_details, whose
// parts come one by one in a stream. shown says that their text has come in the same piece as reasoning.
func (d *streamDecoder) proofs(dst []codec.Event, data []byte, blocks, details rawjson.Value, shown bool, choice int64) []codec.Event {
	list, named := blocks, false
	if !blocks.Present() {
		list, named = details, true
	}
	for it := list.Elements(data); it.Next(); {
		v := it.Value
		if !shown {
			for _, member := range []string{"thinking", "text", "summary"} {
				if text := rawjson.TextIn(&d.text, data, v.Get(data, member)); len(text) > 0 {
					dst = append(dst, codec.Event{Kind: codec.EventReasoning, Choice: choice, Text: text})
				}
			}
		}
		get := func(name string) string {
			s, _ := rawjson.Text(data, v.Get(data, name))
			return string([]byte(s)) // the bytes it came in do not last
		}
		end := codec.Event{Kind: codec.EventReasoningEnd, Choice: choice}
		sealed, proof := get("data"), get("signature")
		if sealed == "" && proof == "" {
			continue
		}
		end.Signature = signature("anthropic", proof)
		if end.Reasoning = (&codec.ReasoningInfo{Encrypted: sealed}); named {
			end.Reasoning.ID, end.Reasoning.Format = get("id"), get("format")
			if end.Reasoning.Format == "" {
				end.Reasoning.Format = unknownFormat
			}
			end.Reasoning.Summary = get("type") == "reasoning.summary"
			end.Signature = signature(detailsProvider(end.Reasoning.Format), proof)
		} else if sealed == "" {
			end.Reasoning = nil
		}
		dst = append(dst, end)
	}
	return dst
}

package openai

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// Mistral signs some of its thinking, and wants it back with the signature (ThinkChunk of its SDK: "Signature to replay
// some reasoning blocks across turns"). Chat clients have no parts of thinking, so it goes to them in OpenRouter's
// form, reasoning_details, and is put into the parts again on the way back.

// ofMistral is how thinking is called there that Mistral has signed.
var ofMistral = &codec.ReasoningInfo{Format: mistralSigner + "-chat-v1"}

const mistralSigner = "mistral"

func isMistral(s codec.Signature) bool { return s.Provider == mistralSigner && s.Value != "" }

// mistralProof is the signature of a part of thinking as Mistral writes one: its thinking is a list.
func (r *reader) mistralProof(v rawjson.Value) codec.Signature {
	if v.Get(r.Data, "thinking").Kind != rawjson.Array {
		return codec.Signature{}
	}
	value, _ := rawjson.Text(r.Data, v.Get(r.Data, "signature"))
	return signature(mistralSigner, value)
}

// mostThought is how much of a block of thinking is kept for its signature, in bytes as they are written. Beyond it the
// signature is left out.
const mostThought = 1 << 20

// thoughtBlocks keeps the text of blocks of thinking that are under way in a stream, of which the signature comes with
// the last piece.
type thoughtBlocks struct {
	choice int64
	text   []byte // as it is written in JSON
	over   bool   // it was too long
}

// turn goes on with the thinking of a choice. That of several at once is not kept apart: no model that signs gives
// several answers.
func (b *thoughtBlocks) turn(choice int64) {
	if choice != b.choice {
		*b = thoughtBlocks{choice: choice, over: true}
	}
}

// end is where a block ends, signed or not.
func (b *thoughtBlocks) end() { *b = thoughtBlocks{choice: b.choice, text: b.text[:0]} }

// appendDetails writes the blocks that are signed in a list of parts.
func (b *thoughtBlocks) appendDetails(dst, data []byte, list rawjson.Value) []byte {
	before := len(dst)
	dst = append(rawjson.Key(dst, "reasoning_details"), '[')
	empty := len(dst)
	for it := list.Elements(data); it.Next(); {
		kind, _ := rawjson.Text(data, it.Value.Get(data, "type"))
		if !isThinking(kind) {
			b.end()
			continue
		}
		if b.text = appendThought(b.text, data, it.Value); len(b.text) > mostThought {
			b.text, b.over = nil, true
		}
		proof := it.Value.Get(data, "signature")
		if proof.Kind != rawjson.String || !nonEmpty(proof) || it.Value.Get(data, "thinking").Kind != rawjson.Array {
			continue
		}
		if !b.over {
			dst = append(rawjson.Comma(dst), `{"type":"reasoning.text","text":"`...)
			dst = append(append(dst, b.text...), '"')
			dst = rawjson.Field(dst, "signature", proof.Raw(data))
			dst = append(rawjson.Str(dst, "format", ofMistral.Format), `,"index":0}`...)
		}
		b.end()
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return append(dst, ']')
}

// mistralNeedle is in messages that have thinking which Mistral has signed.
var mistralNeedle = []byte(`"` + ofMistral.Format + `"`)

// isOfMistral says whether a detail of thinking is one that Mistral has signed.
func isOfMistral(body []byte, detail rawjson.Value) bool {
	format, _ := rawjson.Text(body, detail.Get(body, "format"))
	return format == ofMistral.Format
}

// appendSignedThoughts writes details as Mistral's own parts.
func appendSignedThoughts(dst, body []byte, details rawjson.Value) []byte {
	for it := details.Elements(body); it.Next(); {
		if !isOfMistral(body, it.Value) {
			continue
		}
		dst = append(rawjson.Comma(dst), `{"type":"thinking","thinking":[`...)
		if text := it.Value.Get(body, "text"); text.Kind == rawjson.String && nonEmpty(text) {
			dst = append(append(append(dst, `{"type":"text","text":`...), text.Raw(body)...), '}')
		}
		dst = append(dst, ']')
		if proof := it.Value.Get(body, "signature"); proof.Kind == rawjson.String {
			dst = rawjson.Field(dst, "signature", proof.Raw(body))
		}
		dst = append(dst, `,"closed":true}`...)
	}
	return dst
}

// withoutMistrals are details without those that Mistral has signed, nil if there are no others.
func withoutMistrals(body []byte, details rawjson.Value) []byte {
	out := []byte{'['}
	for it := details.Elements(body); it.Next(); {
		if !isOfMistral(body, it.Value) {
			out = append(rawjson.Comma(out), it.Value.Raw(body)...)
		}
	}
	if len(out) == 1 {
		return nil
	}
	return append(out, ']')
}

// hasMistrals says whether details have some that Mistral has signed.
func hasMistrals(body []byte, details rawjson.Value) bool {
	return details.Kind == rawjson.Array && bytes.Contains(details.Raw(body), mistralNeedle)
}

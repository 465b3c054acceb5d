package openai

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// The content of an answer may come as a list of parts, with the thinking among them, whole and in pieces: so Mistral's
// models answer that think (docs.mistral.ai/capabilities/reasoning). In OpenAI's schema, and in the types of its SDKs,
// it is a text.

// appendPartedTexts writes the texts of such a list as one, null where it has none. Texts are put together as they are
// written: their escapes stay.
func appendPartedTexts(dst, data []byte, list rawjson.Value) []byte {
	before := len(dst)
	dst = append(dst, '"')
	none := true
	for it := list.Elements(data); it.Next(); {
		text := it.Value // a bare one, as LangChain writes them
		if text.Kind == rawjson.Object {
			if kind, _ := rawjson.Text(data, text.Get(data, "type")); isThinking(kind) {
				continue
			}
			text = text.Get(data, "text")
		}
		if text.Kind == rawjson.String {
			dst, none = appendInner(dst, data, text), false
		}
	}
	if none {
		return append(dst[:before], "null"...)
	}
	return append(dst, '"')
}

// appendPartedRest writes what else stands in the list of a message's content, each under the name that clients know:
// thinking, unless the message has it beside its content too, and images.
func appendPartedRest(dst, data []byte, delta rawjson.Value, blocks *thoughtBlocks) []byte {
	list := delta.Get(data, "content")
	if !nonEmpty(delta.Get(data, "reasoning_content")) && !nonEmpty(delta.Get(data, "reasoning")) {
		dst = appendPartedThinking(dst, data, list)
	}
	dst = blocks.appendDetails(dst, data, list)
	return appendPartedImages(dst, data, delta.Get(data, "images"), list)
}

func isThinking(kind string) bool { return kind == "thinking" || kind == "reasoning" }

func appendPartedThinking(dst, data []byte, list rawjson.Value) []byte {
	before := len(dst)
	dst = append(rawjson.Key(dst, "reasoning_content"), '"')
	empty := len(dst)
	for it := list.Elements(data); it.Next(); {
		if kind, _ := rawjson.Text(data, it.Value.Get(data, "type")); isThinking(kind) {
			dst = appendThought(dst, data, it.Value)
		}
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return append(dst, '"')
}

// appendThought appends what a part of thinking says, as it is written.
func appendThought(dst, data []byte, part rawjson.Value) []byte {
	for _, name := range [...]string{"thinking", "summary", "text"} {
		said := part.Get(data, name)
		if said.Kind == rawjson.String {
			dst = appendInner(dst, data, said)
		}
		for texts := said.Elements(data); texts.Next(); {
			if text := texts.Value.Get(data, "text"); text.Kind == rawjson.String {
				dst = appendInner(dst, data, text)
			}
		}
	}
	return dst
}

func appendPartedImages(dst, data []byte, beside, list rawjson.Value) []byte {
	before := len(dst)
	dst = append(rawjson.Key(dst, "images"), '[')
	empty := len(dst)
	for it := beside.Elements(data); it.Next(); {
		dst = append(rawjson.Comma(dst), it.Value.Raw(data)...)
	}
	for it := list.Elements(data); it.Next(); {
		if kind, _ := rawjson.Text(data, it.Value.Get(data, "type")); kind == "image_url" {
			dst = append(rawjson.Comma(dst), it.Value.Raw(data)...)
		}
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return append(dst, ']')
}

// appendInner appends what stands between the quotes of a text.
func appendInner(dst, data []byte, text rawjson.Value) []byte {
	return append(dst, data[text.Start+len(`"`):text.End-len(`"`)]...)
}

// isUntyped says whether a call, or the piece that begins one, has a name and does not say of what kind it is. OpenAI's
// SDKs pass it over then.
func isUntyped(data []byte, call rawjson.Value) bool {
	return !nonEmpty(call.Get(data, "type")) && nonEmpty(call.Get(data, "function").Get(data, "name"))
}

// ownWord is OpenAI's finish_reason for one that only a compatible host has, such as Mistral's model_length; "" for all
// others. Clients go by the words that they know.
func ownWord(word string) string {
	switch word {
	case "stop", "length", "tool_calls", "function_call", "content_filter":
		return ""
	}
	switch finishOf(word).Reason {
	case codec.FinishLength, codec.FinishToolCalls, codec.FinishFilter:
		return finishWord(finishOf(word), strings.EqualFold(word, "function_call"))
	}
	return ""
}

// appendFinish writes a finish_reason as clients know it, of a choice with calls or without.
func appendFinish(dst, data []byte, v rawjson.Value, calls bool) []byte {
	word, is := rawjson.Text(data, v)
	switch {
	case is && calls && finishOf(word).Reason == codec.FinishStop:
		return rawjson.AppendString(dst, "tool_calls")
	case is && ownWord(word) != "":
		return rawjson.AppendString(dst, ownWord(word))
	}
	return append(dst, v.Raw(data)...)
}

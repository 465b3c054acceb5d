package openai

import (
	"slices"
	"strings"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// Thinking travels through chat clients in three forms. reasoning_content is for reading; thinking_blocks and
// reasoning_details also carry what the provider wants back unchanged. Where one of these is there, the first only
// repeats it.

// thinkingParts reads the blocks, or else the details.
func (r *reader) thinkingParts(blocks, details rawjson.Value) []codec.Part {
	var parts []codec.Part
	for it := blocks.Elements(r.Data); it.Next() && r.More("thinking_blocks"); {
		get := func(name string) string {
			s, _ := rawjson.Text(r.Data, it.Value.Get(r.Data, name))
			return s
		}
		p := codec.Part{Kind: codec.PartReasoning}
		switch get("type") {
		case "redacted_thinking":
			p.Reasoning = &codec.ReasoningInfo{Encrypted: get("data")}
		default:
			p.Text = get("thinking")
		}
		p.Signature = signature("anthropic", get("signature"))
		parts = codec.Add(parts, p)
	}
	if parts != nil {
		return parts
	}
	for it := details.Elements(r.Data); it.Next() && r.More("reasoning_details"); {
		get := func(name string) string {
			s, _ := rawjson.Text(r.Data, it.Value.Get(r.Data, name))
			return s
		}
		info := &codec.ReasoningInfo{ID: get("id"), Format: get("format"), Encrypted: get("data"), Summary: get("type") == "reasoning.summary"}
		if info.Format == "" {
			info.Format = unknownFormat
		}
		p := codec.Part{Kind: codec.PartReasoning, Text: get("text") + get("summary"), Reasoning: info}
		p.Signature = signature(detailsProvider(info.Format), get("signature"))
		if info.Format == ofMistral.Format {
			p.Reasoning = nil
		}
		parts = codec.Add(parts, p)
	}
	return parts
}

// unknownFormat is OpenRouter's own word, and what brings a part back into reasoning_details.
const unknownFormat = "unknown"

func signature(provider, value string) codec.Signature {
	if value == "" {
		return codec.Signature{}
	}
	return codec.Signature{Provider: provider, Value: value}
}

// detailsProvider is whose signature a detail of that format carries.
func detailsProvider(format string) string {
	provider, _, _ := strings.Cut(format, "-")
	return provider
}

// appendThinking writes the thinking of a message in each form that it has something for.
func appendThinking(dst []byte, parts []codec.Part) []byte {
	text, blocks, details, proofs, mistral := false, false, false, false, false
	for _, p := range parts {
		if p.IsTextProof() {
			proofs = true
		} else if p.Kind == codec.PartReasoning {
			text = text || p.Text != ""
			mistral = mistral || isMistral(p.Signature)
			inDetails := isMistral(p.Signature) || p.Reasoning != nil && (p.Reasoning.Format != "" || p.Reasoning.ID != "")
			details = details || inDetails
			blocks = blocks || !inDetails && (p.Signature.Provider == "anthropic" || p.Reasoning != nil)
		}
	}
	if text {
		dst = rawjson.Key(dst, "reasoning_content")
		var all []byte
		for _, p := range parts {
			if p.Kind == codec.PartReasoning {
				all = append(all, p.Text...)
			}
		}
		dst = rawjson.AppendString(dst, all)
	}
	if blocks {
		dst = append(rawjson.Key(dst, "thinking_blocks"), '[')
		for _, p := range parts {
			if p.Kind == codec.PartReasoning && !p.IsTextProof() {
				dst = appendThinkingBlock(rawjson.Comma(dst), p.Text, p.Signature, p.Reasoning)
			}
		}
		dst = append(dst, ']')
	}
	if details || proofs {
		dst = append(rawjson.Key(dst, "reasoning_details"), '[')
		for i, p := range parts {
			if p.Kind == codec.PartReasoning && (details || p.IsTextProof()) {
				if p.Reasoning == nil && mistral {
					p.Reasoning = ofMistral
				}
				dst = appendDetail(rawjson.Comma(dst), int64(i), p.Text, p.Signature, p.Reasoning)
			}
		}
		dst = append(dst, ']')
	}
	return dst
}

func appendThinkingBlock[T string | []byte](dst []byte, text T, s codec.Signature, info *codec.ReasoningInfo) []byte {
	if info != nil && info.Encrypted != "" {
		dst = append(dst, `{"type":"redacted_thinking"`...)
		return append(rawjson.Str(dst, "data", info.Encrypted), '}')
	}
	dst = append(dst, `{"type":"thinking"`...)
	dst = rawjson.Str(dst, "thinking", text)
	return append(rawjson.StrIf(dst, "signature", s.Value), '}')
}

// appendDetail writes OpenRouter's form.
func appendDetail[T string | []byte](dst []byte, index int64, text T, s codec.Signature, info *codec.ReasoningInfo) []byte {
	if info == nil {
		info = &codec.ReasoningInfo{}
	}
	switch {
	case info.Encrypted != "":
		dst = append(dst, `{"type":"reasoning.encrypted"`...)
		dst = rawjson.Str(dst, "data", info.Encrypted)
	case info.Summary:
		dst = append(dst, `{"type":"reasoning.summary"`...)
		dst = rawjson.Str(dst, "summary", text)
	default:
		dst = append(dst, `{"type":"reasoning.text"`...)
		dst = rawjson.Str(dst, "text", text)
	}
	dst = rawjson.StrIf(dst, "signature", s.Value)
	dst = rawjson.StrIf(dst, "id", info.ID)
	dst = rawjson.StrIf(dst, "format", info.Format)
	return append(rawjson.Num(dst, "index", index), '}')
}

// ofGoogle is how OpenRouter calls what only Gemini reads (openrouter.ai/docs/use-cases/reasoning-tokens).
var ofGoogle = &codec.ReasoningInfo{Format: "google-gemini-v1"}

// takeTextProof takes the signature of a text from among the thinking of a message.
func takeTextProof(m *codec.Message) (s codec.Signature) {
	m.Parts = slices.DeleteFunc(m.Parts, func(p codec.Part) bool {
		if p.IsTextProof() {
			s = p.Signature
		}
		return p.IsTextProof()
	})
	return s
}

// withTextProofs is a message of an answer with the signatures of its texts as details of its thinking.
func withTextProofs(m *codec.Message) *codec.Message {
	signed := m
	for i := range m.Parts {
		if proof, is := m.Parts[i].TextProof(); is {
			if signed == m {
				shown := *m
				shown.Parts = slices.Clone(m.Parts)
				signed = &shown
			}
			proof.Reasoning = ofGoogle
			signed.Parts = append(signed.Parts, proof)
		}
	}
	return signed
}

// citations reads annotations; of url_citation the content, of all the bytes.
func (r *reader) citations(v rawjson.Value) []codec.Citation {
	var list []codec.Citation
	for it := v.Elements(r.Data); it.Next(); {
		c := codec.Citation{Raw: it.Value.Raw(r.Data)}
		url := it.Value.Get(r.Data, "url_citation")
		c.URL, _ = rawjson.Text(r.Data, url.Get(r.Data, "url"))
		c.Title, _ = rawjson.Text(r.Data, url.Get(r.Data, "title"))
		c.Text, _ = rawjson.Text(r.Data, url.Get(r.Data, "content"))
		c.Start, _ = rawjson.Int(r.Data, url.Get(r.Data, "start_index"))
		c.End, _ = rawjson.Int(r.Data, url.Get(r.Data, "end_index"))
		list = codec.Add(list, c)
	}
	return list
}

// appendCitation writes an annotation. Only a citation with an address has a form here.
func appendCitation(dst []byte, c *codec.Citation, own bool) []byte {
	if own && c.Raw != nil {
		return append(rawjson.Comma(dst), c.Raw...)
	}
	if c.URL == "" {
		return dst
	}
	dst = append(rawjson.Comma(dst), `{"type":"url_citation","url_citation":{`...)
	dst = rawjson.Str(dst, "url", c.URL)
	dst = rawjson.Str(dst, "title", c.Title)
	dst = rawjson.StrIf(dst, "content", c.Text)
	dst = rawjson.Num(dst, "start_index", c.Start)
	dst = rawjson.Num(dst, "end_index", c.End)
	return append(dst, "}}"...)
}

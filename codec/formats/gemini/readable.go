package gemini

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/rawjson"
	"uniapi/codec/words"
)

// Target is what can be told in a generateContent request. A model's turn may hold what it has drawn or said.
func (Format) Target() alternation.Target {
	all := []codec.PartKind{codec.PartImage, codec.PartAudio, codec.PartVideo, codec.PartFile}
	return alternation.Target{Format: formatName, Files: provider, ImageIDs: true, Takes: all, Says: all, Objects: true, AnyJSON: true}
}

// Readable says in words what Google's own tools did.
func (Format) Readable(opaque []byte) []codec.Part {
	v, err := rawjson.One(opaque)
	if err != nil {
		return nil
	}
	for it := v.Members(opaque); it.Next(); {
		var text string
		get := func(name string) string {
			s, _ := rawjson.Text(opaque, it.Value.Get(opaque, name))
			return s
		}
		switch name := camel(it.Name()); name {
		case "thought", "thoughtSignature":
			continue
		case "executableCode":
			text = fenced(strings.ToLower(get("language")), get("code"))
		case "codeExecutionResult":
			text = fenced("output", get("output"))
		default:
			text = words.Of(name, opaque, it.Value)
		}
		return []codec.Part{{Kind: codec.PartText, Text: text}}
	}
	return nil
}

// fenced is code, or what came of it, as models write it.
func fenced(kind, text string) string {
	if text == "" {
		return ""
	}
	return "```" + kind + "\n" + strings.TrimSuffix(text, "\n") + "\n```"
}

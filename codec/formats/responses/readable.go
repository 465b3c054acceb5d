package responses

import (
	"uniapi/codec"
	"uniapi/codec/alternation"
	"uniapi/codec/fields"
	"uniapi/codec/rawjson"
	"uniapi/codec/words"
)

// Target is what can be told in a Responses request.
func (Format) Target() alternation.Target {
	return alternation.Target{Format: formatName, Files: "openai", ImageIDs: true, Refusals: true,
		Takes: []codec.PartKind{codec.PartImage, codec.PartFile}}
}

// Readable says in the words of all what OpenAI's own tools did: what they have drawn and shown as images, all else as
// a note.
func (Format) Readable(opaque []byte) []codec.Part {
	v, err := rawjson.One(opaque)
	if err != nil {
		return nil
	}
	r := &reader{Reader: fields.Reader{Data: opaque}}
	get := func(v rawjson.Value, name string) string {
		s, _ := rawjson.Text(opaque, v.Get(opaque, name))
		return s
	}
	var parts []codec.Part
	switch kind := get(v, "type"); kind {
	case "image_generation_call":
		m := codec.Message{}
		if parts = r.outputItem(v, &m); parts == nil {
			return nil
		}
	case "computer_call_output":
		m := &codec.Media{FileID: get(v.Get(opaque, "output"), "file_id")}
		if locate(m, get(v.Get(opaque, "output"), "image_url")); m.FileID+m.Data+m.URL != "" {
			parts = append(parts, codec.Part{Kind: codec.PartImage, Media: m})
		}
	default:
		if text := words.Of(kind, opaque, v); text != "" {
			parts = append(parts, codec.Part{Kind: codec.PartText, Text: text})
		}
	}
	return parts
}

package openai

import (
	"bytes"

	"uniapi/codec"
	"uniapi/codec/choice"
	"uniapi/codec/embed"
	"uniapi/codec/form"
	"uniapi/codec/front"
	"uniapi/codec/images"
	"uniapi/codec/rawjson"
)

// plain is the inbound API of an endpoint that is no conversation: embeddings,
// images, audio, moderation, ranking. Requests are JSON or forms and answers
// anything; all of it passes but for the model's name.
type plain struct{ chat }

// ReadHead implements front.Inbound: it takes the model out of a body of either kind. Whether the answer comes as
// a stream is known when it comes.
func (plain) ReadHead(body []byte, asked front.Asked, h *front.Head) error {
	if kind := asked.Header("Content-Type"); isForm(kind) {
		fields, err := form.Read(string(kind), body, "model", "prompt")
		if err != nil {
			return badForm(err)
		}
		if other, has := fields.Any(choice.Fields()); has {
			return codec.BadRequest(other, "the field '"+other+"' can name other models, and in a form that is not looked into: leave it out")
		}
		h.Form, h.IsForm = fields, true
		h.Model, _ = fields.Text(body, "model")
		return nil
	}
	err := (*Head)(h).read(body)
	h.Stream = false
	return err
}

func badForm(err error) error {
	return codec.BadRequest("", "the form cannot be read, or not by everybody alike: "+err.Error())
}

func isForm(contentType []byte) bool {
	const kind = "multipart/form-data"
	return len(contentType) >= len(kind) && bytes.EqualFold(contentType[:len(kind)], []byte(kind))
}

// Splice implements front.Inbound.
func (p plain) Splice(dst [][]byte, body []byte, h *front.Head, to front.To, scratch *[]byte) ([][]byte, error) {
	switch {
	case h.IsForm:
		parts, err := h.Form.Set(dst, body, "model", to.Model)
		if err != nil {
			err = badForm(err)
		}
		return parts, err
	case h.Model == "": // the client named none
		var s rawjson.Splicer
		s.Set("model", rawjson.AppendString(nil, to.Model))
		return s.Parts(dst, body)
	}
	to.AskUsage = false
	return p.chat.Splice(dst, body, h, to, scratch)
}

// Embeddings implements embed.Embedding.
func (plain) Embeddings() embed.Client { return Embeddings{} }

// Images implements images.Imaging.
func (plain) Images() images.Client { return Images{} }

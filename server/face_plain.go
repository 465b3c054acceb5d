package server

import (
	"bytes"
	"io"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
	"uniapi/codec/choice"
	"uniapi/codec/form"
	"uniapi/codec/formats/openai"
	"uniapi/codec/rawjson"
	"uniapi/pool"
	"uniapi/pool/provider"
)

// plainFace is an endpoint of OpenAI's that is no conversation: embeddings,
// images, audio, moderation, ranking. Requests are JSON or forms and answers
// anything; all of it passes but for the model's name.
type plainFace struct {
	chatFace
	fallback string // the model of requests that name none; "" refuses them
}

func (plainFace) format(*inbound) codec.Format { return openai.Format{} }

// read takes the model out of a body of either kind. Whether the answer comes as
// a stream is known when it comes.
func (f plainFace) read(in *inbound) error {
	if in.isForm() {
		fields, err := form.Read(string(in.ctx.Request.Header.ContentType()), in.body, "model", "prompt")
		if err != nil {
			return badForm(err)
		}
		if other, has := fields.Any(choice.Fields()); has {
			return codec.BadRequest(other, "the field '"+other+"' can name other models, and in a form that is not looked into: leave it out")
		}
		in.form = fields
		in.model, _ = fields.Text(in.body, "model")
	} else {
		head, err := openai.ReadUnnamed(in.body)
		if err != nil {
			return err
		}
		in.head, in.model, in.choosing = head, head.Model, head.Choosing
	}
	if in.model == "" {
		in.model = f.fallback
		if in.endpoint == provider.Moderations {
			in.model = in.moderator()
		}
	}
	if in.model == "" {
		return codec.BadRequest("model", "you must provide a model parameter")
	}
	return nil
}

func badForm(err error) error {
	return codec.BadRequest("", "the form cannot be read, or not by everybody alike: "+err.Error())
}

func (in *inbound) isForm() bool {
	const kind = "multipart/form-data"
	contentType := in.ctx.Request.Header.ContentType()
	return len(contentType) >= len(kind) && bytes.EqualFold(contentType[:len(kind)], []byte(kind))
}

func (plainFace) speaks(upstream string) bool { return upstream == "openai" }

func (f plainFace) splice(a *attempt, body []byte, to spliced) error {
	switch {
	case a.isForm():
		parts, err := a.form.Set(a.parts[:0], body, "model", to.model)
		if a.parts = parts; err != nil {
			return badForm(err)
		}
		return nil
	case a.head.Model == "": // the client named none
		var s rawjson.Splicer
		s.Set("model", rawjson.AppendString(nil, to.model))
		parts, err := s.Parts(a.parts[:0], body)
		a.parts = parts
		return err
	}
	to.askUsage = false
	return f.chatFace.splice(a, body, to)
}

// raw says whether the answer is no conversation's: it passes as it comes.
func (in *inbound) raw() bool {
	switch in.face.(type) {
	case plainFace, googleEmbedFace:
		return true
	}
	return false
}

// receive takes an answer that passes as it comes: JSON whole, so that an error
// in it can go to another channel, anything else from its first bytes on.
func (a *attempt) receive(answer *pool.Response) error {
	a.contentType = append(a.contentType[:0], answer.Header.ContentType()...)
	a.Censor(a.contentType)
	kind := rawKindOf(a.contentType)
	if kind != rawEvents {
		answer.Begin()
	}
	if isWhole(&answer.Header) {
		body, err := a.readWhole(answer)
		if err == nil {
			a.usage, err = codec.CheckObject(body)
		}
		return err
	}
	first, err := answer.Next()
	if kind == rawEvents {
		var lead []byte
		for err == nil && onlyComments(first) && len(first) < maxLead {
			lead = append(lead[:0], first...)
			var more []byte
			more, err = answer.Next()
			first = append(lead, more...)
		}
	}
	if err != nil {
		answer.Close()
		if err == io.EOF {
			return errEmpty
		}
		return err
	}
	answer.Begin()
	flow := &rawStream{kind: kind, clean: a.clean}
	if flow.kind != rawBytes {
		if err := rawFailure(flow.kind, first); err != nil {
			answer.Close()
			return err
		}
	}
	a.first, _ = flow.Push(first)
	a.answer, a.flow = answer, flow
	a.live.mu.Lock()
	a.stream = true
	a.live.mu.Unlock()
	return nil
}

// plainEndpoints are served by plainFace.
var plainEndpoints = []struct {
	endpoint provider.Endpoint
	fallback string // what uni-api takes for a missing model
}{
	{provider.Embeddings, ""}, {provider.Images, "dall-e-3"}, {provider.ImageEdits, "gpt-image-2"}, {provider.Transcriptions, ""}, {provider.Translations, ""},
	{provider.Speech, ""}, {provider.Moderations, "omni-moderation-latest"}, {provider.Rerank, ""},
}

// passType keeps the client's own Content-Type, whose boundary the body needs.
func (a *attempt) passType() {
	if a.raw() && a.isForm() {
		a.setHeader(fasthttp.HeaderContentType, string(a.ctx.Request.Header.ContentType()))
	}
}

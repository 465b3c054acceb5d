package images

import (
	"bytes"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/rawjson"
)

// Google is the upstream: AI Studio, or Vertex AI.
type Google struct{ Vertex bool }

// How an upstream is asked, which is also the end of its address behind a colon.
const (
	generateContent = "generateContent" // Gemini's models
	predict         = "predict"         // Imagen
)

var (
	geminiRatios = []string{"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"}
	imagenRatios = []string{"1:1", "3:4", "4:3", "9:16", "16:9"}
)

// Method is the word behind the colon in the address of a model.
func (g Google) Method(model string) string {
	if strings.Contains(strings.ToLower(model), "gemini") {
		return generateContent
	}
	return predict
}

// Most is how many images one request to a model can make. Who wants more asks several times and puts the answers together with Response.Add.
func (g Google) Most(model string) int64 {
	if g.Method(model) == generateContent {
		return 1
	}
	return 4
}

// EncodeRequest appends the body for the address that Method names. The error is a *codec.Error, such as for more images than Most.
func (g Google) EncodeRequest(dst []byte, q *Request, model string) ([]byte, error) {
	if most := g.Most(model); q.N > most {
		return dst, codec.BadRequest("n", "'n' is "+strconv.FormatInt(q.N, 10)+", but the upstream makes at most "+strconv.FormatInt(most, 10)+
			" of this model's images for a request: ask for fewer at once")
	}
	if g.Method(model) == predict {
		return appendPredict(dst, q, model), nil
	}
	chat := &codec.Request{Messages: []codec.Message{{Role: codec.RoleUser, Parts: []codec.Part{{Kind: codec.PartText, Text: q.Prompt}}}},
		Modalities: []string{"text", "image"}} // older models refuse to make images without words
	if config := g.imageConfig(q, model); config != nil {
		chat.Extra = codec.Fields{{Name: "imageConfig", Raw: config}}
	}
	return gemini.Format{Vertex: g.Vertex}.EncodeRequest(dst, chat, model)
}

// imageConfig is the member of generationConfig, nil if there is nothing to say. The models of 2.0 know none, and those of 2.5 no resolution.
func (g Google) imageConfig(q *Request, model string) []byte {
	if strings.Contains(model, "gemini-2.0") {
		return nil
	}
	config := []byte{'{'}
	if d, ok := readSize(q.Size); ok {
		config = rawjson.Str(config, "aspectRatio", d.nearest(geminiRatios))
		if !strings.Contains(model, "gemini-2") {
			config = rawjson.StrIf(config, "imageSize", d.resolution())
		}
	}
	if g.Vertex {
		config = appendOutput(config, "imageOutputOptions", q)
	}
	if len(config) == 1 {
		return nil
	}
	return append(config, '}')
}

// appendOutput writes the form of the file. Google has no webp, so that becomes png, which every reader of webp can read.
func appendOutput(dst []byte, name string, q *Request) []byte {
	if q.Format == "" {
		return dst
	}
	dst = append(rawjson.Key(dst, name), '{')
	if q.Format != "jpeg" {
		return append(rawjson.Str(dst, "mimeType", "image/png"), '}')
	}
	dst = rawjson.Str(dst, "mimeType", "image/jpeg")
	return append(rawjson.NumIf(dst, "compressionQuality", q.Compression), '}')
}

func appendPredict(dst []byte, q *Request, model string) []byte {
	dst = append(dst, `{"instances":[{`...)
	dst = append(rawjson.Str(dst, "prompt", q.Prompt), `}],"parameters":{`...)
	dst = rawjson.Num(dst, "sampleCount", q.N) // Google's default is four
	if d, ok := readSize(q.Size); ok {
		dst = rawjson.Str(dst, "aspectRatio", d.nearest(imagenRatios))
		if strings.Contains(model, "imagen-4") && !strings.Contains(model, "fast") && d.resolution() != "" {
			dst = rawjson.Str(dst, "sampleImageSize", "2K") // there is no larger one, and no other model has it
		}
	}
	dst = appendOutput(dst, "outputOptions", q)
	return append(dst, `,"includeRaiReason":true}}`...)
}

// DecodeResponse reads an answer of model. The error is a *codec.Error: that of an answer without an image says why there is none.
func (g Google) DecodeResponse(body []byte, model string) (*Response, error) {
	if g.Method(model) == predict {
		return readPredictions(body)
	}
	answer, err := gemini.Format{Vertex: g.Vertex}.DecodeResponse(body)
	if err != nil {
		return nil, err
	}
	a := &Response{Usage: answer.Usage, HasUsage: answer.HasUsage}
	var words strings.Builder
	filtered := ""
	for _, c := range answer.Choices {
		if c.Finish.Reason == codec.FinishFilter {
			filtered = c.Finish.Native
		}
		for _, p := range c.Message.Parts {
			switch {
			case p.Kind == codec.PartImage && p.Media != nil && p.Media.Data != "":
				a.Images = append(a.Images, Image{MIME: p.Media.MIME, Data: p.Media.Data})
			case p.Kind == codec.PartText:
				words.WriteString(p.Text)
			}
		}
	}
	switch {
	case len(a.Images) > 0:
		return a, nil
	case filtered != "":
		return nil, refused(filtered)
	case words.Len() > 0:
		// Another channel would get the same words: the model does not want to, or does not see that an image is asked for.
		e := codec.BadRequest("prompt", "the model answered without an image: "+clipped(words.String()))
		e.InAnswer = true
		return nil, e
	}
	return nil, codec.NoAnswer("the upstream returned no image")
}

// readPredictions reads Imagen's answer. An image that was filtered is left out or has a reason in its place.
func readPredictions(body []byte) (*Response, error) {
	data := bytes.TrimSpace(body)
	a := &Response{}
	reason, failed := "", false
	it := rawjson.MembersOf(data)
	for it.Next() {
		switch it.Name() {
		case "predictions":
			for one := it.Value.Elements(data); one.Next(); {
				v := one.Value
				text := func(name string) string {
					s, _ := rawjson.Text(data, v.Get(data, name))
					return strings.Clone(s)
				}
				if image := (Image{MIME: text("mimeType"), Data: text("bytesBase64Encoded"), RevisedPrompt: text("prompt")}); image.Data != "" {
					a.Images = append(a.Images, image)
				} else if why := text("raiFilteredReason"); why != "" {
					reason = why
				}
			}
		case "error":
			failed = it.Value.Present()
		}
	}
	switch {
	case failed || it.Err() != nil:
		e := gemini.Format{}.DecodeError(502, "", data)
		e.InAnswer, e.Class = true, codec.Semantic
		return nil, e
	case len(a.Images) > 0:
		return a, nil
	case reason == "":
		reason = "all images were filtered"
	}
	return nil, refused(reason)
}

// refused is the error for images that a filter held back.
func refused(reason string) *codec.Error {
	return &codec.Error{Status: 400, Class: codec.ContentPolicy, Type: "invalid_request_error", Code: "content_filter", Param: "prompt", InAnswer: true,
		Message: "the upstream refused the request: " + clipped(reason)}
}

// clipped is the beginning of a text, for a message.
func clipped(text string) string {
	const most = 500 // bytes
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

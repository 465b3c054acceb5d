package gemini

import (
	"bytes"
	"strconv"
	"strings"

	"uniapi/codec"
	"uniapi/codec/images"
	"uniapi/codec/rawjson"
)

// Images are made by Gemini's models and by Imagen, at AI Studio or at Vertex AI.
type Images struct{ Vertex bool }

var (
	_ images.Upstream = Images{}
	_ images.Maker    = Format{}
)

// Images implements images.Maker.
func (f Format) Images() images.Upstream { return Images{Vertex: f.Vertex} }

// How an upstream is asked, which is also the end of its address behind a colon.
const (
	generateContent = "generateContent" // Gemini's models
	imagePredict    = "predict"         // Imagen
)

var (
	geminiRatios = []string{"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"}
	imagenRatios = []string{"1:1", "3:4", "4:3", "9:16", "16:9"}
)

// Method is the word behind the colon in the address of a model.
func (g Images) Method(model string) string {
	if strings.Contains(strings.ToLower(model), "gemini") {
		return generateContent
	}
	return imagePredict
}

// Most is how many images one request to a model can make. Who wants more asks several times and puts the answers
// together with Response.Add.
func (g Images) Most(model string) int64 {
	if g.Method(model) == generateContent {
		return 1
	}
	return 4
}

// EncodeRequest appends the body for the address that Method names. The error is a *codec.Error, such as for more
// images than Most.
func (g Images) EncodeRequest(dst []byte, q *images.Request, model string) ([]byte, error) {
	if most := g.Most(model); q.N > most {
		return dst, codec.BadRequest("n", "'n' is "+strconv.FormatInt(q.N, 10)+", but the upstream makes at most "+strconv.FormatInt(most, 10)+
			" of this model's images for a request: ask for fewer at once")
	}
	if g.Method(model) == imagePredict {
		return appendPredict(dst, q, model), nil
	}
	chat := &codec.Request{Messages: []codec.Message{{Role: codec.RoleUser, Parts: []codec.Part{{Kind: codec.PartText, Text: q.Prompt}}}},
		Modalities: []string{"text", "image"}} // older models refuse to make images without words
	if config := g.imageConfig(q, model); config != nil {
		chat.Extra = codec.Fields{{Name: "imageConfig", Raw: config}}
	}
	return Format{Vertex: g.Vertex}.EncodeRequest(dst, chat, model)
}

// imageConfig is the member of generationConfig, nil if there is nothing to say. The models of 2.0 know none, and those
// of 2.5 no resolution.
func (g Images) imageConfig(q *images.Request, model string) []byte {
	if strings.Contains(model, "gemini-2.0") {
		return nil
	}
	config := []byte{'{'}
	if d, ok := images.ReadSize(q.Size); ok {
		config = rawjson.Str(config, "aspectRatio", d.Nearest(geminiRatios))
		if !strings.Contains(model, "gemini-2") {
			config = rawjson.StrIf(config, "imageSize", d.Resolution())
		}
	}
	if g.Vertex {
		config = appendImageOutput(config, "imageOutputOptions", q)
	}
	if len(config) == 1 {
		return nil
	}
	return append(config, '}')
}

// appendImageOutput writes the form of the file. Google has no webp, so that becomes png, which every reader of webp
// can read.
func appendImageOutput(dst []byte, name string, q *images.Request) []byte {
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

func appendPredict(dst []byte, q *images.Request, model string) []byte {
	dst = append(dst, `{"instances":[{`...)
	dst = append(rawjson.Str(dst, "prompt", q.Prompt), `}],"parameters":{`...)
	dst = rawjson.Num(dst, "sampleCount", q.N) // Google's default is four
	if d, ok := images.ReadSize(q.Size); ok {
		dst = rawjson.Str(dst, "aspectRatio", d.Nearest(imagenRatios))
		if strings.Contains(model, "imagen-4") && !strings.Contains(model, "fast") && d.Resolution() != "" {
			dst = rawjson.Str(dst, "sampleImageSize", "2K") // there is no larger one, and no other model has it
		}
	}
	dst = appendImageOutput(dst, "outputOptions", q)
	return append(dst, `,"includeRaiReason":true}}`...)
}

// DecodeResponse reads an answer of model. The error is a *codec.Error: that of an answer without an image says why
// there is none.
func (g Images) DecodeResponse(body []byte, model string) (*images.Response, error) {
	if g.Method(model) == imagePredict {
		return readPredictions(body)
	}
	answer, err := Format{Vertex: g.Vertex}.DecodeResponse(body)
	if err != nil {
		return nil, err
	}
	a := &images.Response{Usage: answer.Usage, HasUsage: answer.HasUsage}
	var words strings.Builder
	filtered := ""
	for _, c := range answer.Choices {
		if c.Finish.Reason == codec.FinishFilter {
			filtered = c.Finish.Native
		}
		for _, p := range c.Message.Parts {
			switch {
			case p.Kind == codec.PartImage && p.Media != nil && p.Media.Data != "":
				a.Images = append(a.Images, images.Image{MIME: p.Media.MIME, Data: p.Media.Data})
			case p.Kind == codec.PartText:
				words.WriteString(p.Text)
			}
		}
	}
	switch {
	case len(a.Images) > 0:
		return a, nil
	case filtered != "":
		return nil, imageRefused(filtered)
	case words.Len() > 0:
		// Another channel would get the same words: the model does not want to, or does not see that an image is asked
		// for.
		e := codec.BadRequest("prompt", "the model answered without an image: "+beginning(words.String()))
		e.InAnswer = true
		return nil, e
	}
	return nil, codec.NoAnswer("the upstream returned no image")
}

// readPredictions reads Imagen's answer. An image that was filtered is left out or has a reason in its place.
func readPredictions(body []byte) (*images.Response, error) {
	data := bytes.TrimSpace(body)
	a := &images.Response{}
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
				if image := (images.Image{MIME: text("mimeType"), Data: text("bytesBase64Encoded"), RevisedPrompt: text("prompt")}); image.Data != "" {
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
		e := Format{}.DecodeError(502, "", data)
		e.InAnswer, e.Class = true, codec.Semantic
		return nil, e
	case len(a.Images) > 0:
		return a, nil
	case reason == "":
		reason = "all images were filtered"
	}
	return nil, imageRefused(reason)
}

// imageRefused is the error for images that a filter held back.
func imageRefused(reason string) *codec.Error {
	return &codec.Error{Status: 400, Class: codec.ContentPolicy, Type: "invalid_request_error", Code: "content_filter", Param: "prompt", InAnswer: true,
		Message: "the upstream refused the request: " + beginning(reason)}
}

// beginning is the beginning of a text, for a message.
func beginning(text string) string {
	const most = 500 // bytes
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

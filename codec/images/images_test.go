package images_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
	"uniapi/codec/images"
)

func TestRequestsAreRead(t *testing.T) {
	quality := int64(80)
	for name, tt := range map[string]struct {
		body string
		want images.Request
	}{
		"the least":  {`{"prompt":"a cat"}`, images.Request{Prompt: "a cat", N: 1}},
		"everything": {`{"model":"m","prompt":"a \"cat\"","n":2,"size":"1536x1024","quality":"high","background":"opaque","output_format":"jpeg","output_compression":80,"response_format":"url","stream":true,"user":"u","moderation":"low"}`, images.Request{Model: "m", Prompt: `a "cat"`, N: 2, Size: "1536x1024", Quality: "high", Background: "opaque", Format: "jpeg", Compression: &quality, URL: true, Stream: true}},
		"defaults":   {`{"model":"m","prompt":"x","n":null,"size":"auto","response_format":"b64_json","stream":false,"output_format":null}`, images.Request{Model: "m", Prompt: "x", N: 1}},
		"a ratio":    {`{"prompt":"x","size":"16:9"}`, images.Request{Prompt: "x", N: 1, Size: "16:9"}},
	} {
		got, err := openai.Images{}.DecodeRequest([]byte(tt.body))
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, tt.want)
		}
	}
}

func TestRequestsThatCannotBeServedSayWhy(t *testing.T) {
	for name, tt := range map[string]struct{ body, param string }{
		"no prompt": {`{"model":"m"}`, "prompt"}, "an empty prompt": {`{"prompt":""}`, "prompt"}, "a prompt of another kind": {`{"prompt":["a"]}`, "prompt"},
		"none": {`{"prompt":"x","n":0}`, "n"}, "too many": {`{"prompt":"x","n":11}`, "n"}, "half a one": {`{"prompt":"x","n":1.5}`, "n"},
		"a size of words": {`{"prompt":"x","size":"large"}`, "size"}, "no width": {`{"prompt":"x","size":"0x10"}`, "size"}, "too long a width": {`{"prompt":"x","size":"99999x10"}`, "size"},
		"an odd format": {`{"prompt":"x","output_format":"bmp"}`, "output_format"}, "an odd form": {`{"prompt":"x","response_format":"blob"}`, "response_format"},
		"a compression": {`{"prompt":"x","output_compression":101}`, "output_compression"}, "no JSON": {`{"prompt":"x"`, ""},
	} {
		_, err := openai.Images{}.DecodeRequest([]byte(tt.body))
		if e, ok := errors.AsType[*codec.Error](err); !ok || e.Status != 400 || e.Param != tt.param || !strings.Contains(e.Message, tt.param) {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

func TestGoogleIsAskedInTheWayTheModelTakes(t *testing.T) {
	quality := int64(80)
	const says = `"contents":[{"role":"user","parts":[{"text":"a cat"}]}]`
	for _, tt := range []struct {
		name          string
		google        gemini.Images
		q             images.Request
		model, method string
		want          []string // pieces of the body
		not           string
	}{
		{"Gemini", gemini.Images{}, images.Request{Prompt: "a cat", N: 1}, "gemini-2.5-flash-image", "generateContent",
			[]string{says, `"responseModalities":["TEXT","IMAGE"]`, `"safetySettings"`}, "imageConfig"},
		{"Gemini, wide", gemini.Images{}, images.Request{Prompt: "a cat", N: 1, Size: "2048x1152", Format: "jpeg"}, "gemini-2.5-flash-image", "generateContent",
			[]string{says, `"imageConfig":{"aspectRatio":"16:9"}`}, "jpeg"},
		{"Gemini 3, large", gemini.Images{}, images.Request{Prompt: "a cat", N: 1, Size: "3840x2160"}, "gemini-3-pro-image-preview", "generateContent",
			[]string{says, `"imageConfig":{"aspectRatio":"16:9","imageSize":"4K"}`}, "null"},
		{"Gemini 2.0", gemini.Images{}, images.Request{Prompt: "a cat", N: 1, Size: "1024x1024"}, "gemini-2.0-flash-preview-image-generation", "generateContent",
			[]string{says, `["TEXT","IMAGE"]`}, "imageConfig"},
		{"Gemini on Vertex", gemini.Images{Vertex: true}, images.Request{Prompt: "a cat", N: 1, Format: "jpeg", Compression: &quality}, "gemini-2.5-flash-image", "generateContent",
			[]string{says, `"imageConfig":{"imageOutputOptions":{"mimeType":"image/jpeg","compressionQuality":80}}`}, "aspectRatio"},
		{"Imagen", gemini.Images{}, images.Request{Prompt: "a cat", N: 1}, "imagen-4.0-generate-001", "predict",
			[]string{`{"instances":[{"prompt":"a cat"}],"parameters":{"sampleCount":1,"includeRaiReason":true}}`}, "contents"},
		{"Imagen, everything", gemini.Images{Vertex: true}, images.Request{Prompt: "a cat", N: 4, Size: "2048x1152", Format: "webp", Compression: &quality}, "imagen-4.0-ultra-generate-001", "predict",
			[]string{`"parameters":{"sampleCount":4,"aspectRatio":"16:9","sampleImageSize":"2K","outputOptions":{"mimeType":"image/png"},"includeRaiReason":true}`}, "webp"},
		{"Imagen 3", gemini.Images{}, images.Request{Prompt: "a cat", N: 1, Size: "2048x2048"}, "imagen-3.0-generate-002", "predict", []string{`"aspectRatio":"1:1"`}, "2K"},
	} {
		if got := tt.google.Method(tt.model); got != tt.method {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.method)
		}
		got, err := tt.google.EncodeRequest(nil, &tt.q, tt.model)
		if err != nil || !json.Valid(got) || strings.Contains(string(got), tt.not) {
			t.Errorf("%s: %v, %s", tt.name, err, got)
		}
		for _, want := range tt.want {
			if !strings.Contains(string(got), want) {
				t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, want)
			}
		}
	}
	for model, n := range map[string]int64{"gemini-2.5-flash-image": 2, "imagen-4.0-generate-001": 5} {
		if _, err := (gemini.Images{}).EncodeRequest(nil, &images.Request{Prompt: "x", N: n}, model); err == nil || !strings.Contains(err.Error(), "ask for fewer at once") {
			t.Errorf("%d images of %s: %v", n, model, err)
		}
	}
}

const (
	geminiAnswer = `{"candidates":[{"content":{"role":"model","parts":[{"text":"Here it is:"},{"thought":true,"inlineData":{"mimeType":"image/png","data":"U0tFVENI"}},` +
		`{"inlineData":{"mimeType":"image/png","data":"QUJD"}}]},"finishReason":"STOP"}],` +
		`"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1290,"totalTokenCount":1295}}`
	imagenAnswer = `{"predictions":[{"mimeType":"image/jpeg","bytesBase64Encoded":"QUJD","prompt":"a cat in the sun"},{"raiFilteredReason":"no"},` +
		`{"bytesBase64Encoded":"REVG","mimeType":"image/jpeg"}],"deployedModelId":"1"}`
)

func TestAnswersBecomeOpenAIs(t *testing.T) {
	for _, tt := range []struct {
		name, model, body string
		url               bool
		want              string
	}{
		{"Gemini", "gemini-2.5-flash-image", geminiAnswer, false, `{"created":7,"data":[{"b64_json":"QUJD"}],"output_format":"png",` +
			`"usage":{"input_tokens":5,"output_tokens":1290,"total_tokens":1295,"input_tokens_details":{"text_tokens":5,"image_tokens":0}}}`},
		{"Imagen", "imagen-4.0-generate-001", imagenAnswer, false, `{"created":7,"data":[{"b64_json":"QUJD","revised_prompt":"a cat in the sun"},{"b64_json":"REVG"}],"output_format":"jpeg"}`},
		{"by address", "imagen-4.0-generate-001", imagenAnswer, true, `{"created":7,"data":[{"url":"data:image/jpeg;base64,QUJD","revised_prompt":"a cat in the sun"},` +
			`{"url":"data:image/jpeg;base64,REVG"}],"output_format":"jpeg"}`},
	} {
		a, err := gemini.Images{}.DecodeResponse([]byte(tt.body), tt.model)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := (openai.Images{}).EncodeResponse(nil, a, &images.Request{URL: tt.url}, 7); string(got) != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestStreamsHaveAnEventForEachImage(t *testing.T) {
	a, err := gemini.Images{}.DecodeResponse([]byte(geminiAnswer), "gemini-2.5-flash-image")
	if err != nil {
		t.Fatal(err)
	}
	more, err := gemini.Images{}.DecodeResponse([]byte(geminiAnswer), "gemini-2.5-flash-image")
	if err != nil {
		t.Fatal(err)
	}
	a.Add(more)
	const head = `event: image_generation.completed` + "\n" + `data: {"type":"image_generation.completed","b64_json":"QUJD","created_at":7,"size":"16:9","quality":"auto","background":"auto","output_format":"png"`
	want := head + "}\n\n" + head + `,"usage":{"input_tokens":10,"output_tokens":2580,"total_tokens":2590,"input_tokens_details":{"text_tokens":10,"image_tokens":0}}}` + "\n\n"
	if got := string((openai.Images{}).EncodeResponse(nil, a, &images.Request{Size: "16:9", Stream: true}, 7)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAnswersWithoutAnImageSayWhy(t *testing.T) {
	const flash, imagen = "gemini-2.5-flash-image", "imagen-4.0-generate-001"
	for name, tt := range map[string]struct {
		model, body string
		status      int
		class       codec.Class
		want        string
	}{
		"only words":            {flash, `{"candidates":[{"content":{"parts":[{"text":"Which cat?"}]},"finishReason":"STOP"}]}`, 400, codec.ClientMistake, "the model answered without an image: Which cat?"},
		"filtered":              {flash, `{"candidates":[{"finishReason":"IMAGE_SAFETY"}]}`, 400, codec.ContentPolicy, "IMAGE_SAFETY"},
		"filtered, with words":  {flash, `{"candidates":[{"content":{"parts":[{"text":"Sorry"}]},"finishReason":"IMAGE_SAFETY"}]}`, 400, codec.ContentPolicy, "IMAGE_SAFETY"},
		"the prompt is blocked": {flash, `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}`, 400, codec.ContentPolicy, "PROHIBITED_CONTENT"},
		"Gemini found none":     {flash, `{"candidates":[{"finishReason":"NO_IMAGE"}]}`, 502, codec.Semantic, "NO_IMAGE"},
		"Gemini, nothing":       {flash, ``, 502, codec.Semantic, "empty"},
		"Imagen filtered":       {imagen, `{"predictions":[{"raiFilteredReason":"violates the guidelines"}]}`, 400, codec.ContentPolicy, "violates the guidelines"},
		"Imagen, no reason":     {imagen, `{}`, 400, codec.ContentPolicy, "all images were filtered"},
		"Imagen, an error":      {imagen, `{"error":{"code":500,"message":"broken"}}`, 502, codec.Semantic, "broken"},
		"Imagen, HTML":          {imagen, `<html><title>Bad gateway</title></html>`, 502, codec.Semantic, "Bad gateway"},
		"Imagen, nothing":       {imagen, ``, 502, codec.Semantic, "empty"},
	} {
		a, err := gemini.Images{}.DecodeResponse([]byte(tt.body), tt.model)
		e, ok := errors.AsType[*codec.Error](err)
		if a != nil || !ok || e.Status != tt.status || e.Class != tt.class || !e.InAnswer || !strings.Contains(e.Message, tt.want) {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","prompt":"x","n":2,"size":"1536x1024","output_format":"jpeg","output_compression":5,"response_format":"url","stream":true}`), true)
	f.Add([]byte(`{"prompt":"\ud800","size":"1:65535"}`), false)
	f.Fuzz(func(t *testing.T, body []byte, vertex bool) {
		q, err := openai.Images{}.DecodeRequest(body)
		if err != nil {
			if e := err.(*codec.Error); e.Status != 400 || e.Message == "" {
				t.Fatalf("%+v", e)
			}
			return
		}
		for _, model := range []string{"gemini-2.5-flash-image", "gemini-3-pro-image", "imagen-4.0-generate-001"} {
			if out, err := (gemini.Images{Vertex: vertex}).EncodeRequest(nil, q, model); err == nil && !json.Valid(out) {
				t.Fatalf("not JSON: %s", out)
			}
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte(geminiAnswer), true)
	f.Add([]byte(imagenAnswer), false)
	f.Fuzz(func(t *testing.T, body []byte, isGemini bool) {
		model := "imagen"
		if isGemini {
			model = "gemini"
		}
		a, err := gemini.Images{}.DecodeResponse(body, model)
		if err != nil {
			if e := err.(*codec.Error); e.Message == "" || e.Status < 400 {
				t.Fatalf("%+v", e)
			}
			return
		}
		for _, url := range []bool{false, true} {
			if out := (openai.Images{}).EncodeResponse(nil, a, &images.Request{URL: url}, 1); !json.Valid(out) {
				t.Fatalf("not JSON: %s", out)
			}
		}
	})
}

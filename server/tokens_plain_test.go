package server

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"

	"uniapi/codec/estimate"
	"uniapi/server/telemetry/metrics"
)

// plainCase is a request to an endpoint that is no conversation, and what it costs by an answer.
type plainCase struct {
	name, path  string
	body        string
	contentType string // of the request; JSON if empty
	kind        string // of the answer
	stream      bool   // whether it comes in chunks
	first, rest string

	prompt, completion int64
	why                metrics.Lack
}

// formOf is a form with texts, and files of so many bytes.
func formOf(t *testing.T, texts map[string]string, file string, sizes ...int) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, text := range texts {
		if err := w.WriteField(name, text); err != nil {
			t.Fatal(err)
		}
	}
	for _, size := range sizes {
		part, err := w.CreateFormFile(file, "a.bin")
		if err != nil {
			t.Fatal(err)
		}
		part.Write(make([]byte, size))
	}
	w.Close()
	return b.String(), w.FormDataContentType()
}

const (
	ownImages = `{"total_tokens":1801,"input_tokens":1234,"output_tokens":567,"input_tokens_details":{"text_tokens":1234,"image_tokens":0}}`
	aMinute   = 60 * 16_000 // bytes of a file of sound
)

func plainCases(t *testing.T) []plainCase {
	embed := `{"model":"m","input":["` + askedText + `"]}`
	vectors := `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,0.2]}],"model":"m"}`
	rank := `{"model":"m","query":"` + askedText + `","documents":["` + askedText + `",{"text":"` + askedText + `"}]}`
	ranks := `{"id":"1","results":[{"index":0,"relevance_score":0.9}]}`
	draw := `{"model":"m","prompt":"` + askedText + `","n":2}`
	image := strings.Repeat("iVBORw0KGgoAAAANSUhEUgAA", 8000) // 192 KB
	images := `{"created":1,"data":[{"b64_json":"` + image + `"},{"b64_json":"` + image + `"}]}`
	drawn := func(kind, usage string) string {
		return sseEvent(kind, with(`{"type":"`+kind+`","b64_json":"`+image+`","size":"auto"}`, "usage", usage))
	}
	edit, editType := formOf(t, map[string]string{"model": "m", "prompt": askedText}, "image", 5000, 3<<20)
	hear, hearType := formOf(t, map[string]string{"model": "m"}, "file", aMinute)
	said := func(usage string) string { return with(`{"text":"`+answeredText+`"}`, "usage", usage) }
	delta := sseEvent("transcript.text.delta", `{"type":"transcript.text.delta","delta":"`+answeredText+`"}`)
	done := func(usage string) string {
		return sseEvent("transcript.text.done", with(`{"type":"transcript.text.done","text":"`+answeredText+`"}`, "usage", usage))
	}
	speak := `{"model":"m","voice":"v","input":"` + askedText + `"}`
	sound := strings.Repeat("\xff\xfb\x90d", 10_000)
	completion := func(usage string) string {
		return with(`{"object":"text_completion","choices":[{"index":0,"text":"`+answeredText+`","finish_reason":"stop"}]}`, "usage", usage)
	}
	piece := "data: " + `{"object":"text_completion","choices":[{"index":0,"text":"` + answeredText + `","finish_reason":null}]}` + "\n\n"
	last := func(usage string) string {
		return "data: " + with(`{"object":"text_completion","choices":[{"index":0,"text":"","finish_reason":"stop"}]}`, "usage", usage) + "\n\ndata: [DONE]\n\n"
	}
	const media = estimate.MediaTokens
	own := tongues[0].own
	return []plainCase{
		{"completion", "/v1/completions", `{"model":"m","prompt":"` + askedText + `"}`, "", jsonKind, false, completion(own), "", 1234, 567, exact},
		{"completion without a usage", "/v1/completions", `{"model":"m","prompt":"` + askedText + `"}`, "", jsonKind, false, completion(""), "", 1000, 100, metrics.LackNone},
		{"streamed completion", "/v1/completions", `{"model":"m","stream":true,"prompt":"` + askedText + `"}`, "", eventsKind, true, piece, last(own), 1234, 567, exact},
		{"streamed completion without a usage", "/v1/completions", `{"model":"m","stream":true,"prompt":"` + askedText + `"}`, "", eventsKind, true, piece, last(""), 1000, 100, metrics.LackNone},

		{"embedding", "/v1/embeddings", embed, "", jsonKind, false, with(vectors, "usage", `{"prompt_tokens":1234,"total_tokens":1234}`), "", 1234, 0, exact},
		{"embedding, the total alone", "/v1/embeddings", embed, "", jsonKind, false, with(vectors, "usage", `{"total_tokens":1234}`), "", 1234, 0, exact},
		{"embedding, billed units", "/v1/embeddings", embed, "", jsonKind, false, with(vectors, "meta", `{"billed_units":{"input_tokens":1234}}`), "", 1234, 0, exact},
		{"embedding, half of it unreadable", "/v1/embeddings", embed, "", jsonKind, false, with(vectors, "usage", `{"prompt_tokens":1234,"total_tokens":"many"}`), "", 1234, 0, exact},
		{"embedding without a usage", "/v1/embeddings", embed, "", jsonKind, false, vectors, "", 1000, 0, metrics.LackNone},
		{"embedding, an absurd usage", "/v1/embeddings", embed, "", jsonKind, false, with(vectors, "usage", `{"prompt_tokens":-1,"total_tokens":1e300}`), "", 1000, 0, metrics.LackAbsurd},
		{"embedding of tokens", "/v1/embeddings", `{"model":"m","input":[[` + strings.Repeat("5,", 999) + `5]]}`, "", jsonKind, false, vectors, "", 1000, 0, metrics.LackNone},

		{"ranking, tokens", "/v1/rerank", rank, "", jsonKind, false, with(ranks, "usage", `{"total_tokens":1234}`), "", 1234, 0, exact},
		{"ranking, searches", "/v1/rerank", rank, "", jsonKind, false, with(ranks, "meta", `{"billed_units":{"search_units":1}}`), "", 3000, 0, metrics.LackUnit},
		{"ranking without a usage", "/v1/rerank", rank, "", jsonKind, false, ranks, "", 3000, 0, metrics.LackNone},

		{"moderation", "/v1/moderations", `{"model":"m","input":"` + askedText + `"}`, "", jsonKind, false, `{"results":[{"flagged":false}]}`, "", 1000, 0, metrics.LackNone},

		{"images", "/v1/images/generations", draw, "", jsonKind, false, with(images, "usage", ownImages), "", 1234, 567, exact},
		{"images without a usage", "/v1/images/generations", draw, "", jsonKind, false, images, "", 1000, 2 * media, metrics.LackNone},
		{"images by address", "/v1/images/generations", draw, "", jsonKind, false, `{"data":[{"url":"https://h.example/1"},{"url":"https://h.example/2"}]}`, "", 1000, 2 * media, metrics.LackNone},
		{"streamed images", "/v1/images/generations", draw, "", eventsKind, true, drawn("image_generation.partial_image", ""), drawn("image_generation.completed", ownImages), 1234, 567, exact},
		{"a streamed image without a usage", "/v1/images/generations", draw, "", eventsKind, true, drawn("image_generation.partial_image", ""), drawn("image_generation.completed", ""), 1000, media, metrics.LackNone},
		{"two streamed images without a usage", "/v1/images/generations", draw, "", eventsKind, true, drawn("image_generation.completed", ""), drawn("image_generation.completed", ""), 1000, 2 * media, metrics.LackNone},
		{"a streamed image that repeats the client's metadata", "/v1/images/generations", draw, "", eventsKind, true, drawn("image_generation.partial_image", ""),
			sseEvent("", with(with(`{"b64_json":"`+image+`","type":"image_generation.completed"}`, "usage", ownImages), "metadata", `{"type":"none","usage":{"input_tokens":1,"output_tokens":1}}`)), 1234, 567, exact},
		{"a streamed image with such metadata and no usage", "/v1/images/generations", draw, "", eventsKind, true, drawn("image_generation.partial_image", ""),
			sseEvent("", with(`{"type":"image_generation.completed","b64_json":"`+image+`"}`, "metadata", `{"type":"none","usage":{"input_tokens":1,"output_tokens":1}}`)), 1000, media, metrics.LackNone},
		{"edited images", "/v1/images/edits", edit, editType, jsonKind, false, images, "", 1000 + 5*media, 2 * media, metrics.LackNone},
		{"streamed edits", "/v1/images/edits", edit, editType, eventsKind, true, drawn("image_edit.partial_image", ""), drawn("image_edit.completed", ownImages), 1234, 567, exact},

		{"transcript, tokens", "/v1/audio/transcriptions", hear, hearType, jsonKind, false, said(`{"type":"tokens","input_tokens":1234,"output_tokens":567,"total_tokens":1801}`), "", 1234, 567, exact},
		{"transcript, seconds", "/v1/audio/transcriptions", hear, hearType, jsonKind, false, said(`{"type":"duration","seconds":119.5}`), "", 2000, 100, metrics.LackUnit},
		{"verbose transcript", "/v1/audio/transcriptions", hear, hearType, jsonKind, false, `{"task":"transcribe","duration":"120.0","text":"` + answeredText + `","segments":[{"text":"` + answeredText + `"}]}`, "", 2000, 100, metrics.LackNone},
		{"transcript without a usage", "/v1/audio/transcriptions", hear, hearType, jsonKind, false, said(""), "", 1000, 100, metrics.LackNone},
		{"transcript as text", "/v1/audio/transcriptions", hear, hearType, "text/plain; charset=utf-8", true, answeredText, "\n", 1000, 100, metrics.LackNone},
		{"streamed transcript", "/v1/audio/transcriptions", hear, hearType, eventsKind, true, delta, done(`{"type":"tokens","input_tokens":1234,"output_tokens":567,"total_tokens":1801}`), 1234, 567, exact},
		{"streamed transcript without a usage", "/v1/audio/transcriptions", hear, hearType, eventsKind, true, delta, done(""), 1000, 100, metrics.LackNone},
		{"streamed transcript, seconds", "/v1/audio/transcriptions", hear, hearType, eventsKind, true, delta, done(`{"type":"duration","seconds":120}`), 2000, 100, metrics.LackUnit},
		{"translation", "/v1/audio/translations", hear, hearType, jsonKind, false, said(""), "", 1000, 100, metrics.LackNone},

		{"speech", "/v1/audio/speech", speak, "", "audio/mpeg", true, sound, sound, 1000, 1000, metrics.LackNone},
		{"speech as events", "/v1/audio/speech", speak, "", eventsKind, true, sseEvent("speech.audio.delta", `{"type":"speech.audio.delta","audio":"AAAA"}`),
			sseEvent("speech.audio.done", `{"type":"speech.audio.done","usage":{"input_tokens":1234,"output_tokens":567,"total_tokens":1801}}`), 1234, 567, exact},
	}
}

// asked are the tokens of the request alone.
func (c plainCase) asked() int64 {
	switch c.path {
	case "/v1/rerank":
		return 3000
	case "/v1/images/edits":
		return 1000 + 5*estimate.MediaTokens
	}
	return 1000
}

// TestEveryOtherEndpointCosts goes through all endpoints that are no conversation, and all ends.
func TestEveryOtherEndpointCosts(t *testing.T) {
	s := staged(t, func(addr string) string {
		return fmt.Sprintf("  - {provider: p, base_url: \"http://%s/v1\", engine: gpt, api: %s, model: [m]}\n", addr, upstreamKeyText)
	})
	for _, test := range plainCases(t) {
		t.Run(test.name, func(t *testing.T) {
			kind := test.contentType
			if kind == "" {
				kind = jsonKind
			}
			header := []string{"Content-Type", kind}
			p := play{kind: test.kind, first: test.first, rest: test.rest}
			if test.stream {
				p.length = -1
			}
			s.next.Store(&p)
			before := int64(0)
			if test.why != exact {
				before = s.lacked(test.why)
			}
			c := s.charge(func() {
				if status, text := s.post(test.path, test.body, header...); status != 200 || text != test.first+test.rest {
					t.Errorf("%d %.200s", status, text)
				}
			})
			if test.why == exact {
				if c.costs(t, test.name); c.prompt != test.prompt || c.completion != test.completion || c.estimated {
					t.Errorf("%+v", c)
				}
			} else if c.isFor(t, test.name, test.prompt, test.completion); s.lacked(test.why) != before+1 {
				t.Errorf("it is not counted as lacking for %s", metrics.LackNames[test.why])
			}
			s.leavesEarly(t, test.name, func() *play {
				cut := p
				cut.rest, cut.end = "", keepsStill
				if test.stream {
					cut.first = ""
				} else {
					cut.length = len(cut.first)
					cut.first = cut.first[:len(cut.first)/2]
				}
				return &cut
			}, test.path, test.body, test.asked(), header...)
			if !test.stream {
				return
			}
			cut := p
			cut.end = breaksOff
			s.next.Store(&cut)
			for what, c := range map[string]charged{
				"cut by the provider": s.charge(func() { s.post(test.path, test.body, header...) }),
				"cut by the client": s.charge(func() {
					left := p
					left.end = keepsStill
					s.leave(&left, test.path, test.body, header...)
				}),
			} {
				if c.costs(t, what); !c.estimated || c.prompt < test.asked() || c.prompt > test.asked()+60 || c.completion < 1 || c.completion > max(test.completion, 3*estimate.MediaTokens) {
					t.Errorf("%s: %+v", what, c)
				}
			}
		})
	}
}

func TestImagesThatGoogleMakesCostByTheirNumberWhereItDoesNotCount(t *testing.T) {
	const media = estimate.MediaTokens
	image := strings.Repeat("iVBORw0KGgoAAAANSUhEUgAA", 100)
	for _, stream := range []bool{false, true} {
		s := staged(t, func(addr string) string {
			return fmt.Sprintf("  - {provider: p, base_url: \"http://%s/v1beta\", engine: gemini, api: %s, model: [imagen-4: m, gemini-2.5-flash-image: g]}\n", addr, upstreamKeyText)
		})
		s.next.Store(&play{kind: jsonKind, first: `{"predictions":[{"mimeType":"image/png","bytesBase64Encoded":"` + image + `"},{"mimeType":"image/png","bytesBase64Encoded":"` + image + `"}]}`})
		ask := fmt.Sprintf(`{"model":"m","n":2,"stream":%v,"prompt":"%s"}`, stream, askedText)
		s.charge(func() {
			if status, text := s.post("/v1/images/generations", ask); status != 200 {
				t.Errorf("%d %.300s", status, text)
			}
		}).isFor(t, "Imagen", 1000, 2*media)
		s.next.Store(&play{kind: jsonKind, first: with(`{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"`+image+`"}}]},"finishReason":"STOP"}]}`, "usageMetadata",
			`{"promptTokenCount":1234,"candidatesTokenCount":567,"totalTokenCount":1801}`)})
		c := s.charge(func() {
			s.post("/v1/images/generations", strings.Replace(strings.Replace(ask, `"m"`, `"g"`, 1), `"n":2`, `"n":1`, 1))
		})
		if c.costs(t, "Gemini"); c.prompt != 1234 || c.completion != 567 || c.estimated {
			t.Errorf("%+v", c)
		}
	}
}

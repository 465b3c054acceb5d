package media

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"uniapi/codec"
	"uniapi/codec/formats/anthropic"
	"uniapi/codec/formats/bedrock"
	"uniapi/codec/formats/gemini"
	"uniapi/codec/formats/openai"
	"uniapi/config"
	"uniapi/pool"
	"uniapi/pool/fetch"
	"uniapi/server/budget"
)

const aPNG = "\x89PNG\r\n\x1a\nand so on"

// imageHost serves a PNG at every path but those that say otherwise.
func imageHost(t *testing.T) (url string, fetcher *fetch.Fetcher, seen *atomic.Int64) {
	t.Helper()
	seen = new(atomic.Int64)
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		switch {
		case strings.HasPrefix(r.URL.Path, "/report"):
			_, _ = io.WriteString(w, "%PDF-1.7")
		case strings.HasPrefix(r.URL.Path, "/large"):
			_, _ = io.WriteString(w, aPNG+strings.Repeat("x", 900))
		case r.URL.Path == "/missing":
			http.NotFound(w, r)
		default:
			_, _ = io.WriteString(w, aPNG)
		}
	}))
	t.Cleanup(host.Close)
	connections := pool.New(pool.Options{})
	t.Cleanup(connections.Close)
	rules := config.ImageFetch{AllowNets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MaxSize: 1000}
	return host.URL, fetch.New(rules, connections.TLS(), nil), seen
}

func at(kind codec.PartKind, url string) codec.Part {
	return codec.Part{Kind: kind, Media: &codec.Media{URL: url, Detail: "low"}}
}

func noURLs(*codec.Part) bool { return false }

func anyPlace() (leave func(), err error) { return func() {}, nil }

func TestAddressesBecomeContentAndTheRequestStaysAsItWas(t *testing.T) {
	host, fetcher, seen := imageHost(t)
	build := func() *codec.Request {
		return &codec.Request{Model: "m", Messages: []codec.Message{
			{Role: codec.RoleUser, Parts: []codec.Part{{Kind: codec.PartText, Text: "look"}, at(codec.PartImage, host+"/a.png"), at(codec.PartImage, host+"/b.png")}},
			{Role: codec.RoleAssistant, Parts: []codec.Part{{Kind: codec.PartToolCall, Call: &codec.ToolCall{ID: "c"}}}},
			{Role: codec.RoleTool, Parts: []codec.Part{{Kind: codec.PartToolResult, Result: &codec.ToolResult{CallID: "c",
				Parts: []codec.Part{{Kind: codec.PartText, Text: "seen"}, at(codec.PartImage, host+"/a.png")}}}}},
			{Role: codec.RoleUser, Parts: []codec.Part{at(codec.PartFile, host+"/report.pdf?sig=1"), at(codec.PartVideo, host+"/v.mp4"),
				at(codec.PartImage, "gs://bucket/c.png"), {Kind: codec.PartImage, Media: &codec.Media{Data: "QUJD", MIME: "image/png"}}, {Kind: codec.PartImage}}},
		}}
	}
	r := build()
	got, _, err := Inline(t.Context(), fetcher, r, noURLs, plenty(), anyPlace)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(r, build()) {
		t.Error("the request was changed")
	}
	png := &codec.Media{MIME: "image/png", Data: base64.StdEncoding.EncodeToString([]byte(aPNG)), Detail: "low"}
	want := build()
	want.Messages[0].Parts[1].Media, want.Messages[0].Parts[2].Media = png, png
	want.Messages[2].Parts[0].Result.Parts[1].Media = png
	want.Messages[3].Parts[0].Media = &codec.Media{MIME: "application/pdf", Data: base64.StdEncoding.EncodeToString([]byte("%PDF-1.7")), Name: "report.pdf", Detail: "low"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got.Messages, want.Messages)
	}
	if seen.Load() != 3 {
		t.Errorf("%d fetches of 3 addresses", seen.Load())
	}
	if same, _, err := Inline(t.Context(), fetcher, r, func(*codec.Part) bool { return true }, plenty(), anyPlace); same != r || err != nil {
		t.Errorf("nothing to do: %p, %v, want %p", same, err, r)
	}
}

func TestWhatCannotBeFetchedIsTheClientsMistake(t *testing.T) {
	const host = "http://images.invalid" // stands for a host of each case's own: what one gives up may still arrive while the next runs
	many := func(n int, path string) (parts []codec.Part) {
		for i := range n {
			parts = append(parts, at(codec.PartImage, fmt.Sprintf("%s%s%d", host, path, i)))
		}
		return parts
	}
	for name, tt := range map[string]struct {
		parts []codec.Part
		want  string // in the message, "" is success
		most  int64  // fetches
	}{
		"missing":                  {append(many(3, "/a"), at(codec.PartImage, host+"/missing")), "could not fetch " + host + "/missing: its server answered 404", 4},
		"a PDF as an image":        {[]codec.Part{at(codec.PartImage, host+"/report")}, "none of PNG, JPEG, GIF, WEBP", 1},
		"an image as a file":       {[]codec.Part{at(codec.PartFile, host+"/a.png")}, "", 1},
		"a hundred":                {many(100, "/h"), "", 100},
		"a hundred and one":        {many(101, "/i"), "more than 100 images", 0},
		"too large together":       {many(10, "/large"), "too large together", 8},
		"one too often":            {[]codec.Part{at(codec.PartImage, host+"/large0"), at(codec.PartImage, host+"/large0"), at(codec.PartImage, host+"/large0"), at(codec.PartImage, host+"/large0"), at(codec.PartImage, host+"/large0")}, "too large together", 1},
		"an address it cannot use": {[]codec.Part{at(codec.PartImage, "HTTPS://user:p@example.test/a")}, "user name or password", 0},
	} {
		t.Run(name, func(t *testing.T) {
			own, fetcher, seen := imageHost(t)
			for i := range tt.parts {
				tt.parts[i].Media.URL = strings.Replace(tt.parts[i].Media.URL, host, own, 1)
			}
			tt.want = strings.Replace(tt.want, host, own, 1)
			_, _, err := Inline(t.Context(), fetcher, &codec.Request{Messages: []codec.Message{{Parts: tt.parts}}}, noURLs, plenty(), anyPlace)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if bad, ok := errors.AsType[*codec.Error](err); !ok || bad.Status != 400 || !strings.Contains(bad.Message, tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if seen.Load() > tt.most {
				t.Errorf("%d fetches, want %d at most", seen.Load(), tt.most)
			}
		})
	}
}

func TestImagesAreFetchedFourAtATimeUntilTheClientLeaves(t *testing.T) {
	var now, most atomic.Int64
	four := make(chan struct{})
	var once sync.Once
	host := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 4 {
			once.Do(func() { close(four) })
		}
		<-r.Context().Done()
	}))
	defer host.Close()
	connections := pool.New(pool.Options{})
	defer connections.Close()
	fetcher := fetch.New(config.ImageFetch{AllowNets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, connections.TLS(), nil)
	var parts []codec.Part
	for i := range 20 {
		parts = append(parts, at(codec.PartImage, fmt.Sprintf("%s/%d", host.URL, i)))
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-four
		cancel()
	}()
	if _, _, err := Inline(ctx, fetcher, &codec.Request{Messages: []codec.Message{{Parts: parts}}}, noURLs, plenty(), anyPlace); !errors.Is(err, context.Canceled) {
		t.Errorf("client gone: %v", err)
	}
	if most.Load() != 4 {
		t.Errorf("%d at once, want 4", most.Load())
	}
}

func TestWhichUpstreamsReadAddressesThemselves(t *testing.T) {
	const page = "https://example.test/a"
	for _, tt := range []struct {
		name   string
		format codec.Format
		part   codec.Part
		want   bool
	}{
		{"OpenAI, image", openai.Format{}, at(codec.PartImage, page), true},
		{"OpenAI, file", openai.Format{}, at(codec.PartFile, page), false},
		{"OpenAI, sound", openai.Format{}, at(codec.PartAudio, page), false},
		{"Anthropic, image", anthropic.Format{}, at(codec.PartImage, page), true},
		{"Anthropic, PDF", anthropic.Format{}, at(codec.PartFile, page), true},
		{"Claude on Vertex", anthropic.Vertex, at(codec.PartImage, page), false},
		{"Bedrock", bedrock.Format{}, at(codec.PartImage, page), false},
		{"Gemini", gemini.Format{}, at(codec.PartImage, page+".png"), false},
		{"Gemini, its own file", gemini.Format{}, at(codec.PartFile, "https://generativelanguage.googleapis.com/v1beta/files/a"), true},
		{"Gemini, YouTube", gemini.Format{}, at(codec.PartVideo, "https://www.youtube.com/watch?v=a"), true},
		{"Gemini on Vertex", gemini.Format{Vertex: true}, at(codec.PartImage, page+".png"), true},
	} {
		if got := TakesURL(tt.format)(&tt.part); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestFilesGetTheirNamesFromTheirAddresses(t *testing.T) {
	for url, want := range map[string]string{"https://h/a/b.pdf?x=/y": "b.pdf", "https://h/a/": "a", "https://h": "", "https://h/": "", "https://h/a#b/c": "a"} {
		if got := fileName(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

// plenty is a holding that nothing is refused to.
func plenty() *budget.Holding {
	h := new(budget.Holding)
	h.Begin(budget.New(1<<40), new(budget.Share))
	return h
}

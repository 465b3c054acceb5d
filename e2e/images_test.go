package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// imageRows say how images are fetched for providers that read no addresses.
var imageRows = []row{
	{section: "preferences", key: "image_fetch", set: "{image_fetch: {allow: [127.0.0.1]}}", file: onGemini, play: imageFetched, without: "400", with: "200, image/png"},
	{section: "image_fetch", key: "allow", set: "{image_fetch: {allow: 127.0.0.0/8}}", file: onGemini, play: imageFetched, without: "400", with: "200, image/png"},
	{section: "image_fetch", key: "max_size", set: "{image_fetch: {allow: 127.0.0.1, max_size: 100B}}", unset: "{image_fetch: {allow: 127.0.0.1}}", file: onGemini, play: imageFetched,
		without: "200, image/png", with: "400"},
	{section: "image_fetch", key: "timeout", set: "{image_fetch: {allow: 127.0.0.1, timeout: 1}}", unset: "{image_fetch: {allow: 127.0.0.1}}", file: onGemini, play: slowImage,
		without: "200, image/png", with: "400"},
}

var onGemini = file{a: "{base_url: $A/v1beta}", key: "{model: [a/*]}"}

// picture begins as a PNG does.
var picture = "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 200)

func servePicture(w http.ResponseWriter, _ seen) { io.WriteString(w, picture) }

func imageFetched(s *stage) string {
	s.side.answer = servePicture
	return askWithImage(s)
}

func askWithImage(s *stage) string {
	s.drawn = true // who is asked depends on what is fetched
	status := s.post(chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"`+s.side.url+`/p.png"}}]}]}`).StatusCode
	if sent := s.a.last().body; strings.Contains(sent, `"image/png"`) {
		return fmt.Sprint(status, ", image/png")
	}
	return fmt.Sprint(status)
}

func slowImage(s *stage) string {
	s.side.answer = s.silent(servePicture)
	return askWithImage(s)
}

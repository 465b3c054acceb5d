package mediatype

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestOfBase64TellsWhatProvidersTake(t *testing.T) {
	for content, want := range map[string]string{
		"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR":              "image/png",
		"\xff\xd8\xff\xe0\x00\x10JFIF":                     "image/jpeg",
		"GIF89a\x01\x00\x01\x00":                           "image/gif",
		"RIFF\x24\x00\x00\x00WEBPVP8 ":                     "image/webp",
		"RIFF\x24\x00\x00\x00WAVEfmt ":                     "audio/wav",
		"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1": "image/heic",
		"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ":     "video/quicktime",
		"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom": "video/mp4",
		"ID3\x04\x00\x00\x00\x00\x00\x21":                  "audio/mp3",
		"\xff\xfb\x90\x64\x00\x00\x00\x00":                 "audio/mp3",
		"fLaC\x00\x00\x00\x22":                             "audio/flac",
		"%PDF-1.7\n":                                       "application/pdf",
		"some words, and no more":                          "text/plain",
		"":                                                 "",
		"\x00\x01\x02\x03\x04\x05":                         "",
	} {
		data := base64.StdEncoding.EncodeToString([]byte(content))
		if got := OfBase64(data); got != want && !(content == "" && got == "text/plain") {
			t.Errorf("%q is %q, want %q", content, got, want)
		}
		lines := strings.Join(strings.SplitAfter(data, "A"), "\r\n")
		if got := OfBase64(lines); content != "" && got != want {
			t.Errorf("%q in lines is %q, want %q", content, got, want)
		}
	}
}

func FuzzOfBase64(f *testing.F) {
	f.Add("iVBORw0KGgo")
	f.Add("====")
	f.Fuzz(func(t *testing.T, data string) {
		if found := OfBase64(data); strings.ContainsAny(found, "; \r\n") {
			t.Errorf("%q", found)
		}
	})
}

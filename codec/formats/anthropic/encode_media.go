package anthropic

import (
	"encoding/base64"
	"strings"

	"uniapi/codec"
	"uniapi/codec/mediatype"
	"uniapi/codec/rawjson"
)

// appendMedia writes an image or a document.
func (w *writer) appendMedia(dst []byte, p *codec.Part) []byte {
	m := p.Media
	mime := MediaType(m)
	kind := "image"
	switch {
	case p.Kind == codec.PartAudio:
		w.fail("messages", "this provider takes no audio")
	case p.Kind == codec.PartVideo:
		w.fail("messages", "this provider takes no video")
	case p.Kind == codec.PartFile && !strings.HasPrefix(mime, "image/"), strings.HasPrefix(mime, "application/pdf"):
		kind = "document"
	}
	dst = append(dst, `{"type":"`...)
	dst = append(append(dst, kind...), `","source":{`...)
	switch {
	case m.FileID != "":
		dst = rawjson.Str(dst, "type", "file")
		dst = rawjson.Str(dst, "file_id", m.FileID)
	case m.Data == "":
		if w.format.hosted() || !strings.HasPrefix(m.URL, "http") {
			w.fail("messages", "this provider cannot fetch '"+clipped(m.URL)+"': send the content itself")
		}
		dst = rawjson.Str(dst, "type", "url")
		dst = rawjson.Str(dst, "url", m.URL)
	case kind == "document" && mediatype.IsText(mime):
		text, err := base64.StdEncoding.DecodeString(mediatype.Clean(m.Data))
		if err != nil {
			w.fail("messages", "the file '"+m.Name+"' is not valid base64")
		}
		dst = rawjson.Str(dst, "type", "text")
		dst = rawjson.Str(dst, "media_type", "text/plain")
		dst = rawjson.Str(dst, "data", text)
	default:
		if kind == "document" && mime != "application/pdf" {
			w.fail("messages", "this provider takes PDF and text files, not '"+mime+"'")
		}
		dst = rawjson.Str(dst, "type", "base64")
		dst = rawjson.Str(dst, "media_type", mime)
		dst = append(append(rawjson.Key(dst, "data"), '"'), mediatype.Clean(m.Data)...) // its alphabet needs no escapes
		dst = append(dst, '"')
	}
	dst = append(dst, '}')
	if kind == "document" {
		dst = rawjson.StrIf(dst, "title", m.Name)
	}
	for _, f := range p.Extra {
		if w.own {
			dst = rawjson.Field(dst, f.Name, f.Raw)
		}
	}
	return append(w.appendMark(dst, p.Cache), '}')
}

func clipped(url string) string { return url[:min(len(url), 80)] }

// MediaType is the type of media by its first bytes, which tell the truth more often than what clients say; else what
// they say.
func MediaType(m *codec.Media) string { return mediatype.Of(m.Data, m.MIME) }

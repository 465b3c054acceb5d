package gemini

import (
	"strings"

	"uniapi/codec"
	"uniapi/codec/mediatype"
	"uniapi/codec/rawjson"
)

// TakesURL says whether the upstream reads the media from its address itself. Any other must be fetched before the
// request is encoded.
func (f Format) TakesURL(m *codec.Media) bool {
	url := strings.ToLower(m.URL)
	switch {
	case strings.HasPrefix(url, "gs://"), strings.HasPrefix(url, "https://www.youtube.com/"), strings.HasPrefix(url, "https://youtu.be/"),
		strings.HasPrefix(url, "https://youtube.com/"), strings.HasPrefix(url, "https://generativelanguage.googleapis.com/"):
		return true
	}
	return f.Vertex && strings.HasPrefix(url, "https://") && urlType(m) != ""
}

// urlType is the MIME type of media that stand elsewhere, "" if nothing tells.
func urlType(m *codec.Media) string {
	if m.MIME != "" {
		return mimeType(m.MIME)
	}
	path, _, _ := strings.Cut(strings.ToLower(m.URL), "?")
	return extensions[path[strings.LastIndexByte(path, '.')+1:]]
}

var extensions = map[string]string{"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "heic": "image/heic",
	"gif": "image/gif", "pdf": "application/pdf", "txt": "text/plain", "mp3": "audio/mp3", "wav": "audio/wav", "mp4": "video/mp4",
	"webm": "video/webm", "mov": "video/mov"}

// mimeType is the registered spelling of a type.
func mimeType(mime string) string {
	if mime == "image/jpg" {
		return "image/jpeg"
	}
	return mime
}

// appendMedia writes inlineData or fileData.
func (f Format) appendMedia(dst []byte, m *codec.Media, kind codec.PartKind) ([]byte, error) {
	switch {
	case m.Data != "":
		dst = append(dst, `{"inlineData":{`...)
		dst = rawjson.Str(dst, "mimeType", dataType(m, kind))
		return append(rawjson.Str(dst, "data", m.Data), "}}"...), nil
	case m.FileID != "" && m.URL == "":
		dst = append(dst, `{"fileData":{`...)
		dst = rawjson.StrIf(dst, "mimeType", mimeType(m.MIME))
		return append(rawjson.Str(dst, "fileUri", m.FileID), "}}"...), nil
	case f.TakesURL(m):
		dst = append(dst, `{"fileData":{`...)
		dst = rawjson.StrIf(dst, "mimeType", urlType(m))
		return append(rawjson.Str(dst, "fileUri", m.URL), "}}"...), nil
	}
	return dst, codec.BadRequest("messages", "the upstream cannot read the file at '"+m.URL+"': send its content as a data URL")
}

// dataType is the MIME type of media, found in the first bytes if the client did not say.
func dataType(m *codec.Media, kind codec.PartKind) string {
	if m.MIME != "" {
		return mimeType(m.MIME)
	}
	if found := mediatype.OfBase64(m.Data); found != "" {
		return found
	}
	switch kind {
	case codec.PartAudio:
		return "audio/wav"
	case codec.PartVideo:
		return "video/mp4"
	case codec.PartFile:
		return "application/pdf"
	}
	return "image/png"
}

// kindOf is the kind of part for media of a type.
func kindOf(mime string) codec.PartKind {
	kind, _, _ := strings.Cut(mime, "/")
	switch kind {
	case "image":
		return codec.PartImage
	case "audio":
		return codec.PartAudio
	case "video":
		return codec.PartVideo
	}
	return codec.PartFile
}

package alternation

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	"uniapi/codec"
	"uniapi/codec/mediatype"
	"uniapi/codec/rawjson"
	"uniapi/codec/words"
)

var mediaNames = map[codec.PartKind]string{codec.PartImage: "image", codec.PartAudio: "audio", codec.PartVideo: "video", codec.PartFile: "file"}

// media appends an image, a sound, a video or a file as the target takes it.
func (r *repair) media(dst []codec.Part, role codec.Role, p codec.Part) []codec.Part {
	if p.Media == nil {
		return dst
	}
	p.Kind = kindOfMedia(&p)
	if role == codec.RoleAssistant && !r.to.says(&p) {
		return r.spokenMedia(dst, p)
	}
	if !r.reachable(&p) {
		return dst
	}
	if raw := p.Extra.Get("context"); raw != nil { // what Anthropic's documents are introduced with
		if v, err := rawjson.One(raw); err == nil {
			text, _ := rawjson.Text(raw, v)
			dst = r.part(dst, role, &codec.Part{Kind: codec.PartText, Text: text})
		}
	}
	if p.Kind == codec.PartFile && !r.to.TextFiles {
		if text, is := textOf(p.Media); is {
			p = codec.Part{Kind: codec.PartText, Text: words.Named(p.Media.Name, text), Cache: p.Cache}
		}
	}
	if name := mediaNames[p.Kind]; name != "" && r.kinds != nil && !slices.Contains(r.kinds, name) || r.silent && p.Kind == codec.PartVideo {
		r.fail("the provider that serves this model takes no " + name)
		return dst
	}
	return append(dst, p)
}

// kindOfMedia is what media are, whatever they are called.
func kindOfMedia(p *codec.Part) codec.PartKind {
	mime := mediatype.Of(p.Media.Data, p.Media.MIME)
	kind, _, _ := strings.Cut(mime, "/")
	switch {
	case p.Kind == codec.PartFile && kind == "image":
		return codec.PartImage
	case p.Kind == codec.PartFile && kind == "audio":
		return codec.PartAudio
	case p.Kind == codec.PartFile && kind == "video":
		return codec.PartVideo
	case p.Kind == codec.PartImage && mime == "application/pdf":
		return codec.PartFile
	}
	return p.Kind
}

// spokenMedia has media of the assistant's wait for the user's next message. What is written of a sound takes its
// place, and what nobody can be shown goes.
func (r *repair) spokenMedia(dst []codec.Part, p codec.Part) []codec.Part {
	m := p.Media
	switch {
	case m.Transcript != "":
		return append(dst, codec.Part{Kind: codec.PartText, Text: m.Transcript, Cache: p.Cache})
	case !r.to.takes(&p), p.Kind == codec.PartAudio && m.Data == "":
		r.leave(mediaNames[p.Kind] + " of the assistant's")
	default:
		r.moved = r.media(r.moved, codec.RoleUser, p)
	}
	return dst
}

// reachable says whether the target can get at the content of media. Where it cannot, the request is refused: without
// them it would be another.
func (r *repair) reachable(p *codec.Part) bool {
	m, name := p.Media, mediaNames[p.Kind]
	switch {
	case m.Data != "":
		return true
	case m.FileID != "" && (r.files == "" || r.files != r.to.Files || p.Kind != codec.PartFile && !r.to.ImageIDs):
		r.fail("the " + name + " '" + clipped(m.FileID) + "' is named by an id that the provider of this model does not know: send the content itself")
	case m.FileID != "":
		return true
	case m.URL == "":
		r.fail("the request has a part of the type " + name + " with neither content nor address")
	case keptAt(m.URL) != "" && keptAt(m.URL) != r.to.Files:
		r.fail("the " + name + " '" + clipped(m.URL) + "' is kept by a provider that does not serve this model: send the content itself")
	default:
		return true
	}
	return false
}

// keptAt is the provider that alone can read what stands at an address, "" for the rest of the world.
func keptAt(url string) string {
	low := strings.ToLower(url[:min(len(url), len(googleFiles))])
	switch {
	case strings.HasPrefix(low, "gs://"), low == googleFiles:
		return "google"
	case strings.HasPrefix(low, "s3://"):
		return "amazon"
	}
	return ""
}

const googleFiles = "https://generativelanguage.googleapis.com/"

// textOf is the content of a file that is text.
func textOf(m *codec.Media) (string, bool) {
	if m.Data == "" {
		return "", false
	}
	mime := mediatype.Of(m.Data, m.MIME)
	if mime == "" || mime == "application/octet-stream" {
		mime = mediatype.OfBase64(m.Data)
	}
	if !mediatype.IsText(mime) {
		return "", false
	}
	text, err := base64.StdEncoding.DecodeString(mediatype.Clean(m.Data))
	return string(text), err == nil && utf8.Valid(text)
}

func clipped(s string) string { return codec.Excerpt(s, 80) }

// typeOf is what a part in JSON calls itself: its type, or, as Google has it, its only member.
func typeOf(raw []byte) string {
	v, err := rawjson.One(raw)
	if err != nil {
		return ""
	}
	if kind, _ := rawjson.Text(raw, v.Get(raw, "type")); kind != "" {
		return clipped(strings.Clone(kind))
	}
	for it := v.Members(raw); it.Next(); {
		return clipped(strings.Clone(it.Name()))
	}
	return ""
}

package openai

import (
	"bytes"
	"slices"
	"strings"

	"uniapi/codec/capability"
	"uniapi/codec/rawjson"
)

// mistralForms are those of Mistral's media.
const mistralForms = "mistral"

// editsParts says whether parts of messages may have to change.
func (r *Rules) editsParts() bool { return len(r.apart) > 0 || r.Details != nil || r.Forms != "" }

// editParts returns the parts of a message as the upstream takes them, nil if they may stay.
func (r *Rules) editParts(body []byte, content rawjson.Value) []byte {
	if content.Kind != rawjson.Array || !r.editsParts() {
		return nil
	}
	var out []byte
	done := content.Start
	for list := content.Elements(body); list.Next(); {
		part := r.editPart(body, list.Value)
		if part == nil {
			continue
		}
		out = append(append(out, body[done:list.Value.Start]...), part...)
		done = list.Value.End
	}
	if out == nil {
		return nil
	}
	return append(out, body[done:content.End]...)
}

func (r *Rules) editPart(body []byte, part rawjson.Value) []byte {
	var s rawjson.Splicer
	edited := false
	var kind string
	var inner rawjson.Value
	for it := part.Members(body); it.Next(); {
		switch name := it.Name(); {
		case slices.Contains(r.apart, name):
			s.Remove(name)
			edited = true
		case name == "type":
			kind, _ = rawjson.Text(body, it.Value)
		case name == "image_url" && r.Details != nil:
			if detail, _ := rawjson.Text(body, it.Value.Get(body, "detail")); detail != "" && !slices.Contains(r.Details, detail) {
				s.Set(name, without(it.Value.Raw(body), "detail"))
				edited = true
			}
		case name == "input_audio", name == "file":
			inner = it.Value
		}
	}
	if form := r.formed(body, kind, inner); form != nil {
		return form
	}
	if !edited {
		return nil
	}
	parts, err := s.Parts(nil, part.Raw(body))
	if err != nil {
		return nil
	}
	return slices.Concat(parts...)
}

func without(object []byte, name string) []byte {
	var s rawjson.Splicer
	s.Remove(name)
	parts, err := s.Parts(nil, object)
	if err != nil {
		return object
	}
	return slices.Concat(parts...)
}

// formed is a part of media in the upstream's own form, nil if it has that already.
func (r *Rules) formed(body []byte, kind string, inner rawjson.Value) []byte {
	if r.Forms != mistralForms || inner.Kind != rawjson.Object {
		return nil
	}
	get := func(name string) string {
		s, _ := rawjson.Text(body, inner.Get(body, name))
		return s
	}
	switch kind {
	case "input_audio":
		return append(rawjson.Str([]byte(`{"type":"input_audio"`), "input_audio", get("data")), '}')
	case "file":
		if id := get("file_id"); id != "" {
			return append(rawjson.Str([]byte(`{"type":"file"`), "file_id", id), '}')
		}
		dst := rawjson.Str([]byte(`{"type":"document_url"`), "document_url", get("file_data"))
		return append(rawjson.StrIf(dst, "document_name", get("filename")), '}')
	}
	return nil
}

// anewNeedles are the types of what a host can take only in another form, or not at all.
func anewNeedles(t *capability.Target) (needles [][]byte) {
	if t.Format != capability.Chat {
		return nil
	}
	if t.Refuses("custom_tools") {
		needles = append(needles, []byte(`"custom"`))
	}
	if t.Refuses("allowed_tools") {
		needles = append(needles, []byte(`"allowed_tools"`))
	}
	for _, medium := range []struct{ kind, kindOfPart string }{{"image", `"image_url"`}, {"audio", `"input_audio"`}, {"video", `"video_url"`}, {"file", `"file"`}} {
		if t.Media != nil && !slices.Contains(t.Media, medium.kind) {
			needles = append(needles, []byte(medium.kindOfPart))
		}
	}
	return needles
}

// Anew says whether a chat request may have something in it that the upstream, which speaks chat too, takes only in
// another form, or not at all: then it is decoded, and written as a request of another format would be.
func (r *Rules) Anew(body []byte) bool {
	return r != nil && (slices.ContainsFunc(r.anew, func(kind []byte) bool { return hasType(body, kind) }) || r.Refuses("functions") && hasMember(body, functionsMember))
}

// functionsMember is what tools were called before there were others. A host that has them no more is sent tools in
// their place.
var functionsMember = []byte(`"functions"`)

// hasMember says whether a body may have a member, which is given with its quotes.
func hasMember(body, member []byte) bool {
	for rest := body; ; {
		i := bytes.Index(rest, member)
		if i < 0 {
			return false
		}
		if rest = rest[i+len(member):]; bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte{':'}) {
			return true
		}
	}
}

var typeMember = []byte(`"type"`)

// hasType says whether something in a body is of a type, which is given with its quotes.
func hasType(body, kind []byte) bool {
	for rest := body; ; {
		i := bytes.Index(rest, kind)
		if i < 0 {
			return false
		}
		before, is := bytes.CutSuffix(bytes.TrimRight(rest[:i], " \t\r\n"), []byte{':'})
		if is && bytes.HasSuffix(bytes.TrimRight(before, " \t\r\n"), typeMember) {
			return true
		}
		rest = rest[i+len(kind):]
	}
}

// editTier takes out a word that a host of which all are known does not have.
func (r *Rules) editTier(e *edit) {
	if tier := e.word("service_tier"); tier != "" && r.Refuses("other_tiers") && !slices.Contains(r.ServiceTiers, strings.ToLower(tier)) {
		e.set("service_tier", nil)
	}
}

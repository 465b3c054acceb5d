package fetch

import "strings"

// fetchTypes are the types that are taken, by how content of them begins. The names of sounds are OpenAI's, which
// Google takes too.
var types = []struct{ mime, start, at8 string }{
	{"image/png", "\x89PNG\r\n\x1a\n", ""},
	{"image/jpeg", "\xff\xd8\xff", ""},
	{"image/gif", "GIF87a", ""},
	{"image/gif", "GIF89a", ""},
	{"image/webp", "RIFF", "WEBP"},
	{"application/pdf", "%PDF-", ""},
	{"audio/wav", "RIFF", "WAVE"},
	{"audio/ogg", "OggS", ""},
	{"audio/flac", "fLaC", ""},
	{"audio/mp3", "ID3", ""},
}

// fetchSniff is how many bytes fetchedType wants to see.
const sniffed = 16

// fetchedType is the type of content by its first bytes, "" if it is none that is taken.
func typeOf(head []byte) string {
	text := string(head[:min(len(head), sniffed)])
	for _, t := range types {
		if strings.HasPrefix(text, t.start) && (t.at8 == "" || len(text) >= 8 && strings.HasPrefix(text[8:], t.at8)) {
			return t.mime
		}
	}
	// Sound without a header begins with a frame: eleven bits set, then version and layer.
	if len(text) > 1 && text[0] == 0xff && text[1]&0xe0 == 0xe0 {
		switch {
		case text[1]&0x06 == 0x02: // layer III
			return "audio/mp3"
		case text[1]&0xf6 == 0xf0: // ADTS
			return "audio/aac"
		}
	}
	return ""
}

// typeOfKind says whether a type is of one of the kinds: whole types, or beginnings such as "image/".
func typeOfKind(mime string, kinds []string) bool {
	for _, k := range kinds {
		if strings.HasPrefix(mime, k) {
			return true
		}
	}
	return false
}

// namesOfKinds are the names of the types that belong to the kinds, for a message.
func namesOfKinds(kinds []string) string {
	var names []string
	for _, t := range types {
		_, name, _ := strings.Cut(t.mime, "/")
		if name = strings.ToUpper(name); typeOfKind(t.mime, kinds) && !strings.HasSuffix(strings.Join(names, " "), name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

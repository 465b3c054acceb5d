package said

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"uniapi/codec/rawjson"
)

// IsText says whether a file, as it is, can be read as a text: by what its beginning is.
func IsText(content []byte) bool { return readable(content[:min(len(content), mostLooked)]) }

// media names the members that may hold a file.
func media(name string) bool {
	switch name {
	case "url", "image_url", "file_url", "audio_url", "video_url", "uri", "data", "bytes":
		return true
	}
	return bare(name)
}

// bare names those of them that hold a file in base64 with nothing beside that says so.
func bare(name string) bool {
	switch name {
	case "file_data", "b64_json", "image", "images", "mask", "audio", "video":
		return true
	}
	return false
}

// file is a string that may be one.
type file struct {
	member string
	value  rawjson.Value
}

const (
	leastFile  = 64  // in base64; what is shorter is judged as it is
	mostLooked = 512 // how much of a file is decoded to see what it is
)

var base64Mark = []byte(";base64,")

// isFile says whether a string is a file, in an object that says so much about it, and need not be judged as it stands. Of a file that is a text the
// text is collected.
func (c *collector) isFile(member string, v rawjson.Value, a about) bool {
	if a.kind == "text" {
		return false
	}
	inner := c.body[v.Start+1 : v.End-1]
	if bytes.IndexByte(inner, '\\') >= 0 { // a slash that is escaped
		text, is := rawjson.Text(c.body, v)
		if !is {
			return false
		}
		inner = []byte(text)
	}
	mime := a.mime
	if head := inner[:min(len(inner), mostLooked)]; len(head) > 5 && bytes.EqualFold(head[:5], []byte("data:")) {
		mark := bytes.Index(head, base64Mark)
		if mark < 0 {
			return false
		}
		mime, inner = string(head[5:mark]), inner[mark+len(base64Mark):]
	} else if mime == "" && !bare(member) {
		return false
	}
	isText := strings.HasPrefix(strings.ToLower(mime), "text/")
	return (isText || len(inner) >= leastFile) && c.decode(inner, isText)
}

// decode says whether a string is a file in base64. Of a text it collects what it says.
func (c *collector) decode(encoded []byte, isText bool) bool {
	encoded = bytes.TrimRight(encoded, "=")
	coding := base64.RawStdEncoding
	for _, b := range encoded {
		switch {
		case b == '-' || b == '_':
			coding = base64.RawURLEncoding
		case b|0x20 >= 'a' && b|0x20 <= 'z', b >= '0' && b <= '9', b == '+', b == '/':
		default:
			return false
		}
	}
	var room [mostLooked]byte
	n, err := coding.Decode(room[:], encoded[:min(len(encoded), mostLooked)])
	if err != nil {
		return false
	}
	if !isText && !readable(room[:n]) {
		return true
	}
	from := len(c.said)
	decoded, err := coding.AppendDecode(c.said, encoded)
	if err != nil {
		return false
	}
	text := bytes.ReplaceAll(decoded[from:], []byte{0}, nil) // in UTF-16 they stand between the letters
	c.said = append(append(decoded[:from], bytes.ToValidUTF8(text, []byte("\ufffd"))...), '\n')
	return readable(room[:n])
}

// readable says whether the beginning of a file is text.
func readable(head []byte) bool {
	for len(head) > 0 {
		r, size := utf8.DecodeRune(head)
		if r == utf8.RuneError && size < 2 {
			return len(head) < utf8.UTFMax && !utf8.FullRune(head) // cut
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' {
			return false
		}
		head = head[size:]
	}
	return true
}

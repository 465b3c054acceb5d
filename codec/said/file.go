package said

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"path"
	"strings"

	"uniapi/codec/rawjson"
)

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

// Textual says whether a file is one that is read as a text, by its type and by what it is called, be either empty.
func Textual(mime, name string) bool {
	mime = strings.ToLower(mime)
	if strings.HasPrefix(strings.TrimSpace(mime), "text") {
		return true
	}
	for _, kind := range []string{"json", "xml", "yaml", "csv", "toml", "script", "sql", "latex", "x-tex", "x-sh", "x-python", "x-ruby", "php", "urlencoded", "markdown"} {
		if strings.Contains(mime, kind) && !strings.Contains(mime, "officedocument") {
			return true
		}
	}
	switch strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")) {
	case "txt", "text", "md", "markdown", "csv", "tsv", "json", "jsonl", "ndjson", "xml", "html", "htm", "css", "js", "mjs", "ts", "tsx", "jsx", "py", "rb", "go", "rs",
		"java", "kt", "c", "h", "cc", "cpp", "hpp", "cs", "php", "pl", "lua", "r", "sh", "bash", "bat", "ps1", "sql", "tex", "yaml", "yml", "toml", "ini", "cfg",
		"conf", "log", "srt", "vtt", "eml", "ics", "vcf", "rst", "diff", "patch", "svg":
		return true
	}
	return false
}

// isFile says whether a string is a file, in an object that says so much about it, and need not be judged as it stands.
// Of a file that is a text the text is collected.
func (c *collector) isFile(member string, v rawjson.Value, a about) bool {
	if a.kind == "text" {
		return false
	}
	inner := c.body[v.Start+1 : v.End-1]
	if bytes.IndexByte(inner, '\\') >= 0 { // a slash or a line's end that is escaped
		text, is := rawjson.Text(c.body, v)
		if !is {
			return false
		}
		inner = []byte(text)
	}
	mime := a.mime
	switch head, data, is := cutDataURL(inner); {
	case is && !bytes.Contains(bytes.ToLower(head), []byte("base64")):
		if plain, err := url.PathUnescape(string(data)); err == nil && plain != string(data) {
			c.line(plain)
		}
		return false
	case is:
		mime, inner = string(head), data
	case mime == "" && a.file == "" && !bare(member):
		return false
	}
	return c.decode(inner, Textual(mime, a.file))
}

// cutDataURL takes a data URL apart: what its data is, and the data.
func cutDataURL(text []byte) (head, data []byte, is bool) {
	const scheme = "data:"
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) < len(scheme) || !bytes.EqualFold(text[:len(scheme)], []byte(scheme)) {
		return nil, nil, false
	}
	return bytes.Cut(text[len(scheme):], []byte{','})
}

// decode says whether a string is nothing but a file in base64. Of a text it collects what it says. One that is told to
// be a text is read however its base64 is written: readers pass over what is none.
func (c *collector) decode(encoded []byte, isText bool) (file bool) {
	strict := isBase64(encoded)
	if !strict && !isText {
		return false
	}
	var room [mostLooked]byte
	head := appendDecoded(room[:0], encoded[:min(len(encoded), mostLooked/4*4)])
	if !isText && !IsText(head) {
		return len(encoded) >= leastFile
	}
	from := len(c.said)
	decoded := appendDecoded(nil, encoded)
	if c.said = c.appendReadings(c.said, decoded, isText); len(c.said) > from {
		c.said = append(c.said, '\n')
	}
	return strict && len(encoded) >= leastFile
}

// isBase64 says whether a text is base64 of one alphabet from its beginning to its end, but for spaces and ends of
// lines.
func isBase64(text []byte) bool {
	for _, b := range bytes.TrimRight(text, "= \r\n\t") {
		switch {
		case b|0x20 >= 'a' && b|0x20 <= 'z', b >= '0' && b <= '9', b == '+', b == '/', b == '-', b == '_', b == '\r', b == '\n', b == ' ', b == '\t':
		default:
			return false
		}
	}
	return true
}

// appendDecoded decodes base64 of either alphabet, over whatever stands between, and begins anew behind padding, as
// readers do.
func appendDecoded(dst, encoded []byte) []byte {
	var group [4]byte
	n := 0
	flush := func() {
		if n > 1 {
			dst, _ = base64.RawStdEncoding.AppendDecode(dst, group[:n])
		}
		n = 0
	}
	for _, b := range encoded {
		switch {
		case b|0x20 >= 'a' && b|0x20 <= 'z', b >= '0' && b <= '9', b == '+', b == '/':
		case b == '-':
			b = '+'
		case b == '_':
			b = '/'
		case b == '=':
			flush()
			continue
		default:
			continue
		}
		if group[n] = b; n == 3 {
			n++
			flush()
			continue
		}
		n++
	}
	flush()
	return dst
}

// appendReadings is AppendFile for a file in a body, of which the error is kept.
func (c *collector) appendReadings(dst, content []byte, isText bool) []byte {
	if c.failed != nil {
		return dst
	}
	dst, c.failed = AppendFile(dst, content, isText, c.room)
	return dst
}

// AppendFile is AppendReadings for one that asks for room where readings may take more than the file.
func AppendFile(dst, content []byte, isText bool, room func(extra int) error) ([]byte, error) {
	if room != nil && !readable(content) {
		if err := room(mostReadings * len(content)); err != nil {
			return dst, err
		}
	}
	return AppendReadings(dst, content, isText), nil
}

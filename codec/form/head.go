package form

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"strconv"
	"strings"
)

var (
	errHead        = errors.New("has a header that is no list of NAME: VALUE, each in a line that ends with CRLF")
	errHeadSize    = fmt.Errorf("has a header of more than %d bytes", maxHead)
	errNoName      = errors.New(`has no Content-Disposition: form-data; name="…"`)
	errDisposition = errors.New(`has a Content-Disposition that is not form-data; name="…"; filename="…", with each of them once`)
	errName        = errors.New("has a name with other characters than letters, digits and _-.[]:$@")
	errFilename    = errors.New("has a filename that can be read in two ways: take quotes and backslashes out of it")
	errLength      = errors.New("has a Content-Length that is not its length")
	errEncoding    = errors.New("has a Content-Transfer-Encoding: send it as it is")
	errNested      = errors.New("is a form itself")
	errCharset     = errors.New("is in another charset than UTF-8")
	errType        = errors.New("has a Content-Type that cannot be read")
)

// readPart reads a part from its header on. The offsets are from there.
func readPart(part []byte) (Field, error) {
	head, content, ends := bytes.Cut(part, []byte("\r\n\r\n"))
	f := Field{Start: len(head) + 4}
	switch {
	case !ends:
		return f, errHead
	case len(head) > maxHead:
		return f, errHeadSize
	}
	seen := map[string]bool{}
	contentType := ""
	for line := range strings.SplitSeq(string(head), "\r\n") {
		name, value, err := headLine(line)
		if err != nil {
			return f, err
		}
		if seen[name] {
			return f, fmt.Errorf("has two lines %s", name)
		}
		seen[name] = true
		switch name {
		case "content-disposition":
			err = f.disposition(value)
		case "content-type":
			contentType = value
		case "content-length": // some clients tell it, and some readers may believe it
			if n, bad := strconv.Atoi(value); bad != nil || n != len(content) {
				err = errLength
			}
		case "content-transfer-encoding":
			if e := strings.ToLower(value); e != "7bit" && e != "8bit" && e != "binary" {
				err = errEncoding
			}
		default:
			if strings.HasPrefix(name, "content") { // of which some are taken for those above
				err = fmt.Errorf("has a header %q, which is none of a form's part", name)
			}
		}
		if err != nil {
			return f, err
		}
	}
	if f.Name == "" {
		return f, errNoName
	}
	return f, f.checkType(contentType)
}

// headLine reads a line of a header. The name comes in small letters.
func headLine(line string) (name, value string, err error) {
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
			return "", "", errHead
		}
	}
	name, value, colon := strings.Cut(line, ":")
	if rest := afterToken(name); !colon || name == "" || rest != "" {
		return "", "", errHead
	}
	return strings.ToLower(name), strings.Trim(value, " \t"), nil
}

// disposition reads the name, and whether there is a filename.
func (f *Field) disposition(value string) error {
	kind, _, _ := strings.Cut(value, ";")
	if !strings.EqualFold(strings.TrimRight(kind, " \t"), "form-data") {
		return errDisposition
	}
	seen := map[string]bool{}
	for rest := value[len(kind):]; rest != ""; {
		var p param
		var err error
		if p, rest, err = readParam(rest); err != nil {
			return err
		}
		if seen[p.name] {
			return errDisposition
		}
		seen[p.name] = true
		switch {
		case p.name == "name":
			if f.Name = p.value; f.Name == "" || strings.TrimLeft(f.Name, nameCharacters) != "" || strings.EqualFold(f.Name, "_charset_") {
				return errName
			}
		case p.name == "filename":
			f.File = true
			// Where a reader believes that the quotes end earlier, it must find nothing behind them.
			if p.escaped && strings.ContainsAny(p.value+rest, ";=") || strings.ContainsAny(p.value, "\u0085\u2028\u2029") {
				return errFilename
			}
		case p.name == "filename*" && !p.quoted && extended(p.value):
			f.File = true
		default:
			return errDisposition
		}
	}
	return nil
}

// nameCharacters are those of the fields of OpenAI's and all other providers' forms. What is not in here is taken for
// something else by some: percent codes, encoded words, blanks at the ends.
const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.[]:$@"

// param is a parameter of a header.
type param struct {
	name, value string
	quoted      bool
	escaped     bool // the value has quotes or backslashes behind backslashes
}

// readParam reads "; name=value" from the beginning of a header's value.
func readParam(text string) (p param, rest string, err error) {
	rest, semicolon := strings.CutPrefix(strings.TrimLeft(text, " \t"), ";")
	rest = strings.TrimLeft(rest, " \t")
	behind := afterToken(rest)
	p.name = rest[:len(rest)-len(behind)]
	rest, is := strings.CutPrefix(behind, "=")
	if !semicolon || !is || p.name != strings.ToLower(p.name) {
		return p, "", errDisposition
	}
	if rest, p.quoted = strings.CutPrefix(rest, `"`); !p.quoted {
		behind = afterToken(rest)
		p.value = rest[:len(rest)-len(behind)]
		if p.value == "" {
			return p, "", errDisposition
		}
		return p, behind, nil
	}
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			p.value = rest[:i]
			return p, rest[i+1:], nil
		case '\\': // an escape, or of a path on Windows
			if i+1 < len(rest) && (rest[i+1] == '"' || rest[i+1] == '\\') {
				p.escaped = true
				i++
			}
		}
	}
	return p, "", errDisposition
}

// afterToken is what is left of a text behind the token that it begins with.
func afterToken(text string) string {
	for i := range len(text) {
		c := text[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return text[i:]
		}
	}
	return ""
}

// extended says whether a value is one of RFC 8187: UTF-8”a%20b.
func extended(value string) bool {
	charset, value, _ := strings.Cut(value, "'")
	_, value, two := strings.Cut(value, "'")
	if !two || !strings.EqualFold(charset, "utf-8") {
		return false
	}
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			continue
		}
		if i+3 > len(value) {
			return false
		}
		if _, err := strconv.ParseUint(value[i+1:i+3], 16, 8); err != nil {
			return false
		}
		i += 2
	}
	return true
}

// checkType refuses types that give the content another meaning.
func (f *Field) checkType(contentType string) error {
	switch kind := strings.ToLower(contentType); {
	case strings.HasPrefix(kind, "multipart/"):
		return errNested
	case f.File || contentType == "":
		return nil
	case strings.Contains(kind, "*"):
		return errType
	}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return errType
	}
	if charset, has := params["charset"]; has && !isASCII(charset) {
		return errCharset
	}
	return nil
}

// isASCII says whether a charset has ASCII's characters where ASCII has them.
func isASCII(charset string) bool {
	switch strings.ToLower(charset) {
	case "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1":
		return true
	}
	return false
}

var errBoundaryOf = errors.New("its Content-Type must be multipart/form-data; boundary=…, with one boundary of up to 70 letters, digits and '()+_,-./:=?")

// boundaryOf is the boundary that a Content-Type names.
func boundaryOf(contentType string) (boundary string, err error) {
	kind, _, _ := strings.Cut(contentType, ";")
	if !strings.EqualFold(strings.TrimRight(kind, " \t"), "multipart/form-data") {
		return "", errBoundaryOf
	}
	charset := ""
	for rest := contentType[len(kind):]; rest != ""; {
		var p param
		if p, rest, err = readParam(rest); err != nil {
			return "", errBoundaryOf
		}
		switch {
		case p.name == "boundary" && boundary == "":
			boundary = p.value
		case p.name == "charset" && charset == "" && p.value != "":
			charset = p.value
		default:
			return "", errBoundaryOf
		}
	}
	if boundary == "" || len(boundary) > 70 || strings.TrimLeft(boundary, boundaryCharacters) != "" {
		return "", errBoundaryOf
	}
	if charset != "" && !isASCII(charset) {
		return "", errCharset
	}
	return boundary, nil
}

const boundaryCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'()+_,-./:=?"

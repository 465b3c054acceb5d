// Package form reads multipart/form-data where it stands, so that one field can be replaced and every other byte passes on.
package form

import (
	"bytes"
	"errors"
	"mime"
)

// maxParts bounds a form. OpenAI's endpoints know about a dozen fields, and up to 16 images.
const maxParts = 1000

// Field is a part of a form, by offsets into the body.
type Field struct {
	Name string
	// File is whether it has a filename.
	File bool
	// Start and End bound its content, Part what stands from its boundary line on up to the next one.
	Start, End int
	Part       int
}

// Form is a form that was read.
type Form struct {
	Fields []Field
	// Last is the offset of the closing boundary.
	Last     int
	boundary string
}

var (
	errNoBoundary = errors.New("the Content-Type has no boundary")
	errNotAForm   = errors.New("the body does not begin with the boundary that the Content-Type names")
	errUnfinished = errors.New("the form ends in the middle: its closing boundary is missing")
	errTooMany    = errors.New("the form has too many fields")
	errHeader     = errors.New("a field's header cannot be read")
)

// Read finds the fields of a body. The errors say what is wrong with it.
func Read(contentType string, body []byte) (Form, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	f := Form{boundary: params["boundary"]}
	if err != nil || kind != "multipart/form-data" || f.boundary == "" {
		return f, errNoBoundary
	}
	line := []byte("\r\n--" + f.boundary)
	if !bytes.HasPrefix(body, line[2:]) {
		return f, errNotAForm
	}
	at := len(line) - 2 // behind a boundary
	part := 0
	for {
		rest := body[at:]
		if bytes.HasPrefix(rest, []byte("--")) {
			f.Last = part
			return f, nil
		}
		rest = bytes.TrimLeft(rest, " \t")
		if !bytes.HasPrefix(rest, []byte("\r\n")) {
			return f, errNotAForm
		}
		if len(f.Fields) == maxParts {
			return f, errTooMany
		}
		at = len(body) - len(rest) // at the line break before the header
		head := bytes.Index(rest, []byte("\r\n\r\n"))
		if head < 0 {
			return f, errUnfinished
		}
		field := Field{Part: part, Start: at + head + len("\r\n\r\n")}
		end := bytes.Index(body[field.Start:], line)
		if end < 0 {
			return f, errUnfinished
		}
		field.End = field.Start + end
		if field.Name, field.File, err = name(rest[:head]); err != nil {
			return f, err
		}
		f.Fields = append(f.Fields, field)
		part = field.End
		at = part + len(line)
	}
}

// name reads the name out of a part's header.
func name(head []byte) (name string, file bool, err error) {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(bytes.TrimSpace(key), []byte("Content-Disposition")) {
			continue
		}
		_, params, err := mime.ParseMediaType(string(value))
		if err != nil {
			return "", false, errHeader
		}
		_, file = params["filename"]
		return params["name"], file, nil
	}
	return "", false, errHeader
}

// Text is the content of the last field with a name, as readers of forms take it.
func (f *Form) Text(body []byte, name string) (text string, has bool) {
	for _, field := range f.Fields {
		if field.Name == name && !field.File {
			text, has = string(body[field.Start:field.End]), true
		}
	}
	return text, has
}

// Set appends to dst the parts of the body with every field of that name replaced, or one added if there is none. The value must not
// hold the boundary.
func (f *Form) Set(dst [][]byte, body []byte, name, value string) [][]byte {
	at, found := 0, false
	for _, field := range f.Fields {
		if field.Name != name || field.File {
			continue
		}
		dst = append(dst, body[at:field.Start], []byte(value))
		at, found = field.End, true
	}
	if !found {
		added := "\r\n--" + f.boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value
		if f.Last == 0 { // a form without fields begins with the closing boundary
			return append(dst, []byte(added[2:]+"\r\n"), body)
		}
		dst = append(dst, body[at:f.Last], []byte(added))
		at = f.Last
	}
	return append(dst, body[at:])
}

// Package form reads multipart/form-data where it stands, so that one field can be replaced and every other byte passes
// on.
//
// Readers of forms differ in what they make of odd ones: a file without a name, a name that is given twice or in
// pieces, a bare line feed, text around the parts. Whoever is asked for leave reads the form with this package, and
// whoever serves it with another one, so what could be read in two ways is refused. What is taken is what browsers,
// curl and the SDKs write, and is read alike by all.
package form

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// maxParts bounds a form. OpenAI's endpoints know about a dozen fields, and up to 16 images.
	maxParts = 1000
	// maxHead bounds the header of a part, in bytes; other readers have bounds of 4 KB to 8 KB for a line.
	maxHead = 4 << 10
)

// Field is a part of a form, by offsets into the body.
type Field struct {
	Name string
	// File is whether it has a filename, be it empty.
	File bool
	// Start and End bound its content, Part what stands from its boundary line on up to the next one.
	Start, End int
	Part       int
	head       int // where its header begins
}

// Form is a form that was read.
type Form struct {
	Fields []Field
	// Last is the offset of the closing boundary.
	Last     int
	boundary string
}

var (
	errNotAForm   = errors.New("the body does not begin with the boundary that the Content-Type names")
	errUnfinished = errors.New("it ends in the middle: the closing boundary is missing")
	errBoundary   = errors.New("its boundary stands where no part ends; choose one that nothing in the form contains, and put nothing before or behind it")
	errBareLF     = errors.New("a boundary in it stands beside a line that ends with LF alone: end each line of the form with CRLF")
	errBehind     = errors.New("there is text behind the closing boundary")
	errTooMany    = fmt.Errorf("it has more than %d fields: send fewer in a request", maxParts)
)

// Read finds the fields of a body. Those that unique names choose what is asked for: each may be there once, as a text
// and spelled like that. The errors say what is wrong with the form.
func Read(contentType string, body []byte, unique ...string) (Form, error) {
	var f Form
	var err error
	if f.boundary, err = boundaryOf(contentType); err != nil {
		return f, err
	}
	line := []byte("--" + f.boundary)
	if !bytes.HasPrefix(body, line) {
		return f, errNotAForm
	}
	part, at := 0, len(line) // behind a boundary
	for {
		rest := body[at:]
		if bytes.HasPrefix(rest, []byte("--")) {
			switch behind := string(rest[2:]); behind {
			case "", "\r\n":
			case "\n":
				return f, errBareLF
			default:
				return f, errBehind
			}
			f.Last = part
			return f, f.check(unique)
		}
		if bytes.HasPrefix(rest, []byte("\n")) {
			return f, errBareLF
		}
		if !bytes.HasPrefix(rest, []byte("\r\n")) {
			return f, errBoundary
		}
		if len(f.Fields) == maxParts {
			return f, errTooMany
		}
		// Wherever the boundary stands, some reader takes it for one.
		next := bytes.Index(rest, line)
		if next < 0 {
			return f, errUnfinished
		}
		whole, ends := bytes.CutSuffix(rest[2:next], []byte("\r\n"))
		if !ends && bytes.HasSuffix(whole, []byte("\n")) {
			return f, errBareLF
		}
		if !ends {
			return f, errBoundary
		}
		field, err := readPart(whole)
		if err != nil {
			return f, fmt.Errorf("part %d of it %w", len(f.Fields)+1, err)
		}
		field.Part, field.head = part, at+2
		field.Start += at + 2
		part = at + 2 + len(whole)
		field.End = part
		f.Fields = append(f.Fields, field)
		at += next + len(line)
	}
}

// check holds what must be said once against all fields.
func (f *Form) check(unique []string) error {
	for _, name := range unique {
		found := false
		for i := range f.Fields {
			field := &f.Fields[i]
			switch {
			case !reads(field.Name, name):
			case field.Name != name:
				return fmt.Errorf("its field %q is read as %s by some: call it %s", field.Name, name, name)
			case field.File:
				return fmt.Errorf("its field %s has a filename: send it as a text", name)
			case found:
				return fmt.Errorf("its field %s stands in it twice", name)
			default:
				found = true
			}
		}
	}
	return nil
}

// reads says whether some reader takes a field for the one that is called name, or for a part of it: in any case, and
// with brackets and dots, which some frameworks make lists and mappings of.
func reads(field, name string) bool {
	field = strings.TrimLeft(field, "[.")
	if i := strings.IndexAny(field, "[]."); i >= 0 {
		field = field[:i]
	}
	return strings.EqualFold(field, name)
}

// Any finds a field that some reader takes for one of the names, or for a part of it: "models[0]" is one of models.
func (f *Form) Any(names []string) (field string, found bool) {
	for i := range f.Fields {
		for _, name := range names {
			if reads(f.Fields[i].Name, name) {
				return f.Fields[i].Name, true
			}
		}
	}
	return "", false
}

// Text is the content of the first field with a name that is no file.
func (f *Form) Text(body []byte, name string) (text string, has bool) {
	i := slices.IndexFunc(f.Fields, func(field Field) bool { return field.Name == name && !field.File })
	if i < 0 {
		return "", false
	}
	return string(body[f.Fields[i].Start:f.Fields[i].End]), true
}

// Set appends to dst the parts of the body with every field of that name replaced, header and all, which may tell the
// length of its content or its charset, or one added if there is none. It fails where the value holds the boundary,
// which the client has chosen.
func (f *Form) Set(dst [][]byte, body []byte, name, value string) ([][]byte, error) {
	if strings.Contains(value, "--"+f.boundary) {
		return dst, errBoundary
	}
	part := "Content-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value
	at, found := 0, false
	for _, field := range f.Fields {
		if field.Name != name || field.File {
			continue
		}
		dst = append(dst, body[at:field.head], []byte(part))
		at, found = field.End, true
	}
	if !found {
		line := "--" + f.boundary + "\r\n"
		if f.Last == 0 { // a form without fields begins with the closing boundary
			return append(dst, []byte(line+part+"\r\n"), body), nil
		}
		dst = append(dst, body[at:f.Last], []byte("\r\n"+line+part))
		at = f.Last
	}
	return append(dst, body[at:]), nil
}

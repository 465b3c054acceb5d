package scripted

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// strict decodes JSON into v and takes no member that v has no place for.
func strict(data []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Errorf("%s: a %s is not valid here", wrong.Field, wrong.Value)
		}
		return fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("there is something behind the JSON object")
	}
	return nil
}

// textOr is a member that is a text or a list of parts.
type textOr[T any] struct {
	text  string
	plain bool // it was a text
	parts []T
}

func (c *textOr[T]) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		c.plain = true
		return json.Unmarshal(data, &c.text)
	}
	return strict(data, &c.parts)
}

// isObject tells whether data is a JSON object.
func isObject(data json.RawMessage) bool {
	var v map[string]json.RawMessage
	return json.Unmarshal(data, &v) == nil && v != nil
}

// dataURL takes a data: URL with base64 apart.
func dataURL(url string) (picture, error) {
	head, data, ok := strings.Cut(url, ",")
	mime, isBase64 := strings.CutSuffix(strings.TrimPrefix(head, "data:"), ";base64")
	if !ok || !isBase64 || !strings.HasPrefix(head, "data:") {
		return picture{}, errors.New("the image must be a data: URL in base64: the mock fetches nothing")
	}
	return newPicture(mime, data)
}

// magic is how the files of a type begin.
var magic = map[string]string{"image/png": "\x89PNG\r\n\x1a\n", "image/jpeg": "\xff\xd8\xff", "image/gif": "GIF8", "image/webp": "RIFF"}

// newPicture decodes an image and holds it to its type.
func newPicture(mime, data string) (picture, error) {
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return picture{}, fmt.Errorf("the image is not base64: %w", err)
	}
	begin, known := magic[mime]
	if !known {
		return picture{}, fmt.Errorf("unsupported image type %q", mime)
	}
	if !bytes.HasPrefix(raw, []byte(begin)) {
		return picture{}, fmt.Errorf("the image does not look like %s", mime)
	}
	return picture{mime, raw}, nil
}

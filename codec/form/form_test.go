package form

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
)

// built is a form as Go's own library writes it.
func built(t testing.TB, fields ...string) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		var part io.Writer
		var err error
		if name, file, is := strings.Cut(fields[i], "@"); is {
			part, err = w.CreateFormFile(name, file)
		} else {
			part, err = w.CreateFormField(fields[i])
		}
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(part, fields[i+1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

// fieldsOf reads a form with Go's own library.
func fieldsOf(contentType string, body []byte) (out []string, err error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		out = append(out, part.FormName(), string(content))
	}
}

func TestOneFieldIsReplacedAndTheRestStays(t *testing.T) {
	audio := strings.Repeat("\x00\xff\r\n--not the boundary\r\n", 500)
	for _, test := range []struct {
		name   string
		fields []string
		want   []string
	}{
		{"the model", []string{"model", "w", "file@a.mp3", audio}, []string{"model", "whisper-1", "file", audio}},
		{"behind the file", []string{"file@a.mp3", audio, "model", "w"}, []string{"file", audio, "model", "whisper-1"}},
		{"in every place", []string{"model", "a", "x[]", "1", "model", "b"}, []string{"model", "whisper-1", "x[]", "1", "model", "whisper-1"}},
		{"an empty one", []string{"model", "", "x", ""}, []string{"model", "whisper-1", "x", ""}},
		{"one that is missing is added", []string{"file@a.mp3", "x"}, []string{"file", "x", "model", "whisper-1"}},
		{"a file of that name is no model", []string{"model@a", "x"}, []string{"model", "x", "model", "whisper-1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			contentType, body := built(t, test.fields...)
			f, err := Read(contentType, body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := fieldsOf(contentType, bytes.Join(f.Set(nil, body, "model", "whisper-1"), nil))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, "|") != strings.Join(test.want, "|") {
				t.Errorf("%.200q, want %.200q", got, test.want)
			}
		})
	}
}

func TestABrokenFormIsRefused(t *testing.T) {
	contentType, body := built(t, "model", "w", "file@a.mp3", "sound")
	for _, test := range []struct {
		name, contentType string
		body              []byte
		want              error
	}{
		{"no boundary", "multipart/form-data", body, errNoBoundary},
		{"another type", "application/json; boundary=x", body, errNoBoundary},
		{"another boundary", "multipart/form-data; boundary=x", body, errNotAForm},
		{"cut in a field", contentType, body[:len(body)-80], errUnfinished},
		{"empty", contentType, nil, errNotAForm},
	} {
		if _, err := Read(test.contentType, test.body); err != test.want {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestTheLastFieldOfANameCounts(t *testing.T) {
	contentType, body := built(t, "model", "a", "model", "b")
	f, err := Read(contentType, body)
	if err != nil {
		t.Fatal(err)
	}
	if text, has := f.Text(body, "model"); text != "b" || !has {
		t.Errorf("%q, %v", text, has)
	}
	if _, has := f.Text(body, "prompt"); has {
		t.Error("a field that is not there was found")
	}
}

func FuzzRead(f *testing.F) {
	contentType, body := built(f, "model", "w", "file@a.mp3", "sound", "x[]", "")
	f.Add(contentType, body)
	f.Add("multipart/form-data; boundary=b", []byte("--b--"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=model\r\n\r\n\r\n--b--"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		form, err := Read(contentType, body)
		if err != nil {
			return
		}
		changed := bytes.Join(form.Set(nil, body, "model", "m"), nil)
		again, err := Read(contentType, changed)
		if err != nil {
			t.Fatalf("after the change: %v\n%q", err, changed)
		}
		if text, _ := again.Text(changed, "model"); text != "m" {
			t.Fatalf("model is %q in %q", text, changed)
		}
	})
}

package form

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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

// changed is a form with its model replaced.
func changed(t testing.TB, f Form, body []byte, model string) []byte {
	t.Helper()
	parts, err := f.Set(nil, body, "model", model)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Join(parts, nil)
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
		{"an empty one", []string{"model", "", "x", ""}, []string{"model", "whisper-1", "x", ""}},
		{"one that is missing is added", []string{"file@a.mp3", "x"}, []string{"file", "x", "model", "whisper-1"}},
		{"to nothing", nil, []string{"model", "whisper-1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			contentType, body := built(t, test.fields...)
			if test.fields == nil {
				_, params, _ := mime.ParseMediaType(contentType)
				body = []byte("--" + params["boundary"] + "--\r\n")
			}
			f, err := Read(contentType, body, "model")
			if err != nil {
				t.Fatal(err)
			}
			got, err := fieldsOf(contentType, changed(t, f, body, "whisper-1"))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, "|") != strings.Join(test.want, "|") {
				t.Errorf("%.200q, want %.200q", got, test.want)
			}
		})
	}
}

// The client chooses the boundary: it must not make two parts of a model's name.
func TestValueThatHoldsTheBoundaryIsNotSet(t *testing.T) {
	const contentType = "multipart/form-data; boundary=4o"
	body := []byte("--4o\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--4o--")
	f, err := Read(contentType, body, "model")
	if err != nil {
		t.Fatal(err)
	}
	if parts, err := f.Set(nil, body, "model", "gpt--4o"); err == nil {
		t.Errorf("%q", parts)
	}
	changed(t, f, body, "gpt-4o")
}

// What people's programs send is taken, byte by byte as they sent it, and only the
// model is changed in it.
func TestFormsOfRealClientsAreRead(t *testing.T) {
	forms := map[string]string{}
	paths, err := filepath.Glob("testdata/clients/*.http")
	if err != nil || len(paths) < 15 {
		t.Fatalf("%v: %v", paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		forms[filepath.Base(path)] = string(text)
	}
	for name, lines := range writtenByHand {
		forms[name] = strings.Join(lines, "\r\n")
	}
	for name, text := range forms {
		t.Run(name, func(t *testing.T) {
			head, content, _ := strings.Cut(text, "\r\n\r\n")
			contentType := strings.TrimPrefix(head, "Content-Type: ")
			body := []byte(content)
			f, err := Read(contentType, body, "model")
			if err != nil {
				t.Fatal(err)
			}
			model, has := f.Text(body, "model")
			if !has || !slices.Contains([]string{"whisper-1", "gpt-image-1"}, model) {
				t.Errorf("the model is %q", model)
			}
			before, err := fieldsOf(contentType, body)
			if err != nil {
				t.Fatal(err)
			}
			after, err := fieldsOf(contentType, changed(t, f, body, "another"))
			if err != nil {
				t.Fatal(err)
			}
			before[slices.Index(before, "model")+1] = "another"
			if !slices.Equal(before, after) {
				t.Errorf("%q became %q", before, after)
			}
		})
	}
}

// writtenByHand are forms of clients that are not at hand, as their source or their
// documentation has them.
var writtenByHand = map[string][]string{
	"Chrome": {"Content-Type: multipart/form-data; boundary=----WebKitFormBoundaryqwertyuiopASDFGH", "",
		"------WebKitFormBoundaryqwertyuiopASDFGH", `Content-Disposition: form-data; name="model"`, "", "whisper-1",
		"------WebKitFormBoundaryqwertyuiopASDFGH", `Content-Disposition: form-data; name="file"; filename="Ünï %22x%22.mp3"`, "Content-Type: audio/mpeg", "", "ID3\x00",
		"------WebKitFormBoundaryqwertyuiopASDFGH", `Content-Disposition: form-data; name="mask"; filename=""`, "Content-Type: application/octet-stream", "", "",
		"------WebKitFormBoundaryqwertyuiopASDFGH--", ""},
	"Firefox": {"Content-Type: multipart/form-data; boundary=---------------------------735323031399963166993862150", "",
		"-----------------------------735323031399963166993862150", `Content-Disposition: form-data; name="file"; filename="C:\music\a.mp3"`, "Content-Type: audio/mpeg", "", "ID3",
		"-----------------------------735323031399963166993862150", `Content-Disposition: form-data; name="model"`, "", "whisper-1",
		"-----------------------------735323031399963166993862150--", ""},
	".NET's HttpClient": {`Content-Type: multipart/form-data; boundary="c0ffee00-1234-4abc-9def-0123456789ab"`, "",
		"--c0ffee00-1234-4abc-9def-0123456789ab", "Content-Type: text/plain; charset=utf-8", "Content-Disposition: form-data; name=model", "", "whisper-1",
		"--c0ffee00-1234-4abc-9def-0123456789ab", "Content-Disposition: form-data; name=file; filename=a.mp3; filename*=utf-8''a%20b.mp3", "", "ID3",
		"--c0ffee00-1234-4abc-9def-0123456789ab--", ""},
	"OkHttp": {"Content-Type: multipart/form-data; boundary=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "",
		"--0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", `Content-Disposition: form-data; name="model"`, "Content-Length: 9", "", "whisper-1",
		"--0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", `Content-Disposition: form-data; name="file"; filename="a.mp3"`, "Content-Type: audio/mpeg", "Content-Length: 3", "", "ID3",
		"--0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0--", ""},
	"Apache's HttpClient": {"Content-Type: multipart/form-data; charset=ISO-8859-1; boundary=xYzzY_0123456789-abcdef", "",
		"--xYzzY_0123456789-abcdef", `Content-Disposition: form-data; name="model"`, "Content-Type: text/plain; charset=ISO-8859-1", "Content-Transfer-Encoding: 8bit", "", "whisper-1",
		"--xYzzY_0123456789-abcdef", `Content-Disposition: form-data; name="file"; filename="a.mp3"`, "Content-Type: application/octet-stream", "Content-Transfer-Encoding: binary", "", "ID3",
		"--xYzzY_0123456789-abcdef--", ""},
	"Unity": {`Content-Type: multipart/form-data; boundary="abcdefghijABCDEFGHIJ0123456789abcdefghij"`, "",
		"--abcdefghijABCDEFGHIJ0123456789abcdefghij", `Content-Type: text/plain; charset="utf-8"`, `Content-disposition: form-data; name="model"`, "", "whisper-1",
		"--abcdefghijABCDEFGHIJ0123456789abcdefghij--", ""},
	"Python's email": {`Content-Type: multipart/form-data; boundary="===============0123456789012345678=="`, "",
		"--===============0123456789012345678==", "Content-Type: text/plain; charset=us-ascii", "MIME-Version: 1.0", "Content-Transfer-Encoding: 7bit", `Content-Disposition: form-data; name="model"`, "", "whisper-1",
		"--===============0123456789012345678==--", ""},
	"Go's writer, with quotes in the file's name": {"Content-Type: multipart/form-data; boundary=0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab", "",
		"--0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab", `Content-Disposition: form-data; name="file"; filename="12\" mix\\a.mp3"`, "Content-Type: application/octet-stream", "", "ID3",
		"--0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab", `Content-Disposition: form-data; name="model"`, "", "whisper-1",
		"--0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab--", ""},
	"a script without a last line break": {"Content-Type: Multipart/Form-Data; boundary=b", "",
		"--b", `content-disposition: form-data;name="model"`, "", "whisper-1", "--b--"},
}

// A form that some reader could understand in another way is refused, and the error
// says what is odd.
func TestFormThatCanBeReadInTwoWaysIsRefused(t *testing.T) {
	const model = `Content-Disposition: form-data; name="model"`
	part := func(lines ...string) string { return "--b\r\n" + strings.Join(lines, "\r\n") + "\r\n" }
	good := part(model, "", "m")
	file := func(filename string) string {
		return part(`Content-Disposition: form-data; name="file"; filename=`+filename, "", "x")
	}
	const end = "--b--\r\n"
	for _, test := range []struct {
		name, contentType, body string
		want                    string // in the error
	}{
		{"a filename that is empty", "", part(model+`; filename=""`, "", "f") + good + end, "filename"},
		{"a filename", "", good + part(model+`; filename="x"`, "", "f") + end, "filename"},
		{"a filename of RFC 8187", "", good + part(model+`; filename*=UTF-8''x`, "", "f") + end, "filename"},
		{"two dispositions", "", good + part(`Content-Disposition: form-data; name="x"`, model, "", "f") + end, "two lines content-disposition"},
		{"two dispositions in other cases", "", good + part(`content-disposition: form-data; name="x"`, strings.ToUpper(model), "", "f") + end, "two lines content-disposition"},
		{"a disposition of another spelling", "", good + part(`Content-Disposition: form-data; name="x"`, `Content_Disposition: form-data; name="model"`, "", "f") + end, "content_disposition"},
		{"a name in pieces", "", good + part(`Content-Disposition: form-data; name*0="x"; name="model"`, "", "f") + end, "Content-Disposition"},
		{"a name in pieces only", "", good + part(`Content-Disposition: form-data; name*0="mo"; name*1="del"`, "", "f") + end, "Content-Disposition"},
		{"a name of RFC 8187", "", good + part(`Content-Disposition: form-data; name*=UTF-8''x; name="model"`, "", "f") + end, "Content-Disposition"},
		{"two names", "", good + part(`Content-Disposition: form-data; name="x"; name="model"`, "", "f") + end, "Content-Disposition"},
		{"two names that are one", "", part(model+`; name="model"`, "", "m") + end, "Content-Disposition"},
		{"two names in other cases", "", good + part(`Content-Disposition: form-data; name="x"; Name="model"`, "", "f") + end, "Content-Disposition"},
		{"two filenames", "", good + part(`Content-Disposition: form-data; name="x"; filename="a"; filename="b"`, "", "f") + end, "Content-Disposition"},
		{"another parameter", "", good + part(`Content-Disposition: form-data; name="x"; size=3`, "", "f") + end, "Content-Disposition"},
		{"a parameter without a value", "", good + part(`Content-Disposition: form-data; name="x"; model`, "", "f") + end, "Content-Disposition"},
		{"a parameter without quotes at its end", "", good + part(`Content-Disposition: form-data; name="x`, "", "f") + end, "Content-Disposition"},
		{"text behind the quotes", "", good + part(`Content-Disposition: form-data; name="x"model`, "", "f") + end, "Content-Disposition"},
		{"blanks around the equals sign", "", good + part(`Content-Disposition: form-data; name = "model"`, "", "f") + end, "Content-Disposition"},
		{"commas", "", good + part(`Content-Disposition: form-data, name="model"`, "", "f") + end, "Content-Disposition"},
		{"an empty parameter", "", good + part(`Content-Disposition: form-data;; name="x"`, "", "f") + end, "Content-Disposition"},
		{"an attachment", "", good + part(`Content-Disposition: attachment; name="model"`, "", "f") + end, "Content-Disposition"},
		{"no name", "", good + part(`Content-Disposition: form-data`, "", "f") + end, "Content-Disposition"},
		{"an empty name", "", good + part(`Content-Disposition: form-data; name=""`, "", "f") + end, "name"},
		{"an escape in the name", "", good + part(`Content-Disposition: form-data; name="mo\del"`, "", "f") + end, "name"},
		{"a quote in the name", "", good + part(`Content-Disposition: form-data; name="x\"; name=\"model"`, "", "f") + end, "name"},
		{"a percent code in the name", "", good + part(`Content-Disposition: form-data; name="mod%65l"`, "", "f") + end, "name"},
		{"an encoded word for a name", "", good + part(`Content-Disposition: form-data; name="=?utf-8?q?model?="`, "", "f") + end, "name"},
		{"a blank in the name", "", good + part(`Content-Disposition: form-data; name=" model"`, "", "f") + end, "name"},
		{"wide letters", "", good + part(`Content-Disposition: form-data; name="ｍodel"`, "", "f") + end, "name"},
		{"a NUL in the name", "", good + part("Content-Disposition: form-data; name=\"model\x00\"", "", "f") + end, "header"},
		{"a charset for all fields", "", good + part(`Content-Disposition: form-data; name="_charset_"`, "", "utf-16") + end, "name"},
		{"a quote in a filename, and more", "", good + file(`"a\"; name=\"model"`) + end, "filename"},
		{"a backslash at a filename's end", "", good + file(`"a\\"; name="model"`) + end, "filename"},
		{"a line separator in a filename", "", good + file("\"a\u2028b\"") + end, "filename"},
		{"two models", "", good + good + end, "twice"},
		{"a model in another case", "", good + part(`Content-Disposition: form-data; name="Model"`, "", "f") + end, "call it model"},
		{"only in another case", "", part(`Content-Disposition: form-data; name="MODEL"`, "", "f") + end, "call it model"},
		{"a list of models", "", good + part(`Content-Disposition: form-data; name="model[]"`, "", "f") + end, "call it model"},
		{"a mapping of models", "", good + part(`Content-Disposition: form-data; name="model[0]"`, "", "f") + end, "call it model"},
		{"a part of a model", "", good + part(`Content-Disposition: form-data; name="model.0"`, "", "f") + end, "call it model"},
		{"in brackets", "", good + part(`Content-Disposition: form-data; name="[model]"`, "", "f") + end, "call it model"},

		{"a bare LF before a boundary", "", file(`"a"`)[:len(file(`"a"`))-2] + "\n" + good + end, "LF alone"},
		{"a form of bare LF in a file", "", part(`Content-Disposition: form-data; name="file"; filename="a"`, "", "x\n--b\n"+model+"\n\nf\n--b\n") + good + end, "LF alone"},
		{"bare LFs everywhere", "", strings.ReplaceAll(good+end, "\r\n", "\n"), "LF alone"},
		{"a bare CR before a boundary", "", part(`Content-Disposition: form-data; name="x"`, "", "x\r--b\r"+model) + good + end, "boundary"},
		{"a boundary within a line", "", part(`Content-Disposition: form-data; name="x"`, "", "x --b\r\n"+model+"\r\n\r\nf") + good + end, "boundary"},
		{"a boundary in a header", "", part(`Content-Disposition: form-data; name="x"; filename="--b"`, "", "x") + good + end, "boundary"},
		{"a longer boundary", "", part(`Content-Disposition: form-data; name="x"`, "", "x\r\n--bb\r\n"+model+"\r\n\r\nf") + good + end, "boundary"},
		{"blanks behind a boundary", "", good + "--b \r\n" + model + "\r\n\r\nf\r\n" + end, "boundary"},
		{"a bare LF behind a boundary", "", good + "--b\n" + model + "\r\n\r\nf\r\n" + end, "LF alone"},
		{"a bare LF in a header", "", good + "--b\r\nX: y\n" + model + "\r\n\r\nf\r\n" + end, "header"},
		{"a bare CR in a header", "", good + "--b\r\nX: y\r" + model + "\r\n\r\nf\r\n" + end, "header"},
		{"bare LFs behind a header", "", good + "--b\r\n" + model + "\n\nf\r\n" + end, "header"},
		{"a folded line", "", good + part(model, ` ; filename="x"`, "", "f") + end, "header"},
		{"a blank before the colon", "", good + part(`Content-Disposition : form-data; name="model"`, "", "f") + end, "header"},
		{"a line without a colon", "", good + part("model", model, "", "f") + end, "header"},
		{"no header", "", good + "--b\r\n\r\nf\r\n" + end, "header"},
		{"a header without an end", "", good + part(model) + end, "header"},
		{"a header without a disposition", "", good + part("Content-Type: text/plain", "", "f") + end, "Content-Disposition"},
		{"a long header", "", good + part(model, "X: "+strings.Repeat("x", 5000), "", "f") + end, "bytes"},
		{"text before the first boundary", "", "preamble\r\n" + good + end, "begin"},
		{"a line break before the first boundary", "", "\r\n" + good + end, "begin"},
		{"text behind the last boundary", "", good + end + "--b\r\n" + model + "\r\n\r\nf\r\n" + end, "behind"},
		{"a bare CR behind the last boundary", "", good + "--b--\r", "behind"},
		{"a bare LF behind the last boundary", "", good + "--b--\n", "LF alone"},
		{"no last boundary", "", good, "closing boundary"},
		{"half of the last boundary", "", good + "--b-", "boundary"},
		{"an encoding", "", part(model, "Content-Transfer-Encoding: base64", "", "bQ==") + end, "Content-Transfer-Encoding"},
		{"an encoding of a file", "", good + part(`Content-Disposition: form-data; name="file"; filename="a"`, "Content-Transfer-Encoding: quoted-printable", "", "x") + end, "Content-Transfer-Encoding"},
		{"a charset", "", part(model, "Content-Type: text/plain; charset=utf-7", "", "+AGY-") + end, "charset"},
		{"a charset in pieces", "", part(model, "Content-Type: text/plain; charset*0=utf-7", "", "+AGY-") + end, "Content-Type"},
		{"a type that is none", "", part(model, `Content-Type: text/plain; charset="`, "", "m") + end, "Content-Type"},
		{"a form in the form", "", good + part(`Content-Disposition: form-data; name="files"`, "Content-Type: multipart/mixed; boundary=c", "", "--c--") + end, "form itself"},
		{"a length that is not its own", "", part(model, "Content-Length: 0", "", "m") + end, "Content-Length"},

		{"two boundaries", "multipart/form-data; boundary=b; boundary=c", good + end, "boundary"},
		{"two boundaries that are one", "multipart/form-data; boundary=b; boundary=b", good + end, "boundary"},
		{"a boundary in pieces", "multipart/form-data; boundary=b; boundary*0=c", good + end, "boundary"},
		{"a boundary in capitals", "multipart/form-data; Boundary=b", good + end, "boundary"},
		{"a boundary with an escape", `multipart/form-data; boundary="\b"`, good + end, "boundary"},
		{"a boundary with a blank", `multipart/form-data; boundary="b c"`, strings.ReplaceAll(good+end, "--b", "--b c"), "boundary"},
		{"a boundary of 71 letters", "multipart/form-data; boundary=" + strings.Repeat("b", 71), strings.ReplaceAll(good+end, "--b", "--"+strings.Repeat("b", 71)), "boundary"},
		{"a boundary without quotes that needs some", "multipart/form-data; boundary=b=c", strings.ReplaceAll(good+end, "--b", "--b=c"), "boundary"},
		{"a semicolon at the end", "multipart/form-data; boundary=b;", good + end, "boundary"},
		{"a comma", "multipart/form-data; boundary=b, multipart/form-data; boundary=c", good + end, "boundary"},
		{"no boundary", "multipart/form-data", good + end, "boundary"},
		{"an empty boundary", `multipart/form-data; boundary=""`, good + end, "boundary"},
		{"another charset", "multipart/form-data; charset=utf-16; boundary=b", good + end, "charset"},
		{"another parameter of the type", "multipart/form-data; boundary=b; x=y", good + end, "boundary"},
		{"another type", "multipart/mixed; boundary=b", good + end, "boundary"},
		{"no form", "application/x-www-form-urlencoded", "model=m&model=f", "boundary"},
		{"another boundary", "multipart/form-data; boundary=c", good + end, "begin"},
		{"too many fields", "", strings.Repeat(part(`Content-Disposition: form-data; name="x"`, "", ""), maxParts+1) + end, "1000"},
		{"nothing", "", "", "begin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			contentType := test.contentType
			if contentType == "" {
				contentType = "multipart/form-data; boundary=b"
			}
			f, err := Read(contentType, []byte(test.body), "model")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want something about %q; %+v", err, test.want, f)
			}
		})
	}
	if _, err := Read("multipart/form-data; boundary=b", []byte(good+end), "model"); err != nil {
		t.Errorf("what all of them are made of: %v", err)
	}
}

func TestOnlyTheFieldsThatAreNamedStandOnce(t *testing.T) {
	contentType, body := built(t, "timestamp_granularities[]", "word", "model", "m", "timestamp_granularities[]", "segment")
	f, err := Read(contentType, body, "model")
	if err != nil {
		t.Fatal(err)
	}
	if text, has := f.Text(body, "model"); text != "m" || !has || len(f.Fields) != 3 {
		t.Errorf("%q, %v, %+v", text, has, f)
	}
	if _, has := f.Text(body, "prompt"); has {
		t.Error("a field that is not there was found")
	}
}

func TestFieldIsFoundInEverySpelling(t *testing.T) {
	names := []string{"models", "fallbacks"}
	for field, want := range map[string]bool{
		"models": true, "Models": true, "models[]": true, "models[0][name]": true, "[models]": true, "fallbacks.0": true, "FALLBACKS": true,
		"model": false, "models_": false, "x[models]": false, "amodels": false,
	} {
		contentType, body := built(t, "file@models", "x", field, "y")
		f, err := Read(contentType, body)
		if err != nil {
			t.Fatal(err)
		}
		if found, has := f.Any(names); has != want || has && found != field {
			t.Errorf("%s: %q, %v", field, found, has)
		}
	}
}

// FuzzFormsAgainstNetHTTP holds that whatever is taken is read by Go's own library
// with the same fields in the same order, before and after a change, and that its
// server finds the one model.
func FuzzFormsAgainstNetHTTP(f *testing.F) {
	contentType, body := built(f, "model", "w", "file@a.mp3", "sound", "x[]", "")
	f.Add(contentType, body)
	paths, _ := filepath.Glob("testdata/clients/*.http")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		head, content, _ := strings.Cut(string(text), "\r\n\r\n")
		f.Add(strings.TrimPrefix(head, "Content-Type: "), []byte(content))
	}
	for _, lines := range writtenByHand {
		head, content, _ := strings.Cut(strings.Join(lines, "\r\n"), "\r\n\r\n")
		f.Add(strings.TrimPrefix(head, "Content-Type: "), []byte(content))
	}
	f.Add("multipart/form-data; boundary=b", []byte("--b--"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=model\r\n\r\n\r\n--b--"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		form, err := Read(contentType, body, "model")
		if err != nil {
			return
		}
		same(t, contentType, body, form)
		parts, err := form.Set(nil, body, "model", "mm")
		if err != nil {
			return
		}
		changed := bytes.Join(parts, nil)
		again, err := Read(contentType, changed, "model")
		if err != nil {
			t.Fatalf("after the change: %v\n%q", err, changed)
		}
		if text, _ := again.Text(changed, "model"); text != "mm" {
			t.Fatalf("model is %q in %q", text, changed)
		}
		same(t, contentType, changed, again)
	})
}

// same holds a form against what Go's library reads.
func same(t *testing.T, contentType string, body []byte, form Form) {
	t.Helper()
	var ours []string
	for _, field := range form.Fields {
		ours = append(ours, field.Name, string(body[field.Start:field.End]))
	}
	theirs, err := fieldsOf(contentType, body)
	if err != nil || !slices.Equal(ours, theirs) {
		t.Fatalf("%v: %q, theirs %q\n%q", err, ours, theirs, body)
	}
	r, _ := http.NewRequest("POST", "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		t.Fatalf("%v\n%q", err, body)
	}
	defer r.MultipartForm.RemoveAll()
	model, has := form.Text(body, "model")
	if values := r.MultipartForm.Value["model"]; has != (len(values) == 1) || has && values[0] != model || len(r.MultipartForm.File["model"]) > 0 {
		t.Fatalf("the model is %q, theirs %q\n%q", model, values, body)
	}
}

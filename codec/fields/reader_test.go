package fields

import (
	"testing"

	"uniapi/codec/rawjson"
)

func TestFirstComplaintNamesTheMemberAndWhatItMustBe(t *testing.T) {
	for _, test := range []struct {
		name, json string
		read       func(*Reader, rawjson.Value)
		want       string // the complaint; "" is none
	}{
		{"a string", `"x"`, func(r *Reader, v rawjson.Value) { r.Text(v, "a") }, ""},
		{"null is an absent string", `null`, func(r *Reader, v rawjson.Value) { r.Text(v, "a") }, ""},
		{"a number for a string", `5`, func(r *Reader, v rawjson.Value) { r.Text(v, "a.b") }, "'a.b' must be a string, not a number"},
		{"a whole number", `4096.0`, func(r *Reader, v rawjson.Value) { r.Integer(v, "a") }, ""},
		{"a fraction for a whole number", `0.5`, func(r *Reader, v rawjson.Value) { r.Integer(v, "a") }, "'a' must be a whole number"},
		{"too large a number", `1e300`, func(r *Reader, v rawjson.Value) { r.Integer(v, "a") }, "'a' must be a whole number"},
		{"a string for a truth", `"true"`, func(r *Reader, v rawjson.Value) { r.Boolean(v, "a") }, "'a' must be true or false, not a string"},
		{"a number in a list of strings", `["x",1]`, func(r *Reader, v rawjson.Value) { r.Texts(v, "a") }, "'a' must be a string, not a number"},
		{"the second complaint is not heard", `5`, func(r *Reader, v rawjson.Value) { r.Text(v, "a"); r.Boolean(v, "b") }, "'a' must be a string, not a number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v, err := rawjson.One([]byte(test.json))
			if err != nil {
				t.Fatal(err)
			}
			r := Reader{Data: []byte(test.json)}
			test.read(&r, v)
			got := ""
			if r.Err != nil {
				got = r.Err.Message
			}
			if got != test.want {
				t.Errorf("complaint %q, want %q", got, test.want)
			}
		})
	}
}

func TestNumbersKeepTheirSpellingAndWholeOnesTheirValue(t *testing.T) {
	data := []byte(`4096.0`)
	v, _ := rawjson.One(data)
	r := Reader{Data: data}
	if n := r.Number(v, "a"); n != "4096.0" {
		t.Errorf("number %s", n)
	}
	if n := r.Integer(v, "a"); n == nil || *n != 4096 {
		t.Errorf("integer %v", n)
	}
}

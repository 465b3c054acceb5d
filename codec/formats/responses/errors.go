package responses

import (
	"uniapi/codec"
	"uniapi/codec/formats/openai"
	"uniapi/codec/rawjson"
)

// DecodeError implements codec.Format.
func (Format) DecodeError(status int, contentType string, body []byte) *codec.Error {
	return codec.ReadError(status, contentType, body)
}

// EncodeError implements codec.Format.
func (Format) EncodeError(dst []byte, e *codec.Error) []byte { return openai.AppendError(dst, e) }

// refusals are the codes of failed responses that are the request's fault. They come with a success status, and no word
// in them tells another, so they would count as a fault of the provider and be tried everywhere.
var refusals = map[string]codec.Class{
	"invalid_prompt":                 codec.ClientMistake,
	"invalid_image":                  codec.ClientMistake,
	"invalid_image_format":           codec.ClientMistake,
	"invalid_base64_image":           codec.ClientMistake,
	"invalid_image_url":              codec.ClientMistake,
	"invalid_image_mode":             codec.ClientMistake,
	"image_too_large":                codec.ClientMistake,
	"image_too_small":                codec.ClientMistake,
	"image_parse_error":              codec.ClientMistake,
	"image_file_too_large":           codec.ClientMistake,
	"image_file_not_found":           codec.ClientMistake,
	"unsupported_image_media_type":   codec.ClientMistake,
	"empty_image_file":               codec.ClientMistake,
	"failed_to_download_image":       codec.ClientMistake,
	"image_content_policy_violation": codec.ContentPolicy,
	"bio_policy":                     codec.ContentPolicy,
	"misalignment_policy_violation":  codec.ContentPolicy,
}

// blamed puts the blame for a failed response where its code says.
func blamed(e *codec.Error) *codec.Error {
	if class, found := refusals[e.Code]; found {
		e.Status, e.Class, e.Type = 400, class, "invalid_request_error"
	}
	return e
}

// asError reads an object that is an error, in either of its forms.
func asError(data []byte) *codec.Error {
	_, err := codec.CheckObject(data)
	if e, is := err.(*codec.Error); is {
		return blamed(e)
	}
	v, err := rawjson.One(data)
	if err != nil {
		return nil
	}
	if message, _ := rawjson.Text(data, v.Get(data, "message")); message == "" {
		return nil
	}
	// {"type":"error","code","message"}: an error object without the member around it
	_, failure := codec.CheckObject(append(append([]byte(`{"error":`), data...), '}'))
	e, is := failure.(*codec.Error)
	if !is {
		return nil
	}
	return blamed(e)
}

// failed is the error of a response that came to nothing.
func failed(data []byte, response rawjson.Value) *codec.Error {
	if response.Present() {
		if e := asError(response.Raw(data)); e != nil {
			return e
		}
	}
	return codec.NoAnswer("the upstream gave the response up without saying why")
}

// noResponse is the error for an object with no output in it: some servers write their errors in shapes of their own.
func noResponse(body []byte) *codec.Error {
	e := codec.ReadError(502, "application/json", body)
	e.InAnswer, e.Class = true, codec.Semantic
	return e
}

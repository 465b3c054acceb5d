package openai

import (
	"cmp"

	"uniapi/codec"
	"uniapi/codec/rawjson"
)

// AppendError appends the body that an OpenAI client expects of an error.
func AppendError(dst []byte, e *codec.Error) []byte {
	dst = append(dst, `{"error":{"message":`...)
	dst = rawjson.AppendString(dst, e.Message)
	dst = append(dst, `,"type":`...)
	dst = rawjson.AppendString(dst, cmp.Or(e.Type, "server_error"))
	dst = append(dst, `,"param":`...)
	dst = appendTextOrNull(dst, e.Param)
	dst = append(dst, `,"code":`...)
	dst = appendTextOrNull(dst, e.Code)
	return append(dst, "}}"...)
}

// AppendErrorEvent appends the error as the last event of a stream that has begun. No [DONE] follows: the stream did
// not end well.
func AppendErrorEvent(dst []byte, e *codec.Error) []byte {
	dst = append(dst, "data: "...)
	dst = AppendError(dst, e)
	return append(dst, "\n\n"...)
}

func appendTextOrNull(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return rawjson.AppendString(dst, s)
}

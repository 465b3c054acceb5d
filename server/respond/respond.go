// Package respond is what answers of the gateway's own are made with.
package respond

import (
	"fmt"

	"github.com/valyala/fasthttp"

	"uniapi/codec"
)

// Errorf makes an error of our own in OpenAI's terms.
func Errorf(status int, kind, code, format string, args ...any) *codec.Error {
	class := codec.ClientMistake
	if status >= 500 {
		class = codec.Server
	}
	return &codec.Error{Status: status, Class: class, Type: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// JSON answers with what v is in JSON.
func JSON(ctx *fasthttp.RequestCtx, status int, v any) {
	body, err := marshal(v)
	if err != nil { // of our own types: never
		panic(err)
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	ctx.Response.SetBodyRaw(body)
}

// Written answers with JSON that is written already, and holds for this moment only.
func Written(ctx *fasthttp.RequestCtx, text []byte) {
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	ctx.SetContentType("application/json")
	ctx.Response.SetBodyRaw(text)
}

// Fresh answers with what holds for this moment only.
func Fresh(ctx *fasthttp.RequestCtx, v any) {
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	JSON(ctx, fasthttp.StatusOK, v)
}

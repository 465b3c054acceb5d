package entry

import (
	"bytes"
	"net/netip"

	"github.com/valyala/fasthttp"

	"uniapi/server/conn"
)

// ClientOf is the address a request comes from, as far as it can be believed:
// what a trusted proxy says of whom it speaks for, else the connection's other
// end.
func ClientOf(ctx *fasthttp.RequestCtx, trusted conn.Networks) netip.Addr {
	source := conn.Of(ctx.Conn()).Source()
	if len(trusted) == 0 {
		return source
	}
	return trusted.Behind(source, ctx.Request.Header.PeekAll(fasthttp.HeaderXForwardedFor))
}

// Bearer returns the token of an Authorization header. The scheme's case does
// not matter.
func Bearer(value []byte) []byte {
	const scheme = "bearer "
	if len(value) < len(scheme) || !bytes.EqualFold(value[:len(scheme)], []byte(scheme)) {
		return nil
	}
	return bytes.TrimSpace(value[len(scheme):])
}

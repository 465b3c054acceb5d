package server

import (
	"bytes"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"uniapi/config"
)

// keptBack are headers that passthrough_request_headers cannot name: the
// client's key is for this gateway, and the rest is between each two machines.
var keptBack = []string{
	"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "proxy-authorization", "proxy-authenticate", "proxy-connection",
	"host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "keep-alive", "te", "trailer",
	"upgrade", "expect", "accept-encoding",
}

// passHeaders puts the client's headers that the provider is to see
// (passthrough_request_headers) into the prepared header, in the place of those
// of the same name. dst is a buffer to write to.
func passHeaders(dst, prepared []byte, from *fasthttp.RequestHeader, p *config.Provider) []byte {
	names := slices.DeleteFunc(slices.Clone(p.Preferences.PassthroughHeaders), func(n string) bool {
		return !passable(n) || len(from.Peek(n)) == 0 || ofConnection(from, n)
	})
	dst = dst[:0]
	for line := range bytes.Lines(prepared) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		overruled := slices.ContainsFunc(names, func(n string) bool {
			return strings.EqualFold(n, string(name))
		})
		if !overruled {
			dst = append(dst, line...)
		}
	}
	for _, n := range names {
		dst = append(append(append(append(dst, n...), ": "...), from.Peek(n)...), "\r\n"...)
	}
	return dst
}

// ofConnection says whether a client has said by its Connection header that another
// one is for this gateway alone.
func ofConnection(from *fasthttp.RequestHeader, name string) bool {
	for key, list := range from.All() {
		if !strings.EqualFold(string(key), fasthttp.HeaderConnection) {
			continue
		}
		for option := range bytes.SplitSeq(list, []byte(",")) {
			if strings.EqualFold(string(bytes.TrimSpace(option)), name) {
				return true
			}
		}
	}
	return false
}

func passable(name string) bool {
	return !slices.Contains(keptBack, strings.ToLower(name))
}

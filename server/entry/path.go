// Package entry looks at what comes before it is a request: the path as the router has it, the
// id, the client's address behind proxies, compressed bodies.
package entry

import "bytes"

// Path is a path as the router knows it. Base URLs come with /v1, without,
// and with it twice, paths with a slash at their end, and all are meant well.
func Path(path []byte) []byte {
	if string(path) != "/dashboard/" {
		for len(path) > 1 && path[len(path)-1] == '/' {
			path = path[:len(path)-1]
		}
	}
	if bytes.HasPrefix(path, []byte("/v1/")) && !bytes.HasPrefix(path, []byte("/v1/v1")) {
		return path
	}
	if rest, is := bytes.CutPrefix(path, []byte("/v1alpha/")); is {
		path = append([]byte("/v1beta/"), rest...)
	}
	for bytes.HasPrefix(path, []byte("/v1/v1/")) || bytes.HasPrefix(path, []byte("/v1/v1beta/")) {
		path = path[len("/v1"):]
	}
	for _, bare := range bareEndpoints {
		if bytes.HasPrefix(path, []byte(bare)) && (len(path) == len(bare) || path[len(bare)] == '/') {
			return append([]byte("/v1"), path...)
		}
	}
	return path
}

// bareEndpoints are what a path begins with if its /v1 was left out.
var bareEndpoints = []string{
	"/chat/completions", "/completions", "/responses", "/messages", "/models", "/embeddings", "/images", "/audio", "/moderations", "/rerank", "/search",
}

package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// imageSize is how large the images are that attackers name.
const imageSize = 1 << 20

// hugeImages serves an image at each path.
func hugeImages(t testing.TB) string {
	image := []byte(aPNG + strings.Repeat("x", imageSize))
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Write(image)
	}))
	t.Cleanup(host.Close)
	return host.URL
}

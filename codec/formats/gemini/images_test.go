package gemini

import (
	"testing"

	"uniapi/codec/images"
)

func TestSizesBecomeTheNearestRatio(t *testing.T) {
	for _, tt := range []struct{ size, gemini, imagen, resolution string }{
		{"1024x1024", "1:1", "1:1", ""}, {"256x256", "1:1", "1:1", ""}, {"1536x1024", "3:2", "4:3", ""}, {"1024x1536", "2:3", "3:4", ""},
		{"1792x1024", "16:9", "16:9", ""}, {"1024x1792", "9:16", "9:16", ""}, {"2048x2048", "1:1", "1:1", "2K"}, {"3840x2160", "16:9", "16:9", "4K"},
		{"1000x1", "21:9", "16:9", ""}, {"4:5", "4:5", "3:4", ""}, {"1280X1024", "5:4", "4:3", ""},
	} {
		d, ok := images.ReadSize(tt.size)
		if gemini, imagen := d.Nearest(geminiRatios), d.Nearest(imagenRatios); !ok || gemini != tt.gemini || imagen != tt.imagen || d.Resolution() != tt.resolution {
			t.Errorf("%s: %s, %s, %q", tt.size, gemini, imagen, d.Resolution())
		}
	}
}

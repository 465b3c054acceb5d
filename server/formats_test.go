package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"uniapi/codec/formats"
)

// stillNaming are the files of server that name a format, which none is to do in the
// end: a format says of itself what it is like (codec.Traits), and the registry
// (codec/formats) lists it. The list only shrinks.
var stillNaming = []string{
	"attempt.go",
	"body_upstream.go",
	"capabilities.go",
	"face.go",
	"face_gemini.go",
	"face_google_embed.go",
	"face_messages.go",
	"face_plain.go",
	"face_responses.go",
	"google.go",
	"header_upstream.go",
	"inbound.go",
	"natives.go",
	"overrides.go",
	"prefill.go",
	"preview.go",
	"snapshot.go",
}

// namesFormat says whether a file imports a format, or has the name of one as a word.
func namesFormat(t *testing.T, path string) bool {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		word, is := n.(*ast.BasicLit)
		if !is || word.Kind != token.STRING {
			return true
		}
		text, _ := strconv.Unquote(word.Value)
		found = found || formats.All[text] != nil || strings.HasPrefix(text, "uniapi/codec/formats/")
		return true
	})
	return found
}

func TestNoFurtherFileOfServerNamesAFormat(t *testing.T) {
	var naming []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path == "command" {
			return filepath.SkipDir // it writes configurations, which name engines
		}
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && namesFormat(t, path) {
			naming = append(naming, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range naming {
		if !slices.Contains(stillNaming, path) {
			t.Errorf("%s names a format: what it must know of it belongs into the Traits of package codec", path)
		}
	}
	for _, path := range stillNaming {
		if !slices.Contains(naming, path) {
			t.Errorf("%s names no format any more: take it off the list", path)
		}
	}
}

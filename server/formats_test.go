package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"uniapi/codec/formats"
)

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

// A format says of itself what it is like (codec.Properties, codec/front), and the registry lists it.
func TestNoFileOfServerNamesAFormat(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (path == "command" || path == "capture") {
			return filepath.SkipDir // one writes configurations, which name engines, the other lists words of heads and paths that may stand in a report
		}
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && namesFormat(t, path) {
			t.Errorf("%s names a format: what it must know of it belongs into the Properties of package codec, or into codec/front", filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

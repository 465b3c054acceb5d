package server

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport is DESIGN's direction of imports: main → server → {balancer, pool,
// codec, usage} → config. Packages below one of these follow its rule.
var mayImport = map[string][]string{
	"config":   {},
	"codec":    {"codec"},
	"balancer": {"config"},
	"pool":     {"config", "codec"},
	"usage":    {"config", "codec"},
	"e2e":      {}, // tests only
	"server":   {"balancer", "pool", "codec", "usage", "config"},
}

func TestImportsPointOneWay(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		room, _, _ := strings.Cut(strings.TrimPrefix(filepath.ToSlash(path), "../"), "/")
		allowed, ruled := mayImport[room]
		if !ruled {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imported := range file.Imports {
			name, _ := strconv.Unquote(imported.Path.Value)
			ours, found := strings.CutPrefix(name, "uniapi/")
			if !found {
				continue
			}
			target, _, _ := strings.Cut(ours, "/")
			if target != room && !slices.Contains(allowed, target) || room == "config" {
				t.Errorf("%s imports %s: imports point from server to balancer, pool, codec and usage, and from those to config", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

package formats

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// dialectOf are the formats that are another one in other clothes, and may import that: Bedrock's InvokeModel has
// Anthropic's messages in an envelope, and Responses is OpenAI's other API, with its errors, its rules of models and
// its embeddings' clients in common. docs/architecture.md says so.
var dialectOf = map[string]string{"bedrock": "anthropic", "responses": "openai"}

const formatsPath = "uniapi/codec/formats/"

func TestFormatsImportNoOtherButThatOfWhichTheyAreADialect(t *testing.T) {
	leans := map[string]bool{}
	for _, file := range sources(t, ".") {
		folder, _, inFolder := strings.Cut(filepath.ToSlash(file), "/")
		if !inFolder {
			continue // the registry
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range parsed.Imports {
			path, _ := strconv.Unquote(imported.Path.Value)
			other, is := strings.CutPrefix(path, formatsPath)
			switch {
			case !is:
			case other != dialectOf[folder]:
				t.Errorf("%s imports the format %s: what both need goes to a package of codec", file, other)
			default:
				leans[folder] = true
			}
		}
	}
	for folder, other := range dialectOf {
		if !leans[folder] {
			t.Errorf("%s imports %s no more: it is to go from the list here and from docs/architecture.md", folder, other)
		}
	}
}

// TestWalkThroughOfAddingAFormatIsTrue holds the page to the example: it names the example's files in the order in
// which to write them, and there are no others; its folder and one line are all that it took.
func TestWalkThroughOfAddingAFormatIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Adding a format\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var named []string
	for _, path := range regexp.MustCompile("`codec/formats/((?:pretend/)?[a-z_]+\\.go)`").FindAllStringSubmatch(section, -1) {
		if path[1] != "formats.go" {
			named = append(named, path[1])
		}
	}
	if want := []string{"pretend/format.go", "pretend/inbound.go", "example.go"}; !slices.Equal(named, want) {
		t.Errorf("the page names %q, in the order of the steps it is %q", named, want)
	}
	for _, file := range sources(t, ".") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		relative := file
		if bytes.HasPrefix(text, []byte("//go:build example\n")) != slices.Contains(named, filepath.ToSlash(relative)) {
			t.Errorf("%s is of the example and not named, or the other way round", file)
		}
	}
	line, err := os.ReadFile("example.go")
	if err != nil || bytes.Count(line, []byte("entry{")) != 1 || bytes.Count(line, []byte("\nfunc ")) != 1 {
		t.Errorf("the registry has another line than one for the example: %v\n%s", err, line)
	}
	_, first, _ := strings.Cut(section, "1. **The folder**")
	first, _, _ = strings.Cut(first, "2. **")
	files := regexp.MustCompile("`([a-z_]+\\.go)`").FindAllStringSubmatch(first, -1)
	if len(files) == 0 {
		t.Error("the first step names no files")
	}
	for _, file := range files {
		if _, err := os.Stat("cohere/" + file[1]); err != nil {
			t.Errorf("the first step names a file that the smallest real format does not have: %v", err)
		}
	}
}

// sources are the files of the program below a folder, without tests.
func sources(t *testing.T, root string) (files []string) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "build") {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

package server

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// lineWidth is how wide a line of a page, and one that is nothing but a comment, may be, in characters; a tab counts as
// four.
const lineWidth = 120

// tooWide says whether a text goes beyond the width and could be broken at a space: a link, or code between backquotes,
// cannot.
func tooWide(text string) bool {
	if utf8.RuneCountInString(strings.ReplaceAll(text, "\t", "    ")) <= lineWidth {
		return false
	}
	text = regexp.MustCompile("`[^`]*`").ReplaceAllString(strings.TrimLeft(text, " \t/"), "code")
	text = regexp.MustCompile(`^([-*+]|\d+\.) +`).ReplaceAllString(text, "")
	return strings.Contains(text, " ")
}

func TestPagesAreWrappedAtOneWidth(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) < 8 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for _, path := range append(pages, "../README.md", "../SECURITY.md", "../CONTRIBUTING.md", "../CHANGELOG.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		code := false
		for i, line := range strings.Split(string(text), "\n") {
			start := strings.TrimSpace(line)
			if strings.HasPrefix(start, "```") {
				code = !code
			}
			// Tables, pictures and code have a width of their own.
			if !code && !strings.HasPrefix(start, "|") && !strings.HasPrefix(start, "![") && !strings.HasPrefix(line, "    ") && tooWide(line) {
				t.Errorf("%s:%d is wider than %d characters: %s", path, i+1, lineWidth, line)
			}
		}
	}
}

func TestCommentsAreWrappedAtOneWidth(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "build", "dist", "testdata", "data"}, entry.Name()) {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := strings.Split(string(text), "\n")
		file := token.NewFileSet().AddFile(path, -1, len(text))
		var s scanner.Scanner
		s.Init(file, text, nil, scanner.ScanComments)
		for {
			pos, tok, comment := s.Scan()
			if tok == token.EOF {
				return nil
			}
			if tok != token.COMMENT || !strings.HasPrefix(comment, "// ") || strings.HasPrefix(comment, "// Output:") {
				continue
			}
			line := lines[file.Line(pos)-1]
			if strings.HasPrefix(strings.TrimSpace(line), "//") && tooWide(line) {
				t.Errorf("%s:%d is wider than %d characters: %s", path, file.Line(pos), lineWidth, line)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

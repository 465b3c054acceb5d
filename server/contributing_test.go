package server

import (
	"cmp"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func contents(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The checklists of CONTRIBUTING.md name files; one that has moved leads nowhere.
func TestChecklistsNameFilesThatThereAre(t *testing.T) {
	found := regexp.MustCompile("`([a-z0-9_./-]+/[a-z0-9_./-]*)`").FindAllStringSubmatch(contents(t, "CONTRIBUTING.md"), -1)
	if len(found) < 15 {
		t.Fatalf("%d files are named", len(found))
	}
	for _, f := range found {
		if _, err := os.Stat(filepath.Join("..", f[1])); err != nil && f[1] != ".ci/run" {
			t.Error(err)
		}
	}
}

func TestWorkflowsRunStepsThatThereAre(t *testing.T) {
	of := regexp.MustCompile(`(?m)^steps=\((.*)\)$`).FindStringSubmatch(contents(t, ".ci", "run"))
	if of == nil {
		t.Fatal(".ci/run names no steps")
	}
	steps, run := strings.Fields(of[1]), map[string]bool{"conformance": true} // the cases stand beside the repository
	files, err := filepath.Glob(filepath.Join("..", ".github", "workflows", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatal("there are no workflows: ", err)
	}
	for _, file := range files {
		text := contents(t, ".github", "workflows", filepath.Base(file))
		for _, words := range regexp.MustCompile(`(?m)(?:\.ci/run|step: \[)([^$\]\n]*)`).FindAllStringSubmatch(text, -1) {
			for _, step := range strings.FieldsFunc(words[1], func(r rune) bool { return r == ' ' || r == ',' }) {
				if run[step] = true; !slices.Contains(steps, step) {
					t.Errorf("%s: .ci/run has no step %s", filepath.Base(file), step)
				}
			}
		}
	}
	for _, step := range steps {
		if !run[step] {
			t.Errorf("no workflow runs %s", step)
		}
	}
}

// go doc shows what a package is for, and so does the page of whoever looks for a place.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	packages, told := map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && slices.Contains([]string{".git", "build", "dist", "testdata"}, entry.Name()) {
			return cmp.Or(err, filepath.SkipDir)
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		packages[filepath.Dir(path)] = true
		if text := file.Doc.Text(); strings.HasPrefix(text, "Package "+file.Name.Name+" ") || file.Name.Name == "main" && strings.HasPrefix(text, "Command ") {
			told[filepath.Dir(path)] = true
		}
		return nil
	})
	if err != nil || len(packages) < 60 {
		t.Fatalf("%d packages: %v", len(packages), err)
	}
	for folder := range packages {
		if !told[folder] {
			t.Errorf("%s has no comment that says what the package is for", folder)
		}
	}
}

package server

import (
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
func TestTheChecklistsNameFilesThatThereAre(t *testing.T) {
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

func TestTheWorkflowsRunStepsThatThereAre(t *testing.T) {
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

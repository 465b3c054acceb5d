package config

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	headings    = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are what the headings of a document can be linked by.
func anchors(text string) (out []string) {
	for _, h := range headings.FindAllStringSubmatch(text, -1) {
		kept := notInAnchor.ReplaceAllString(strings.ToLower(h[1]), "")
		out = append(out, strings.ReplaceAll(kept, " ", "-"))
	}
	return out
}

func TestLinksInTheDocumentsLeadSomewhere(t *testing.T) {
	documents, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	of := map[string][]string{} // anchors, of the documents that are linked to
	for _, document := range append(documents, "../README.md", "../SECURITY.md", "../CONTRIBUTING.md", "../CHANGELOG.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range regexp.MustCompile(`\]\(([^()\s]+)\)`).FindAllStringSubmatch(string(text), -1) {
			path, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			target := filepath.Join(filepath.Dir(document), path)
			if path == "" {
				target = document
			}
			there, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); statErr != nil || err != nil && !info.IsDir() {
				t.Errorf("%s: %s leads nowhere", document, link[1])
			} else if anchor != "" {
				if of[target] == nil {
					of[target] = anchors(string(there))
				}
				if !slices.Contains(of[target], anchor) {
					t.Errorf("%s: %s names no heading", document, link[1])
				}
			}
		}
	}
}

// A page that is installed shows a plot, so it has a copy of it.
func TestPlotBesideTheDocumentsIsThatOfTheLastRun(t *testing.T) {
	run, err := os.ReadFile("../bench/results/peers.svg")
	if err != nil {
		t.Fatal(err)
	}
	if shown, err := os.ReadFile("../docs/peers.svg"); err != nil || !bytes.Equal(shown, run) {
		t.Errorf("cp bench/results/peers.svg docs/: %v", err)
	}
}

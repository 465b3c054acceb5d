package admin

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A policy that forbids what the page does would show in a browser only.
func TestDashboardKeepsToItsPolicy(t *testing.T) {
	forbidden := map[string]*regexp.Regexp{
		".html": regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script(?:>|\s+[^>]*>\s*[^<\s])|<base|https?://`),
		".css":  regexp.MustCompile(`(?i)@import|url\(`),
		".js":   regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\('(style|on)|https?://`),
		".svg":  regexp.MustCompile(`(?i)<style|\sstyle=|<script|\son[a-z]+=`),
	}
	seen := 0
	err := filepath.WalkDir("dashboard", func(path string, entry fs.DirEntry, err error) error {
		rule := forbidden[filepath.Ext(path)]
		if err != nil || rule == nil || strings.Contains(path, "vendor") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range rule.FindAllString(string(text), -1) {
			t.Errorf("%s has %q", path, found)
		}
		seen++
		return err
	})
	if err != nil || seen < 5 {
		t.Errorf("%v after %d files", err, seen)
	}
}
